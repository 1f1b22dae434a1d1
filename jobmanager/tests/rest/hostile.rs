//! Whatever clients send, the server goes on answering.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::cluster::Cluster;
use super::http::{self, PATIENCE};

/// How many mutated requests are sent.
const CASES: u32 = 1_500;

/// Requests to begin with.
const SEEDS: [&str; 17] = [
    "GET /jobs/overview HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    "GET /v1/jobs/76ad90b7c99e99e971657c7ed25f7581?get=a,b HTTP/1.1\r\nhost: a\r\n\r\n",
    "PATCH /jobs/76ad90b7c99e99e971657c7ed25f7581?mode=cancel HTTP/1.1\r\nhost: a\r\n\r\n",
    "GET /jobs/metrics?get=uptime&agg=min,max&jobs=ffffffffffffffffffffffffffffffff HTTP/1.1\r\n\r\n",
    "GET /taskmanagers/metrics?get=a&agg=skew&taskmanagers=a HTTP/1.1\r\nhost: a\r\n\r\n",
    "GET /jobmanager/logs/..%2F..%2Fetc%2Fpasswd HTTP/1.1\r\nhost: a\r\n\r\n",
    "POST /jars/x.jar/run HTTP/1.1\r\nhost: a\r\ncontent-length: 35\r\n\r\n\
     {\"entryClass\":\"a\",\"parallelism\":\"2\"}",
    "POST /jobs/76ad90b7c99e99e971657c7ed25f7581/savepoints HTTP/1.1\r\nhost: a\r\n\
     content-length: 49\r\n\r\n{\"target-directory\":\"file:///x\",\"cancel-job\":true}",
    "PUT /jobs/76ad90b7c99e99e971657c7ed25f7581/resource-requirements HTTP/1.1\r\nhost: a\r\n\
     content-length: 96\r\n\r\n{\"cbc357ccb763df2852fee8c4fc7d55f2\":{\"parallelism\":\
     {\"lowerBound\":1,\"upperBound\":1}}}            ",
    "POST /jars/upload HTTP/1.1\r\nhost: a\r\ncontent-type: multipart/form-data; boundary=b\r\n\
     content-length: 97\r\n\r\n--b\r\ncontent-disposition: form-data; name=\"jarfile\"; \
     filename=\"a.jar\"\r\n\r\nPK\x03\x04nonsense\r\n--b--\r\n",
    "POST /jobs HTTP/1.1\r\nhost: a\r\ncontent-type: multipart/form-data; boundary=b\r\n\
     transfer-encoding: chunked\r\n\r\n5\r\n--b\r\n\r\n0\r\n\r\n",
    "DELETE /jars/..%2f..%2fx.jar HTTP/1.1\r\nhost: a\r\naccept-encoding: gzip\r\n\r\n",
    "POST /jobs/76ad90b7c99e99e971657c7ed25f7581/stop HTTP/1.1\r\nhost: a\r\n\
     content-length: 64\r\n\r\n\
     {\"targetDirectory\":\"s3://b/\",\"drain\":true,\"formatType\":\"NATIVE\"}",
    "POST /savepoint-disposal HTTP/1.1\r\nhost: a\r\ncontent-length: 52\r\n\r\n\
     {\"savepoint-path\":\"file:///proc/self/../../nothing\"}",
    "POST /jobs/76ad90b7c99e99e971657c7ed25f7581/rescale HTTP/1.1\r\nhost: a\r\n\
     content-length: 51\r\n\r\n{\"vertices\":{\"cbc357ccb763df2852fee8c4fc7d55f2\":2}}",
    "GET /jobs/76ad90b7c99e99e971657c7ed25f7581/checkpoints/details/18446744073709551615/subtasks/\
     cbc357ccb763df2852fee8c4fc7d55f2 HTTP/1.1\r\nhost: a\r\n\r\n",
    "POST /jobs/76ad90b7c99e99e971657c7ed25f7581/checkpoints HTTP/1.1\r\nhost: a\r\n\
     content-length: 72\r\n\r\n\
     {\"checkpointType\":\"FULL\",\"triggerId\":\"00000000000000000000000000000001\"}",
];

/// A change of a request.
#[derive(Clone, Debug)]
enum Mutation {
    Set(prop::sample::Index, u8),
    Remove(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Repeat(prop::sample::Index, u8),
    Cut(prop::sample::Index),
}

impl Mutation {
    fn any() -> impl Strategy<Value = Self> {
        let index = any::<prop::sample::Index>;
        prop_oneof![
            (index(), any::<u8>()).prop_map(|(at, byte)| Self::Set(at, byte)),
            (index(), 1..20_u8).prop_map(|(at, count)| Self::Remove(at, count)),
            (index(), prop::collection::vec(any::<u8>(), 1..40))
                .prop_map(|(at, bytes)| Self::Insert(at, bytes)),
            (index(), any::<u8>()).prop_map(|(at, count)| Self::Repeat(at, count)),
            index().prop_map(Self::Cut),
        ]
    }

    fn apply(&self, request: &mut Vec<u8>) {
        if request.is_empty() {
            return;
        }
        match self {
            Self::Set(at, byte) => *at.get_mut(request) = *byte,
            Self::Remove(at, count) => {
                let at = at.index(request.len());
                let end = (at + usize::from(*count)).min(request.len());
                request.drain(at..end);
            }
            Self::Insert(at, bytes) => {
                let at = at.index(request.len());
                request.splice(at..at, bytes.iter().copied());
            }
            Self::Repeat(at, count) => {
                let at = at.index(request.len());
                let byte = request[at];
                request.splice(at..at, std::iter::repeat_n(byte, usize::from(*count) * 16));
            }
            Self::Cut(at) => request.truncate(at.index(request.len())),
        }
    }
}

#[test]
fn mutated_requests_neither_crash_nor_hang_the_server() {
    let cluster = Cluster::start();
    let address = cluster.rest();
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        max_shrink_iters: 20,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    let strategy = (0..SEEDS.len(), prop::collection::vec(Mutation::any(), 0..6));
    runner
        .run(&strategy, |(seed, mutations)| {
            let mut request = SEEDS[seed].as_bytes().to_vec();
            for mutation in &mutations {
                mutation.apply(&mut request);
            }
            // A DELETE of the cluster would be obeyed.
            if !request.windows(7).any(|window| window == b"cluster") {
                // Ends with an answer or a closed connection within the client's patience.
                http::send(address, &request);
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(http::get(address, "/overview").status, 200);
}

#[test]
fn bodies_about_checkpoints_that_make_no_sense_are_refused() {
    let cluster = Cluster::start();
    let address = cluster.rest();
    let job = "/jobs/76ad90b7c99e99e971657c7ed25f7581";
    let deep = "[".repeat(100_000);
    let long = format!(r#"{{"savepoint-path": "{}"}}"#, "x/".repeat(1 << 20));
    for (path, body) in [
        ("/savepoints", r#"{"target-directory": 1}"#),
        ("/savepoints", r#"{"cancel-job": "perhaps"}"#),
        ("/savepoints", r#"{"triggerId": "not hex"}"#),
        ("/savepoints", r#"{"triggerId": "00000000000000000000000000000001", "triggerId": null}"#),
        ("/savepoints", "[]"),
        ("/savepoints", "\0"),
        ("/savepoints", &deep),
        ("/checkpoints", r#"{"checkpointType": "full"}"#),
        ("/checkpoints", r#"{"checkpointType": {"FULL": 1}}"#),
        ("/stop", r#"{"drain": 1}"#),
        ("/stop", r#"{"formatType": "canonical "}"#),
        ("/rescale", "{}"),
        ("/rescale", r#"{"vertices": {"x": 1}}"#),
        ("/rescale", r#"{"vertices": {"cbc357ccb763df2852fee8c4fc7d55f2": -1}}"#),
        ("/rescale", r#"{"vertices": {"cbc357ccb763df2852fee8c4fc7d55f2": 4294967296}}"#),
    ] {
        let path = format!("{job}{path}");
        let answer = http::request(address, "POST", &path, &[], body.as_bytes());
        assert_eq!(answer.status, 400, "{path} {body:.60}");
    }
    for body in [r#"{"savepoint-path": null}"#, r#"{"savepoint-path": []}"#, "null"] {
        let answer = http::request(address, "POST", "/savepoint-disposal", &[], body.as_bytes());
        assert_eq!(answer.status, 400, "{body}");
    }
    // It is a text, and no savepoint: the operation says so.
    let answer = http::request(address, "POST", "/savepoint-disposal", &[], long.as_bytes());
    assert_eq!(answer.status, 200);
    assert_eq!(http::get(address, "/overview").status, 200);
}

#[test]
fn nothing_but_a_savepoint_is_disposed_of() {
    let cluster = Cluster::start();
    let address = cluster.rest();
    let directory = tempfile::tempdir().unwrap();
    let kept = directory.path().join("kept");
    std::fs::write(&kept, "precious").unwrap();
    let empty = directory.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    std::fs::write(directory.path().join("_metadata"), "no metadata").unwrap();
    for path in [directory.path(), &kept, &empty, Path::new("/no/such/place"), Path::new("/")] {
        let body = serde_json::json!({ "savepoint-path": path });
        let trigger = http::post(address, "/savepoint-disposal", &body).json();
        let status = format!("/savepoint-disposal/{}", trigger["request-id"].as_str().unwrap());
        let begin = Instant::now();
        let answer = loop {
            let answer = http::get(address, &status).json();
            if answer["status"]["id"] == "COMPLETED" {
                break answer;
            }
            assert!(begin.elapsed() < PATIENCE, "{answer}");
        };
        let text = answer["operation"]["failure-cause"]["stack-trace"].as_str().unwrap();
        assert!(text.contains("Could not dispose savepoint"), "{text}");
        assert!(text.contains("Caused by: "), "{text}");
    }
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "precious");
    assert!(empty.is_dir() && directory.path().join("_metadata").is_file());
}

#[test]
fn who_sends_the_head_of_a_request_too_slowly_is_cut_off() {
    let cluster = Cluster::start_with(|options| options.head_timeout = Duration::from_millis(300));
    let mut stream = http::connect(cluster.rest());
    let begin = Instant::now();
    stream.write_all(b"GET /overview HTTP/1.1\r\nho").unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(begin.elapsed() >= Duration::from_millis(200), "cut off too early");
    assert!(begin.elapsed() < PATIENCE / 2, "not cut off");
}

#[test]
fn who_stops_in_the_middle_of_a_body_is_cut_off() {
    let cluster =
        Cluster::start_with(|options| options.idleness_timeout = Duration::from_millis(300));
    for head in [
        "POST /jars/x.jar/run HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{",
        "POST /jars/upload HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\
         content-type: multipart/form-data; boundary=b\r\n\r\n--b\r\n\
         content-disposition: form-data; name=\"f\"; filename=\"a.jar\"\r\n\r\nxxx",
        "POST /jobs HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\
         content-type: multipart/form-data; boundary=b\r\n\r\n--b\r\n",
    ] {
        let mut stream = http::connect(cluster.rest());
        let begin = Instant::now();
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(begin.elapsed() < PATIENCE / 2, "not cut off: {head}");
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 4"), "{head}: {answer}");
    }
    assert_eq!(http::get(cluster.rest(), "/overview").status, 200);
}

#[test]
fn bodies_that_are_too_large_are_refused() {
    let cluster = Cluster::start_with(|options| {
        options.max_content_length = 1_000;
        options.max_upload_bytes = 100_000;
    });
    let address = cluster.rest();
    let json = format!("{{\"entryClass\":\"{}\"}}", "x".repeat(2_000));
    let answer = http::request(address, "POST", "/jars/x.jar/run", &[], json.as_bytes());
    assert_eq!(answer.status, 413);
    let answer = upload(address, "a.jar", &vec![b'x'; 200_000]);
    assert_eq!(answer.status, 413);
    assert_eq!(http::get(address, "/jars").json()["files"], serde_json::json!([]));
}

#[test]
fn who_reads_only_when_all_is_sent_hears_why_an_upload_is_refused() {
    use std::io::{Read, Write};

    // More than lies in the buffers of a connection.
    const FILE_BYTES: usize = 32 << 20;

    let cluster = Cluster::start_with(|options| options.max_upload_bytes = 100_000);
    let mut stream = http::connect(cluster.rest());
    let head = "--b\r\ncontent-disposition: form-data; name=\"f\"; filename=\"a.jar\"\r\n\r\n";
    let end = "\r\n--b--\r\n";
    let request = format!(
        "POST /jars/upload HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: \
         multipart/form-data; boundary=b\r\ncontent-length: {}\r\n\r\n{head}",
        head.len() + FILE_BYTES + end.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream.write_all(&vec![b'x'; FILE_BYTES]).unwrap();
    stream.write_all(end.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[test]
fn many_connections_at_once_are_all_served() {
    let cluster = Cluster::start_with(|options| options.max_connections = 4);
    let address = cluster.rest();
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(move || assert_eq!(http::get(address, "/jobs").status, 200));
        }
    });
}

#[test]
fn who_asks_for_the_health_of_a_busy_server_is_answered() {
    let cluster = Cluster::start_with(|options| options.max_requests = 0);
    let address = cluster.rest();
    assert_eq!(http::get(address, "/overview").status, 503);
    for path in ["/livez", "/readyz"] {
        let answer = http::get(address, path);
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"ok\n"[..]), "{path}");
    }
}

#[test]
fn who_connects_and_asks_nothing_keeps_nobody_out() {
    let cluster = Cluster::start_with(|options| options.max_connections = 8);
    let address = cluster.rest();
    let mut silent: Vec<_> = (0..20).map(|_| http::connect(address)).collect();
    silent[3].write_all(b"GET /overview HTTP/1.1\r\nho").unwrap();
    let begin = Instant::now();
    for _ in 0..5 {
        assert_eq!(http::get(address, "/overview").status, 200);
    }
    // Those that asked nothing would be cut off after half a minute only.
    assert!(begin.elapsed() < PATIENCE / 2, "{:?}", begin.elapsed());
}

#[test]
fn packages_that_are_none_are_refused_with_the_reason() {
    let cluster = Cluster::start();
    for (name, bytes, reason) in [
        ("a.txt", &b"hello"[..], "Only Jar files"),
        ("a.jar", b"hello", "refused"),
        ("a.jar", b"", "refused"),
        ("../../a.jar", b"PK\x05\x06\0\0", "refused"),
    ] {
        let answer = upload(cluster.rest(), name, bytes);
        let text = answer.json()["errors"][0].as_str().unwrap().to_owned();
        assert_eq!(answer.status, 400, "{name}: {text}");
        assert!(text.contains(reason), "{name}: {text}");
    }
    assert_eq!(http::get(cluster.rest(), "/jars").json()["files"], serde_json::json!([]));
}

pub fn upload(address: SocketAddr, name: &str, bytes: &[u8]) -> http::Answer {
    // This test's own executable is uploaded, too, and holds every text that stands here.
    let boundary = format!("{:032x}", fastrand::u128(..));
    let mut body = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"jarfile\"; filename=\"{name}\"\r\n\
         content-type: application/java-archive\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    let content_type = format!("multipart/form-data; boundary={boundary}");
    http::request(address, "POST", "/jars/upload", &[("content-type", &content_type)], &body)
}

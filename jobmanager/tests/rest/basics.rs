//! What is the same for all endpoints.

use serde_json::json;

use super::cluster::Cluster;
use super::http::{get, post, request};

#[test]
fn paths_may_have_a_version_in_front_and_slashes_at_the_end() {
    let cluster = Cluster::start();
    for path in ["/jobs", "/jobs/", "/v1/jobs", "/v1/jobs/?x=1"] {
        let answer = get(cluster.rest(), path);
        assert_eq!((answer.status, answer.json()), (200, json!({"jobs": []})), "{path}");
        assert_eq!(answer.header("content-type"), Some("application/json; charset=UTF-8"));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    }
}

#[test]
fn unknown_paths_and_methods_are_not_found_as_in_flink() {
    let cluster = Cluster::start();
    let error = |method: &str, path: &str| {
        let answer = request(cluster.rest(), method, path, &[], b"");
        assert_eq!(answer.status, 404, "{method} {path}");
        (answer.json()["errors"][0].as_str().unwrap().to_owned(), answer)
    };
    let (text, answer) = error("GET", "/v2/jobs");
    assert_eq!(text, "Unable to load requested file /v2/jobs.");
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let (text, answer) = error("OPTIONS", "/jobs");
    assert_eq!(text, "Not found: /jobs");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(error("GET", "/jars/x.jar/run").0, "Unable to load requested file /jars/x.jar/run.");
    assert_eq!(
        error("GET", "/jobmanager/logs/..%2F..%2Fpasswd").0,
        "Unable to load requested file /jobmanager/logs/../../passwd."
    );
    let answer = request(cluster.rest(), "HEAD", "/jobs", &[], b"");
    assert_eq!((answer.status, answer.body.len()), (404, 0));
}

#[test]
fn a_jvm_job_is_refused_with_what_to_do() {
    let cluster = Cluster::start();
    let body = "--b\r\ncontent-disposition: form-data; name=\"request\"\r\n\r\n{}\r\n\
        --b\r\ncontent-disposition: form-data; name=\"file_0\"; filename=\"plan.bin\"\r\n\r\n\
        \x00\x05sr\r\n--b--\r\n";
    let headers = [("content-type", "multipart/form-data; boundary=b")];
    let answer = request(cluster.rest(), "POST", "/v1/jobs", &headers, body.as_bytes());
    let text = answer.json()["errors"][0].as_str().unwrap().to_owned();
    assert_eq!(answer.status, 400);
    assert!(text.contains("can't run here") && text.contains("sciurus package"), "{text}");
}

#[test]
fn nothing_can_be_submitted_where_that_is_switched_off() {
    let cluster = Cluster::start_with(|options| options.submit_enabled = false);
    assert_eq!(get(cluster.rest(), "/jars").status, 404);
    let answer = post(cluster.rest(), "/jars/x.jar/run", &json!({}));
    assert_eq!(
        (answer.status, answer.json()),
        (404, json!({"errors": ["Not found: /jars/x.jar/run"]}))
    );
    assert_eq!(get(cluster.rest(), "/config").json()["features"]["web-submit"], json!(false));
}

#[test]
fn large_answers_are_compressed_for_those_who_ask() {
    let cluster = Cluster::start();
    let names = "Status.JVM.CPU.Load,".repeat(300);
    let path = format!("/jobmanager/metrics?get={names}");
    let plain = get(cluster.rest(), &path);
    assert_eq!(plain.header("content-encoding"), None);
    let headers = [("accept-encoding", "gzip")];
    let packed = request(cluster.rest(), "GET", &path, &headers, b"");
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.body.len() < plain.body.len() / 4);
    let small = request(cluster.rest(), "GET", "/overview", &headers, b"");
    assert_eq!(small.header("content-encoding"), None);
}

#[test]
fn tools_find_the_metrics_that_they_require() {
    let cluster = Cluster::start();
    let listed = get(cluster.rest(), "/jobmanager/metrics").json();
    for name in [
        "taskSlotsTotal",
        "taskSlotsAvailable",
        "numRegisteredTaskManagers",
        "numRunningJobs",
        "Status.JVM.Memory.Heap.Used",
        "Status.JVM.Memory.Heap.Max",
        "Status.JVM.Memory.Metaspace.Used",
        "Status.JVM.GarbageCollector.All.TimeMsPerSecond",
        "Status.JVM.CPU.Load",
    ] {
        let is_it = |metric: &serde_json::Value| metric["id"] == name;
        assert!(listed.as_array().unwrap().iter().any(is_it), "{name} is missing");
    }
}

#[test]
fn secrets_are_not_shown() {
    let cluster = Cluster::start();
    let shown = get(cluster.rest(), "/jobmanager/config");
    let text = String::from_utf8(shown.body).unwrap();
    assert!(text.contains("s3.secret-key") && !text.contains("hunter2"), "{text}");
}

#[test]
fn the_cluster_ends_when_it_is_told_to() {
    let cluster = Cluster::start();
    assert_eq!(request(cluster.rest(), "DELETE", "/cluster", &[], b"").status, 200);
    cluster.wait_for_end();
}

#[test]
fn why_a_checkpoint_failed_stands_where_flink_s_client_looks_for_it() {
    let cluster = Cluster::start();
    let job = "ffffffffffffffffffffffffffffffff";
    for (what, name) in [("checkpoints", "failureCause"), ("savepoints", "failure-cause")] {
        let triggered = post(cluster.rest(), &format!("/jobs/{job}/{what}"), &json!({}));
        assert_eq!(triggered.status, 202);
        let id = triggered.json()["request-id"].as_str().unwrap().to_owned();
        let status = get(cluster.rest(), &format!("/jobs/{job}/{what}/{id}")).json();
        assert_eq!(status["status"]["id"], "COMPLETED");
        let operation = status["operation"].as_object().unwrap();
        assert_eq!(operation.keys().collect::<Vec<_>>(), [name]);
        assert!(operation[name]["serialized-throwable"].is_string(), "{status}");
    }
}

//! Jobs from their submission to their end, as a client sees them.

use std::net::SocketAddr;
use std::path::Path;

use sciurus_core::ids::JobId;
use sciurus_job_master::{ExecutionState, JobStatus};
use serde_json::{Value, json};

use super::common::{Behaviour, TestCluster, eventually, job};
use super::conformance::fixture;
use super::{hostile, http};

async fn get(address: SocketAddr, path: impl Into<String>) -> Value {
    let path = path.into();
    fixture::blocking(move || http::get(address, &path).json()).await
}

async fn post(address: SocketAddr, path: impl Into<String>, body: Value) -> (u16, Value) {
    let path = path.into();
    let answer = fixture::blocking(move || http::post(address, &path, &body)).await;
    (answer.status, answer.json())
}

/// Starts a cluster in which this test's executable may be a package's.
async fn start() -> TestCluster {
    let executable = std::env::current_exe().unwrap();
    let directory = executable.parent().unwrap().display().to_string();
    TestCluster::start(&[("sciurus.package.installed-directories", &directory)]).await
}

async fn upload(cluster: &TestCluster) -> String {
    let address = cluster.manager().rest_address();
    let package = fixture::package(cluster.directory.path());
    let answer =
        fixture::blocking(move || hostile::upload(address, "wc.jar", &package).json()).await;
    let path = Path::new(answer["filename"].as_str().unwrap());
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_package_of_the_image_is_run_by_its_path_and_other_files_are_not() {
    let cluster = start().await;
    let _a = cluster.add("a", 1).await;
    let address = cluster.manager().rest_address();
    let run = |path: &Path| {
        let path = path.display().to_string().replace('/', "%2F");
        let body = json!({
            "programArgsList": job::arguments(),
            "flinkConfiguration": {"test.parallelism": "1", "test.vertices": "1"},
        });
        post(address, format!("/jars/local:%2F%2F{path}/run"), body)
    };
    let (status, body) = run(&std::env::current_exe().unwrap()).await;
    assert_eq!(status, 200, "{body}");
    let id: JobId = body["jobid"].as_str().unwrap().parse().unwrap();
    cluster.runs(id, 1).await;
    let outside = cluster.directory.path().join("job");
    std::fs::copy(std::env::current_exe().unwrap(), &outside).unwrap();
    for path in [outside.as_path(), Path::new("/no/such.jar")] {
        let (status, body) = run(path).await;
        assert_eq!(status, 400, "{body}");
        let message = body["errors"][0].as_str().unwrap();
        assert!(message.contains("There is no package") && message.contains("installed"), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_package_is_uploaded_run_looked_at_and_cancelled() {
    let cluster = start().await;
    let _a = cluster.add("a", 2).await;
    let address = cluster.manager().rest_address();
    let package = upload(&cluster).await;
    let files = &get(address, "/jars").await["files"];
    assert_eq!(files[0]["name"], "wc.jar");
    assert_eq!(files[0]["entry"], json!([{"name": "word_count", "description": null}]));
    let run = json!({
        "entryClass": "word_count",
        "programArgsList": job::arguments(),
        "parallelism": 2,
        "jobId": format!("{:032x}", 7),
        "flinkConfiguration": {"test.parallelism": "2", "test.vertices": "2", "test.name": "mine"},
    });
    let (status, body) = post(address, format!("/jars/{package}/run"), run.clone()).await;
    assert_eq!((status, &body["jobid"]), (200, &json!(format!("{:032x}", 7))), "{body}");
    let id: JobId = body["jobid"].as_str().unwrap().parse().unwrap();
    cluster.runs(id, 4).await;
    let overview = get(address, "/v1/jobs/overview").await;
    let shown = &overview["jobs"][0];
    assert_eq!((&shown["name"], &shown["state"]), (&json!("mine"), &json!("RUNNING")));
    assert_eq!((&shown["tasks"]["running"], &shown["tasks"]["total"]), (&json!(4), &json!(4)));
    let config = get(address, format!("/jobs/{id}/config")).await;
    assert_eq!(config["execution-config"]["job-parallelism"], 2);
    let task_manager = get(address, "/taskmanagers/a").await;
    assert_eq!(
        (&task_manager["assignedTasks"], &task_manager["freeSlots"]),
        (&json!(4), &json!(0))
    );

    let (status, body) = post(address, format!("/jars/{package}/run"), run).await;
    assert_eq!(status, 400, "{body}");
    assert!(body["errors"][0].as_str().unwrap().contains("already"), "{body}");

    let cancel = format!("/jobs/{id}");
    let answer =
        fixture::blocking(move || http::request(address, "PATCH", &cancel, &[], b"{}")).await;
    assert_eq!(answer.status, 202);
    cluster.status_is(id, JobStatus::Canceled).await;
    let result = get(address, format!("/jobs/{id}/execution-result")).await;
    assert_eq!(result["job-execution-result"]["application-status"], "CANCELED");
    cluster.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_lacks_slots_says_so_and_starts_when_there_are_enough() {
    let cluster = start().await;
    let _a = cluster.add("a", 1).await;
    let address = cluster.manager().rest_address();
    let id = cluster.submit(&[("test.parallelism", "3")]).await.unwrap();
    let shortage = get(address, format!("/jobs/{id}")).await["slot-shortage"].clone();
    assert_eq!(shortage["missing"], 2, "{shortage}");
    assert!(shortage["since"].as_i64().unwrap() > 0, "{shortage}");
    let overview = get(address, "/jobs/overview").await;
    assert_eq!(overview["jobs"][0]["slot-shortage"], shortage);
    assert_eq!(overview["jobs"][0]["state"], "CREATED");
    let metric = get(address, format!("/jobs/{id}/metrics?get=numMissingSlots")).await;
    assert_eq!(metric, json!([{"id": "numMissingSlots", "value": "2"}]));
    let _b = cluster.add("b", 2).await;
    cluster.runs(id, 3).await;
    assert_eq!(get(address, format!("/jobs/{id}")).await.get("slot-shortage"), None);
    cluster.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_job_says_why() {
    let cluster = start().await;
    let a = cluster.add("a", 1).await;
    let address = cluster.manager().rest_address();
    let id = cluster.submit(&[("restart-strategy.type", "none")]).await.unwrap();
    cluster.runs(id, 1).await;
    a.end_all(ExecutionState::Failed);
    cluster.status_is(id, JobStatus::Failed).await;
    let exceptions = get(address, format!("/jobs/{id}/exceptions")).await;
    let first = &exceptions["exceptionHistory"]["entries"][0];
    assert_eq!((&first["exceptionName"], &first["taskManagerId"]), (&json!("Oops"), &json!("a")));
    assert!(first["stacktrace"].as_str().unwrap().contains("the task didn't like it"), "{first}");
    assert!(first["taskName"].as_str().unwrap().ends_with("(1/1) - execution #0"), "{first}");
    for (filter, entries) in [("TYPE:USER", 1), ("TYPE:BUG", 0)] {
        let path = format!("/jobs/{id}/exceptions?failureLabelFilter={filter}");
        let shown = get(address, path).await;
        assert_eq!(shown["exceptionHistory"]["entries"].as_array().unwrap().len(), entries);
    }
    let result = get(address, format!("/jobs/{id}/execution-result")).await;
    let cause = &result["job-execution-result"]["failure-cause"];
    let text = cause["stack-trace"].as_str().unwrap();
    assert!(text.contains("Caused by: ") && text.contains("the task didn't like it"), "{text}");
    cluster.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_fails_or_isn_t_there_is_refused_with_what_it_said() {
    let cluster = start().await;
    let address = cluster.manager().rest_address();
    let package = upload(&cluster).await;
    let run = |settings: Value, entry: &str| {
        let body = json!({
            "entryClass": entry,
            "programArgsList": job::arguments(),
            "flinkConfiguration": settings,
        });
        post(address, format!("/jars/{package}/run"), body)
    };
    let text = |body: &Value| body["errors"].as_array().unwrap().last().unwrap().to_string();
    let (status, body) = run(json!({"test.plan": "exit"}), "word_count").await;
    assert_eq!(status, 400, "{body}");
    assert!(text(&body).contains("the main was not amused"), "{body}");
    let (status, body) = run(json!({}), "no.such.Job").await;
    assert_eq!(status, 500, "{body}");
    assert!(text(&body).contains("it has word_count"), "{body}");
    let (status, body) = run(json!({"restart-strategy.type": "sometimes"}), "word_count").await;
    assert_eq!(status, 400, "{body}");
    assert!(text(&body).contains("restart-strategy.type"), "{body}");
    assert_eq!(get(address, "/jobs").await, json!({"jobs": []}));
    cluster.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_of_task_managers_are_sent() {
    let cluster = start().await;
    let behaviour = Behaviour { refuses_files: true, ..Behaviour::default() };
    let a = cluster.add_with("a", 1, behaviour).await;
    let address = cluster.manager().rest_address();
    let text = |path: &'static str| async move {
        fixture::blocking(move || http::get(address, path)).await
    };
    for path in ["/taskmanagers/a/log", "/taskmanagers/a/stdout", "/taskmanagers/a/logs/tm.log"] {
        let answer = text(path).await;
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"content"[..]), "{path}");
        assert_eq!(answer.header("content-type"), Some("text/plain"), "{path}");
    }
    let listed = get(address, "/taskmanagers/a/logs").await;
    assert_eq!(listed, json!({"logs": [{"name": "tm.log", "size": 7, "mtime": 1}]}));
    assert_eq!(text("/taskmanagers/a/logs/x.log").await.status, 500);
    drop(a);
    let id = sciurus_core::ids::TaskManagerId::new("a");
    eventually(|| cluster.dispatcher().task_manager(&id).is_none()).await;
    assert_eq!(text("/taskmanagers/a/log").await.status, 404);
    cluster.shut_down().await;
}

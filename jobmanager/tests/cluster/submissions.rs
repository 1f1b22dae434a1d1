//! What may be wrong with a submission.

use std::time::{Duration, Instant};

use sciurus_core::ids::JobId;
use sciurus_jobmanager::coordinator::CoordinatorError;
use sciurus_jobmanager::dispatcher::{PackageRef, SubmitError};

use crate::common::{TestCluster, submission};

#[tokio::test]
async fn a_main_that_does_not_say_what_the_job_is_is_refused_with_the_reason() {
    let cluster = TestCluster::start(&[]).await;
    let refused = cluster.submit(&[("test.plan", "refuse")]).await.unwrap_err();
    assert_eq!(refused.to_string(), "Oops: this job is no good");
    let ended = cluster.submit(&[("test.plan", "exit")]).await.unwrap_err();
    assert!(ended.is_of_submission());
    let ended = ended.to_string();
    assert!(ended.starts_with("the job's main ended with exit code 7 before"), "{ended}");
    assert!(ended.contains("the main was not amused"), "{ended}");
    for plan in ["garbage", "senseless"] {
        let error = cluster.submit(&[("test.plan", plan)]).await.unwrap_err();
        assert!(matches!(error, SubmitError::Main(CoordinatorError::Senseless { .. })), "{error}");
    }
    assert!(cluster.dispatcher().jobs().is_empty());
}

#[tokio::test]
async fn a_main_that_hangs_is_ended() {
    let cluster = TestCluster::start(&[("client.timeout", "300 ms")]).await;
    let start = Instant::now();
    let error = cluster.submit(&[("test.plan", "hang")]).await.unwrap_err();
    assert!(matches!(error, SubmitError::Main(CoordinatorError::Timeout { .. })), "{error}");
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn what_is_no_package_or_no_setting_is_refused() {
    let cluster = TestCluster::start(&[]).await;
    let mut unknown = submission(&[]);
    unknown.package = PackageRef::Uploaded("nothing.jar".to_owned());
    let error = cluster.dispatcher().submit(unknown).await.unwrap_err();
    assert!(matches!(error, SubmitError::UnknownPackage(_)), "{error}");
    let mut no_package = submission(&[]);
    let path = cluster.directory.path().join("notes.txt");
    std::fs::write(&path, "no package").unwrap();
    no_package.package = PackageRef::Path(path);
    let error = cluster.dispatcher().submit(no_package).await.unwrap_err();
    assert!(error.is_of_submission() && error.to_string().starts_with("notes.txt: "), "{error}");
    let error = cluster.submit(&[("restart-strategy.type", "sometimes")]).await.unwrap_err();
    assert!(error.to_string().contains("sometimes"), "{error}");
    let error = cluster.submit(&[("$internal.pipeline.job-id", "x")]).await.unwrap_err();
    assert!(error.to_string().starts_with("'x' can't be the id of a job"), "{error}");
}

#[tokio::test]
async fn an_id_is_taken_once() {
    let cluster = TestCluster::start(&[]).await;
    let id = JobId::random().to_string();
    let job = cluster.submit(&[("$internal.pipeline.job-id", &id)]).await.unwrap();
    assert_eq!(job.to_string(), id);
    let mut again = submission(&[]);
    again.job_id = Some(job);
    let [first, second] = [again.clone(), again].map(|again| cluster.dispatcher().submit(again));
    assert!(matches!(first.await, Err(SubmitError::DuplicateJob(_))));
    assert!(matches!(second.await, Err(SubmitError::DuplicateJob(_))));
}

#[tokio::test]
async fn a_plan_runs_nothing() {
    let cluster = TestCluster::start(&[]).await;
    let planned = cluster.dispatcher().plan(submission(&[("test.vertices", "3")])).await.unwrap();
    assert_eq!(planned.graph.vertices.len(), 3);
    assert_eq!(planned.configuration.text("test.vertices"), Some("3"));
    assert!(cluster.dispatcher().jobs().is_empty());
}

//! Workers that fail, in all the ways that they can; a second job never notices.

use rustix::process::Signal;
use sciurus_rpc::proto;
use sciurus_rpc::proto::job_manager_message::Message as FromJobManager;

use crate::fixture::{Fixture, is_alive, kill, start_worker};
use crate::job::attempt;

/// Starts a worker that fails before it is ready, and returns why.
async fn failure(fixture: &mut Fixture, behaviour: &str) -> proto::FailureCause {
    fixture.start(9, 1, behaviour).await;
    let (worker, cause) = fixture.session.worker_ended(9).await;
    assert_eq!(worker[..], [1; 16]);
    cause
}

#[tokio::test]
async fn a_kill_is_told_with_its_signal_and_leaves_other_jobs_alone() {
    let mut fixture = Fixture::new(&[]).await;
    let other = fixture.started(2, 2, "obey").await;
    // Not SIGSEGV: Rust programs take it for their own, and go on when it was no fault of memory.
    for signal in [Signal::KILL, Signal::ABORT, Signal::ILL] {
        let pid = fixture.started(1, 1, "obey").await;
        kill(pid, signal);
        let (_, cause) = fixture.session.worker_ended(1).await;
        let text = format!("signal {}", signal.as_raw());
        assert!(cause.kind == "WorkerKilled" && cause.message.contains(&text), "{cause:?}");
        assert!(cause.details.unwrap().contains("err of obey") && cause.retriable);
    }
    assert!(is_alive(other));
    fixture.stop().await;
}

#[tokio::test]
async fn an_exit_and_a_refusal_are_told_before_it_is_ready() {
    let mut fixture = Fixture::new(&[]).await;
    let cause = failure(&mut fixture, "exit-3").await;
    assert!(cause.message.contains("exited with code 3 before it was ready"), "{cause:?}");
    assert!(cause.details.unwrap().contains("err of exit-3"));
    let cause = failure(&mut fixture, "refuse").await;
    assert_eq!((&*cause.kind, &*cause.message), ("GraphMismatch", "another graph"));
    fixture.stop().await;
}

#[tokio::test]
async fn a_worker_that_is_not_ready_in_time_is_ended() {
    let mut fixture = Fixture::new(&[("sciurus.worker.start-timeout", "1 s")]).await;
    let cause = failure(&mut fixture, "never-ready").await;
    assert_eq!(cause.kind, "WorkerStartTimeout");
    assert!(cause.message.contains("after 1 s"), "{cause:?}");
    fixture.stop().await;
}

#[tokio::test]
async fn a_task_that_cannot_be_cancelled_has_its_worker_ended() {
    let mut fixture = Fixture::new(&[("task.cancellation.timeout", "500 ms")]).await;
    let pid = fixture.started(1, 1, "ignore-cancel").await;
    let (job_id, attempt) = (vec![1; 16].into(), Some(attempt(0)));
    let cancel = proto::CancelTask { job_id, attempt };
    fixture.session.send(FromJobManager::CancelTask(cancel)).await;
    let (_, cause) = fixture.session.worker_ended(1).await;
    assert_eq!(cause.kind, "TaskCancellationTimeout");
    assert!(!is_alive(pid));
    fixture.stop().await;
}

#[tokio::test]
async fn a_worker_that_breaks_the_protocol_is_ended() {
    let mut fixture = Fixture::new(&[]).await;
    let other = fixture.started(2, 2, "obey").await;
    let cause = failure(&mut fixture, "early").await;
    assert_eq!(cause.kind, "ProtocolViolation", "{cause:?}");
    for behaviour in ["long-message", "garbage", "coordinate"] {
        let pid = fixture.started(9, 1, behaviour).await;
        let (_, cause) = fixture.session.worker_ended(9).await;
        assert_eq!(cause.kind, "ProtocolViolation", "{cause:?}");
        assert!(!is_alive(pid));
    }
    let pid = fixture.started(9, 1, "close").await;
    let (_, cause) = fixture.session.worker_ended(9).await;
    assert!(cause.kind.starts_with("Worker"), "{cause:?}");
    assert!(!is_alive(pid) && is_alive(other));
    fixture.stop().await;
}

#[tokio::test]
async fn packages_that_are_absent_or_no_packages_are_told() {
    let mut fixture = Fixture::new(&[]).await;
    let mut package = fixture.package();
    package.sha256 = vec![0; 32].into();
    let start = start_worker(package.clone(), 1, 1, "obey");
    fixture.session.send(FromJobManager::StartWorker(start)).await;
    let (_, cause) = fixture.session.worker_ended(1).await;
    assert!(cause.kind == "PackageUnavailable" && cause.retriable, "{cause:?}");
    assert!(cause.message.contains("there is no such package"), "{cause:?}");

    let path = fixture.dir.path().join("text");
    std::fs::write(&path, "this is only some text, no package").unwrap();
    let start = start_worker(fixture.add_package(&path), 1, 1, "obey");
    fixture.session.send(FromJobManager::StartWorker(start)).await;
    let (_, cause) = fixture.session.worker_ended(1).await;
    assert!(cause.kind == "InvalidPackage" && !cause.retriable, "{cause:?}");
    fixture.stop().await;
}

#[tokio::test]
async fn a_lost_session_ends_all_workers_before_the_next_begins() {
    let mut fixture = Fixture::new(&[]).await;
    let pids = [fixture.started(1, 1, "obey").await, fixture.started(2, 1, "obey").await];
    // The JobManager closes it, which is what a connection that breaks looks like.
    let Fixture { dir, mut job_manager, task_manager, session } = fixture;
    drop(session);
    let session = job_manager.session().await;
    for pid in pids {
        assert!(!is_alive(pid));
    }
    // It works as before.
    let mut fixture = Fixture { dir, job_manager, task_manager, session };
    let pid = fixture.started(1, 2, "obey").await;
    assert!(is_alive(pid));
    fixture.stop().await;
}

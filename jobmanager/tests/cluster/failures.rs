//! What fails, and what becomes of the job.

use std::time::{Duration, Instant};

use sciurus_core::ids::JobId;
use sciurus_job_master::{ExecutionState, JobStatus};

use crate::common::task_manager::report;
use crate::common::{Behaviour, TestCluster, eventually};

const RESTARTS: &[(&str, &str)] = &[
    ("restart-strategy.type", "fixed-delay"),
    ("restart-strategy.fixed-delay.attempts", "3"),
    ("restart-strategy.fixed-delay.delay", "0 s"),
];

fn with(settings: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    RESTARTS.iter().chain(settings).copied().collect()
}

fn restarts(cluster: &TestCluster, job: JobId) -> u64 {
    cluster.dispatcher().job(job).unwrap().with_master(sciurus_job_master::JobMaster::restarts)
}

#[tokio::test]
async fn a_task_manager_that_is_gone_is_noticed_at_once_and_the_job_goes_on_elsewhere() {
    let cluster = TestCluster::start(&[]).await;
    let a = cluster.add("a", 2).await;
    let b = cluster.add("b", 2).await;
    let job = cluster.submit(&with(&[("test.parallelism", "2")])).await.unwrap();
    cluster.runs(job, 2).await;
    let (gone, other) = if a.running() > 0 { (a, b) } else { (b, a) };
    let start = Instant::now();
    drop(gone);
    eventually(|| other.running() == 2).await;
    cluster.runs(job, 2).await;
    println!("all tasks run again after {:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(2));
    assert_eq!(restarts(&cluster, job), 1);
    assert_eq!(cluster.dispatcher().task_managers().len(), 1);
}

#[tokio::test]
async fn without_a_restart_strategy_the_first_loss_ends_the_job() {
    let cluster = TestCluster::start(&[]).await;
    let a = cluster.add("a", 1).await;
    let job = cluster.submit(&[]).await.unwrap();
    cluster.runs(job, 1).await;
    drop(a);
    cluster.status_is(job, JobStatus::Failed).await;
    let failure = cluster.dispatcher().job(job).unwrap().failure().unwrap().to_string();
    assert!(failure.contains("TaskManager a on localhost is no longer reachable"), "{failure}");
}

#[tokio::test]
async fn a_task_manager_that_is_silent_is_lost() {
    let settings = [("heartbeat.interval", "20 ms"), ("heartbeat.timeout", "200 ms")];
    let cluster = TestCluster::start(&settings).await;
    let behaviour = Behaviour { is_silent: true, ..Behaviour::default() };
    let _silent = cluster.add_with("silent", 1, behaviour).await;
    let _alive = cluster.add("alive", 1).await;
    eventually(|| cluster.dispatcher().task_managers().len() == 1).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(cluster.dispatcher().task_managers()[0].id().as_str(), "alive");
}

#[tokio::test]
async fn a_worker_that_ends_fails_its_own_job_only_and_keeps_its_slots() {
    let cluster = TestCluster::start(&[]).await;
    let a = cluster.add("a", 3).await;
    let first = cluster.submit(&with(&[("test.parallelism", "2")])).await.unwrap();
    let second = cluster.submit(&with(&[])).await.unwrap();
    cluster.runs(first, 2).await;
    cluster.runs(second, 1).await;
    a.end_worker(first, "killed by signal 9");
    eventually(|| restarts(&cluster, first) == 1).await;
    cluster.runs(first, 2).await;
    assert_eq!(restarts(&cluster, second), 0);
    assert_eq!(cluster.dispatcher().slots().available, 0);
    let cause = cluster.dispatcher().job(first).unwrap().with_master(|master| {
        master.exceptions().entries().next().unwrap().root.cause.message.clone()
    });
    assert_eq!(cause, "the job's worker on TaskManager a is gone: killed by signal 9");
}

#[tokio::test]
async fn a_worker_that_never_runs_uses_up_the_restarts() {
    let cluster = TestCluster::start(&[]).await;
    let behaviour = Behaviour { workers_end_at_once: true, ..Behaviour::default() };
    let _a = cluster.add_with("a", 1, behaviour).await;
    let job = cluster.submit(&with(&[])).await.unwrap();
    cluster.status_is(job, JobStatus::Failed).await;
    assert_eq!(restarts(&cluster, job), 3);
    assert_eq!(cluster.dispatcher().slots().available, 1);
}

#[tokio::test]
async fn a_worker_that_does_not_start_in_time_is_given_up() {
    let cluster = TestCluster::start(&[("sciurus.jobmanager.worker-timeout", "100 ms")]).await;
    let behaviour = Behaviour { starts_no_workers: true, ..Behaviour::default() };
    let _a = cluster.add_with("a", 1, behaviour).await;
    let job = cluster.submit(&[]).await.unwrap();
    cluster.status_is(job, JobStatus::Failed).await;
    let failure = cluster.dispatcher().job(job).unwrap().failure().unwrap().to_string();
    assert!(failure.contains("it has not started within 100ms"), "{failure}");
}

#[tokio::test]
async fn who_takes_no_tasks_or_starts_no_readers_is_given_up() {
    let cluster = TestCluster::start(&[("sciurus.jobmanager.worker-timeout", "300 ms")]).await;
    let behaviour = Behaviour { ignores_deployments: true, ..Behaviour::default() };
    let deaf = cluster.add_with("deaf", 1, behaviour).await;
    let failure = async |job: JobId| {
        cluster.status_is(job, JobStatus::Failed).await;
        cluster.dispatcher().job(job).unwrap().failure().unwrap().to_string()
    };
    let job = cluster.submit(&[]).await.unwrap();
    let told = failure(job).await;
    assert!(told.contains("it had not taken the task Source: vertex 0 (1/1)"), "{told}");
    drop(deaf);
    eventually(|| cluster.dispatcher().task_managers().is_empty()).await;
    let behaviour = Behaviour { reads_splits: true, ..Behaviour::default() };
    let _a = cluster.add_with("a", 1, behaviour).await;
    for hangs in ["hang", "hang-on-request"] {
        let job = cluster.submit(&[("test.coordinator", hangs)]).await.unwrap();
        let told = failure(job).await;
        assert!(told.contains("coordinator has not answered within 300ms"), "{hangs}: {told}");
    }
}

#[tokio::test]
async fn tasks_that_do_not_stop_are_ended_by_force() {
    let cluster = TestCluster::start(&[]).await;
    let behaviour = Behaviour { ignores_cancellation: true, ..Behaviour::default() };
    let a = cluster.add_with("a", 2, behaviour).await;
    let settings = [("test.parallelism", "2"), ("task.cancellation.timeout", "100 ms")];
    let job = cluster.submit(&settings).await.unwrap();
    cluster.runs(job, 2).await;
    cluster.dispatcher().cancel(job).unwrap();
    cluster.status_is(job, JobStatus::Canceled).await;
    eventually(|| a.running() == 0).await;
    assert_eq!(cluster.dispatcher().slots().available, 2);
}

#[tokio::test]
async fn a_failed_task_is_run_again_until_the_strategy_gives_up() {
    let cluster = TestCluster::start(&[]).await;
    let a = cluster.add("a", 1).await;
    let job = cluster.submit(&with(&[])).await.unwrap();
    for attempt in 0..=3 {
        assert_eq!(restarts(&cluster, job), attempt);
        eventually(|| a.running() == 1).await;
        cluster.runs(job, 1).await;
        a.end_all(ExecutionState::Failed);
        eventually(|| restarts(&cluster, job) == attempt + 1 || attempt == 3).await;
    }
    cluster.status_is(job, JobStatus::Failed).await;
    let failure = cluster.dispatcher().job(job).unwrap().failure().unwrap().to_string();
    assert!(failure.contains("Oops: the task didn't like it"), "{failure}");
}

#[tokio::test]
async fn a_coordinator_that_ends_is_started_again_with_the_job() {
    let cluster = TestCluster::start(&[]).await;
    let behaviour = Behaviour { reads_splits: true, ..Behaviour::default() };
    let a = cluster.add_with("a", 1, behaviour).await;
    let settings = with(&[("test.splits", "3"), ("test.coordinator", "die-on-request")]);
    let job = cluster.submit(&settings).await.unwrap();
    cluster.status_is(job, JobStatus::Finished).await;
    assert_eq!(a.state.lock().splits.len(), 3);
    let cause = cluster
        .dispatcher()
        .job(job)
        .unwrap()
        .with_master(|master| master.exceptions().entries().next().unwrap().root.cause.clone());
    assert_eq!(cause.message, "the job's coordinator was killed by signal 6");
    assert!(cause.details.unwrap().contains("farewell"));
}

#[tokio::test]
async fn an_enumerator_that_fails_fails_the_job() {
    let cluster = TestCluster::start(&[]).await;
    let behaviour = Behaviour { reads_splits: true, ..Behaviour::default() };
    let _a = cluster.add_with("a", 1, behaviour).await;
    let job = cluster.submit(&[("test.coordinator", "fail-on-request")]).await.unwrap();
    cluster.status_is(job, JobStatus::Failed).await;
    let failure = cluster.dispatcher().job(job).unwrap().failure().unwrap().to_string();
    assert!(failure.contains("no split for you"), "{failure}");
}

#[tokio::test]
async fn news_of_attempts_that_do_not_count_changes_nothing() {
    let cluster = TestCluster::start(&[]).await;
    let a = cluster.add("a", 1).await;
    let job = cluster.submit(&with(&[])).await.unwrap();
    eventually(|| a.running() == 1).await;
    let attempt = *a.state.lock().running.keys().next().unwrap();
    a.end_all(ExecutionState::Failed);
    eventually(|| restarts(&cluster, job) == 1).await;
    cluster.runs(job, 1).await;
    for state in [ExecutionState::Finished, ExecutionState::Failed, ExecutionState::Canceled] {
        a.send(report(job, attempt, state, None));
    }
    a.send(report(job, attempt, ExecutionState::Running, None));
    let mut foreign = attempt;
    foreign.subtask.0 = 77;
    a.send(report(job, foreign, ExecutionState::Finished, None));
    a.send(report(JobId::random(), attempt, ExecutionState::Running, None));
    // What runs and doesn't count is told to stop: that is the last that is heard of it.
    let is_stopped = |message: &sciurus_rpc::proto::job_manager_message::Message| {
        matches!(message, sciurus_rpc::proto::job_manager_message::Message::StopWorker(_))
    };
    eventually(|| a.state.lock().messages.iter().any(is_stopped)).await;
    assert_eq!(restarts(&cluster, job), 1);
    cluster.runs(job, 1).await;
}

#[tokio::test]
async fn regions_that_have_finished_are_nowhere_when_another_is_run_again() {
    let cluster = TestCluster::start(&[]).await;
    let a = cluster.add("a", 1).await;
    let b = cluster.add("b", 1).await;
    let job = cluster.submit(&with(&[("test.parallelism", "2")])).await.unwrap();
    cluster.runs(job, 2).await;
    a.end_all(ExecutionState::Finished);
    cluster.runs(job, 1).await;
    b.end_all(ExecutionState::Failed);
    eventually(|| b.running() == 1).await;
    let last = b.state.lock().messages.iter().rev().find_map(|message| match message {
        sciurus_rpc::proto::job_manager_message::Message::Deploy(deploy) => deploy.tasks.clone(),
        _ => None,
    });
    let mut workers = last.unwrap().locations[0].workers.clone();
    workers.sort_unstable();
    assert_eq!(workers, [0, u32::MAX]);
    b.end_all(ExecutionState::Finished);
    cluster.status_is(job, JobStatus::Finished).await;
}

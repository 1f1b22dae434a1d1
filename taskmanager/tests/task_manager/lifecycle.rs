//! Workers from their start to their end, as they should go.

use std::fs;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use sciurus_package::{CreateOptions, Platform, create};
use sciurus_rpc::proto;
use sciurus_rpc::proto::ExecutionState;
use sciurus_rpc::proto::job_manager_message::Message as FromJobManager;
use sciurus_rpc::proto::task_manager_message::Message as ToJobManager;

use crate::fixture::{Fixture, is_alive, kill, start_worker, until};
use crate::job::attempt;

fn deploy(job: u8, worker: u8, subtasks: u32) -> FromJobManager {
    let task = |subtask| proto::TaskDeployment {
        attempt: Some(attempt(subtask)),
        allocation: vec![3; 16].into(),
        slot: 0,
        restore: None,
    };
    let tasks = (0..subtasks).map(task).collect();
    FromJobManager::Deploy(proto::Deploy {
        job_id: vec![job; 16].into(),
        worker: vec![worker; 16].into(),
        tasks: Some(proto::DeployTasks { tasks, ..Default::default() }),
    })
}

fn cancel(job: u8, subtask: u32) -> FromJobManager {
    let attempt = Some(attempt(subtask));
    FromJobManager::CancelTask(proto::CancelTask { job_id: vec![job; 16].into(), attempt })
}

fn stop(job: u8, grace_ms: u32) -> FromJobManager {
    FromJobManager::StopWorker(proto::StopWorker { job_id: vec![job; 16].into(), grace_ms })
}

#[tokio::test]
async fn messages_pass_between_job_manager_and_worker_and_a_stop_leaves_nothing() {
    let mut fixture = Fixture::new(&[]).await;
    let pid = fixture.started(1, 2, "obey").await;
    assert!(is_alive(pid));
    fixture.session.send(deploy(1, 2, 2)).await;
    for _ in 0..2 {
        fixture.session.task(1, ExecutionState::Running).await;
    }
    let event = proto::ReaderEvent {
        job_id: vec![1; 16].into(),
        reader: Some(attempt(1)),
        event: Some(proto::SourceEvent::default()),
    };
    fixture.session.send(FromJobManager::SourceEvent(event)).await;
    let wanted = |message: &ToJobManager| match message {
        ToJobManager::SplitRequest(request) => Some(request.clone()),
        _ => None,
    };
    let request = fixture.session.expect(wanted).await;
    assert_eq!((request.job_id[0], request.reader.unwrap()), (1, attempt(1)));

    let metrics = |message: &ToJobManager| match message {
        ToJobManager::Metrics(report) if !report.jobs.is_empty() => Some(report.clone()),
        _ => None,
    };
    let report = fixture.session.expect(metrics).await;
    assert_eq!((report.jobs[0].job_id[0], report.jobs[0].gauges["some.gauge"]), (1, 1.0));
    assert!(report.gauges["Status.JVM.Threads.Count"] >= 2.0);

    fixture.session.send(cancel(1, 1)).await;
    let report = fixture.session.task(1, ExecutionState::Canceled).await;
    assert_eq!(report.metrics.unwrap().records_in, 10);

    fixture.session.send(stop(1, 10_000)).await;
    until("the worker ends", || !is_alive(pid)).await;
    // A cancellation of what isn't there any more is answered all the same.
    fixture.session.send(cancel(1, 0)).await;
    fixture.session.task(1, ExecutionState::Canceled).await;
    assert!(!fixture.session.has_kept(|message| matches!(message, ToJobManager::WorkerEnded(_))));
    let output = fs::read_to_string(fixture.log(1, "out")).unwrap();
    assert!(output.contains("out of obey"), "{output}");
    assert_eq!(fs::read_to_string(fixture.log(1, "log")).unwrap().trim(), "err of obey");
    fixture.stop().await;
}

#[tokio::test]
async fn a_worker_has_a_clean_environment_and_its_share_of_the_memory() {
    let more = [
        ("containerized.taskmanager.env.REGION", "eu"),
        ("taskmanager.data.port", "7000"),
        ("taskmanager.resource-id", "tm-7"),
    ];
    let mut fixture = Fixture::new(&more).await;
    fixture.started(1, 2, "environment").await;
    let output = fs::read_to_string(fixture.log(1, "out")).unwrap();
    let line = |name: &str| output.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    let environment = line("environment");
    assert!(environment.contains("\"REGION\": \"eu\""), "{environment}");
    assert!(environment.contains("\"PATH\""), "{environment}");
    assert!(!environment.contains("CARGO_MANIFEST_DIR"), "{environment}");
    assert!(line("arguments").contains(r#"["plays_a_job", "--exact""#), "{output}");
    let directory = line("directory").split_once(' ').unwrap().1.to_owned();
    assert!(directory.starts_with(fixture.dir.path().to_str().unwrap()), "{directory}");
    let init = line("init");
    assert!(init.contains("data_ports: \"7000-7099\"") && init.contains("host: \"127.0.0.1\""));
    // Half of what is left when the TaskManager has its 16 MiB.
    assert!(init.contains(&format!("memory_bytes: {}", 120 << 20)), "{init}");
    assert!(init.contains("task_manager: \"tm-7\""), "{init}");
    fixture.stop().await;
    assert!(!std::path::Path::new(&directory).exists());
}

#[tokio::test]
async fn a_package_with_the_executable_in_it_is_fetched_once_and_used_again() {
    let mut fixture = Fixture::new(&[]).await;
    let package = fixture.dir.path().join("whole.jar");
    let executables = [(Platform::current(), std::env::current_exe().unwrap())];
    create(&executables, &CreateOptions::default(), &package).unwrap();
    let package = fixture.add_package(&package);
    fixture.job_manager.state.damaged.store(1, Ordering::Relaxed);
    for job in [1, 2] {
        let start = start_worker(package.clone(), job, 7, "obey");
        fixture.session.send(FromJobManager::StartWorker(start)).await;
        fixture.session.worker_started(job).await;
    }
    // Once more because the first came damaged.
    assert_eq!(fixture.job_manager.state.fetched.load(Ordering::Relaxed), 2);
    fixture.stop().await;
}

#[tokio::test]
async fn starting_the_same_worker_again_is_answered_and_another_one_replaces_it() {
    let mut fixture = Fixture::new(&[]).await;
    let first = fixture.started(1, 2, "obey").await;
    assert_eq!(fixture.started(1, 2, "obey").await, first);
    let second = fixture.started(1, 3, "obey").await;
    assert_ne!(first, second);
    assert!(!is_alive(first) && is_alive(second));
    // What is meant for the one that is gone is refused.
    fixture.session.send(deploy(1, 2, 1)).await;
    let (worker, cause) = fixture.session.worker_ended(1).await;
    assert_eq!((&worker[..], &*cause.kind), (&[2; 16][..], "WorkerLost"));
    assert!(is_alive(second));
    fixture.stop().await;
}

#[tokio::test]
async fn a_job_that_is_stopped_and_started_at_once_gets_a_new_worker() {
    let mut fixture = Fixture::new(&[]).await;
    let first = fixture.started(1, 2, "obey").await;
    fixture.session.send(stop(1, 10_000)).await;
    let second = fixture.started(1, 3, "obey").await;
    assert!(!is_alive(first) && is_alive(second));
    // Stopped while it starts: it never comes, and nothing is left of it.
    fixture.session.send(stop(1, 0)).await;
    fixture.start(1, 4, "never-ready").await;
    fixture.session.send(stop(1, 0)).await;
    until("the worker ends", || !is_alive(second)).await;
    fixture.started(1, 5, "obey").await;
    fixture.stop().await;
}

#[tokio::test]
async fn a_worker_that_does_not_want_to_end_is_ended_by_force() {
    let mut fixture = Fixture::new(&[]).await;
    let deaf = fixture.started(1, 2, "ignore-shutdown").await;
    let stubborn = fixture.started(2, 2, "ignore-term").await;
    let begin = Instant::now();
    fixture.session.send(stop(1, 600)).await;
    fixture.session.send(stop(2, 600)).await;
    until("the deaf worker ends", || !is_alive(deaf)).await;
    assert!(begin.elapsed() >= Duration::from_millis(300));
    until("the stubborn worker ends", || !is_alive(stubborn)).await;
    assert!(begin.elapsed() >= Duration::from_millis(600));
    fixture.stop().await;
}

#[tokio::test]
async fn the_workers_children_end_with_it() {
    let mut fixture = Fixture::new(&[]).await;
    let pid = fixture.started(1, 2, "child").await;
    let output = fs::read_to_string(fixture.log(1, "out")).unwrap();
    let child = output.lines().find_map(|line| line.strip_prefix("child ")).unwrap();
    let child: u32 = child.parse().unwrap();
    assert!(is_alive(child));
    kill(pid, Signal::KILL);
    fixture.session.worker_ended(1).await;
    until("the worker's child ends", || !is_alive(child)).await;
    fixture.stop().await;
}

#[tokio::test]
async fn a_flood_of_reports_arrives_whole_and_holds_nothing_up() {
    let mut fixture = Fixture::new(&[]).await;
    fixture.started(1, 2, "flood").await;
    let other = fixture.started(2, 2, "obey").await;
    assert!(is_alive(other));
    let flooded =
        |message: &ToJobManager| matches!(message, ToJobManager::SplitRequest(_)).then_some(());
    for _ in 0..50_000 {
        fixture.session.expect(flooded).await;
    }
    fixture.session.send(deploy(1, 2, 1)).await;
    fixture.session.task(1, ExecutionState::Running).await;
    fixture.stop().await;
}

#[tokio::test]
async fn shutting_down_ends_workers_and_the_task_manager() {
    let mut fixture = Fixture::new(&[]).await;
    let pid = fixture.started(1, 2, "obey").await;
    fixture.session.send(FromJobManager::ShutDown(proto::ShutDown {})).await;
    fixture.task_manager.wait().await.unwrap();
    assert!(!is_alive(pid));
    fixture.stop().await;
}

//! Messages that nobody should send.

use bytes::Bytes;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sciurus_rpc::proto;
use sciurus_rpc::proto::job_manager_message::Message as FromJobManager;
use sciurus_rpc::proto::task_manager_message::Message as ToJobManager;

use crate::fixture::{Fixture, is_alive, start_worker};
use crate::job::attempt;

#[tokio::test]
async fn messages_of_another_leader_change_nothing() {
    let mut fixture = Fixture::new(&[]).await;
    let pid = fixture.started(1, 1, "obey").await;
    for leader in [&[8; 16][..], &[], &[9; 15], &[9; 17]] {
        fixture.session.send_as(leader, FromJobManager::ShutDown(proto::ShutDown {})).await;
        let stop = proto::StopWorker { job_id: vec![1; 16].into(), grace_ms: 0 };
        fixture.session.send_as(leader, FromJobManager::StopWorker(stop)).await;
    }
    // Answered after all of these: they were read.
    assert_eq!(fixture.started(1, 1, "obey").await, pid);
    assert!(is_alive(pid));
    fixture.stop().await;
}

/// Some bytes that are, or aren't, an id.
fn id() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        Just(Bytes::from(vec![1; 16])),
        Just(Bytes::from(vec![7; 16])),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from),
    ]
}

fn some_attempt() -> impl Strategy<Value = Option<proto::ExecutionAttempt>> {
    let random = (id(), id(), any::<u32>()).prop_map(|(graph, vertex, subtask)| {
        proto::ExecutionAttempt { graph, vertex, subtask, attempt: 1 }
    });
    prop::option::of(prop_oneof![Just(attempt(1)), random])
}

fn message() -> impl Strategy<Value = FromJobManager> {
    let start = (id(), id(), prop::option::of(id()), any::<u64>(), any::<u32>()).prop_map(
        |(job_id, worker, sha256, size_bytes, slots)| {
            let package = sha256.map(|sha256| proto::Package {
                sha256,
                size_bytes,
                name: "../../x\0".to_owned(),
                entry: Some(String::new()),
            });
            let mut start = start_worker(proto::Package::default(), 0, 0, "obey");
            (start.job_id, start.worker, start.package) = (job_id, worker, package);
            start.slots = slots;
            FromJobManager::StartWorker(start)
        },
    );
    let deploy =
        (id(), id(), some_attempt(), any::<bool>()).prop_map(|(job_id, worker, attempt, tasks)| {
            let task = proto::TaskDeployment { attempt, ..Default::default() };
            let tasks =
                tasks.then(|| proto::DeployTasks { tasks: vec![task], ..Default::default() });
            FromJobManager::Deploy(proto::Deploy { job_id, worker, tasks })
        });
    let cancel = (id(), some_attempt()).prop_map(|(job_id, attempt)| {
        FromJobManager::CancelTask(proto::CancelTask { job_id, attempt })
    });
    let event = (id(), some_attempt()).prop_map(|(job_id, reader)| {
        FromJobManager::SourceEvent(proto::ReaderEvent { job_id, reader, event: None })
    });
    let stop = (id(), any::<u32>()).prop_map(|(job_id, grace_ms)| {
        FromJobManager::StopWorker(proto::StopWorker { job_id, grace_ms })
    });
    let read = (any::<i32>(), any::<String>(), any::<u64>(), any::<u64>()).prop_map(
        |(kind, name, offset, length)| {
            let request = 1;
            FromJobManager::ReadFile(proto::ReadFile { request, kind, name, offset, length })
        },
    );
    let others = prop_oneof![
        Just(FromJobManager::Heartbeat(proto::Heartbeat {})),
        Just(FromJobManager::Registered(proto::Registered::default())),
        any::<String>().prop_map(|directives| {
            FromJobManager::SetLogLevel(proto::SetLogLevel { directives })
        }),
        any::<u64>()
            .prop_map(|request| { FromJobManager::ListFiles(proto::ListFiles { request }) }),
    ];
    prop_oneof![start, deploy, cancel, event, stop, read, others]
}

#[tokio::test]
async fn whatever_the_job_manager_sends_the_task_manager_goes_on() {
    let mut fixture = Fixture::new(&[]).await;
    let mut runner = TestRunner::deterministic();
    let strategy = message();
    for _ in 0..3000 {
        let message = strategy.new_tree(&mut runner).unwrap().current();
        fixture.session.send(message).await;
    }
    // One that holds none of the messages, and one whose job id is of no use.
    fixture.session.send(FromJobManager::Deploy(proto::Deploy::default())).await;
    let wanted = |message: &ToJobManager| match message {
        ToJobManager::WorkerStarted(started) => Some(started.pid),
        _ => None,
    };
    fixture.start(200, 1, "obey").await;
    let pid = fixture.session.expect(wanted).await;
    assert!(is_alive(pid));
    fixture.stop().await;
}

//! TaskManagers that come, go, and say what makes no sense.

use std::time::Duration;

use bytes::Bytes;
use sciurus_core::ids::TaskManagerId;
use sciurus_job_master::JobStatus;
use sciurus_jobmanager::resource_manager::SlotCounts;
use sciurus_jobmanager::task_managers::{FileError, FileRequest, NamedFile};
use sciurus_rpc::proto::job_manager_message::Message as FromManager;
use sciurus_rpc::proto::task_manager_message::Message;
use sciurus_rpc::proto::{self, TaskManagerMessage};
use tokio::io::AsyncWriteExt;
use tokio_stream::StreamExt;

use crate::common::task_manager::{client, envelope, register};
use crate::common::{Behaviour, SimulatedTaskManager, TestCluster, eventually};

#[tokio::test]
async fn who_registers_anew_takes_the_place_of_the_earlier_session() {
    let cluster = TestCluster::start(&[]).await;
    let _first = cluster.add("a", 1).await;
    let job = cluster
        .submit(&[
            ("restart-strategy.type", "fixed-delay"),
            ("restart-strategy.fixed-delay.delay", "0 s"),
        ])
        .await
        .unwrap();
    cluster.runs(job, 1).await;
    let second = cluster.add("a", 1).await;
    eventually(|| second.running() == 1).await;
    cluster.runs(job, 1).await;
    assert_eq!(cluster.dispatcher().slots().total, 1);
}

#[tokio::test]
async fn a_storm_of_reconnections_leaves_one_session() {
    let cluster = TestCluster::start(&[]).await;
    let mut sessions = Vec::new();
    for _ in 0..100 {
        sessions.push(cluster.add("a", 2).await);
        if fastrand::bool() {
            sessions.clear();
        }
    }
    let last = cluster.add("a", 2).await;
    drop(sessions);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(cluster.dispatcher().slots().total, 2);
    let job = cluster.submit(&[("test.parallelism", "2")]).await.unwrap();
    eventually(|| last.running() == 2).await;
    cluster.runs(job, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sessions_that_come_and_go_at_the_same_time_leave_no_slots_behind() {
    let cluster = TestCluster::start(&[]).await;
    let address = cluster.manager().rpc_address();
    for _ in 0..40 {
        let connect = || SimulatedTaskManager::connect(address, "a", 2, Behaviour::default());
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let session = connect();
            tasks.spawn(async move { drop(session.await) });
        }
        while tasks.join_next().await.is_some() {}
    }
    let _last = cluster.add("a", 2).await;
    eventually(|| cluster.dispatcher().slots() == SlotCounts { total: 2, available: 2 }).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(cluster.dispatcher().slots(), SlotCounts { total: 2, available: 2 });
}

#[tokio::test]
async fn who_cannot_be_taken_is_told_why() {
    let cluster = TestCluster::start(&[]).await;
    let bad_version = proto::Register { protocol: 99, ..register("a", 1) };
    let no_slots = register("a", 0);
    let no_registration = Message::Heartbeat(proto::Heartbeat {});
    for (message, reason) in [
        (Message::Register(bad_version), "version 99 of the protocol"),
        (Message::Register(no_slots), "0 slots"),
        (no_registration, "no registration"),
    ] {
        let messages = tokio_stream::iter([envelope(&Bytes::new(), message)]);
        let mut client = client(cluster.manager().rpc_address()).await;
        let mut answers = client.connect(messages).await.unwrap().into_inner();
        let answer = answers.message().await.unwrap().unwrap().message.unwrap();
        let FromManager::Rejected(rejected) = answer else { panic!("{answer:?}") };
        assert!(rejected.reason.contains(reason), "{}", rejected.reason);
        assert!(answers.message().await.unwrap().is_none());
    }
    assert!(cluster.dispatcher().task_managers().is_empty());
}

#[tokio::test]
async fn what_is_meant_for_another_leader_is_passed_over() {
    let cluster = TestCluster::start(&[]).await;
    let a = cluster.add("a", 1).await;
    let job = cluster.submit(&[]).await.unwrap();
    cluster.runs(job, 1).await;
    let attempt = *a.state.lock().running.keys().next().unwrap();
    let failed = sciurus_job_master::ExecutionState::Failed;
    let stale = Bytes::from_static(&[7; 16]);
    a.send_as(&stale, crate::common::task_manager::report(job, attempt, failed, None));
    // A later message has an effect, so the earlier one had none.
    a.send(Message::Metrics(proto::MetricsReport {
        gauges: [("marker".to_owned(), 1.0)].into(),
        jobs: Vec::new(),
    }));
    eventually(|| !cluster.dispatcher().task_managers()[0].gauges.is_empty()).await;
    assert_eq!(cluster.dispatcher().job(job).unwrap().status(), JobStatus::Running);
}

#[tokio::test]
async fn senseless_messages_harm_nobody_and_end_the_session_in_the_end() {
    let cluster = TestCluster::start(&[]).await;
    let a = cluster.add("a", 1).await;
    let _b = cluster.add("b", 1).await;
    let leader = a.state.lock().leader.clone();
    let mut random = fastrand::Rng::with_seed(1);
    let mut bytes = |longest: usize| -> Bytes {
        let length = random.usize(..=longest);
        (0..length).map(|_| random.u8(..)).collect()
    };
    for round in 0..400 {
        let attempt = proto::ExecutionAttempt {
            graph: bytes(17),
            vertex: bytes(17),
            subtask: u32::MAX,
            attempt: u32::MAX,
        };
        let message = match round % 8 {
            0 => None,
            1 => Some(Message::WorkerStarted(proto::WorkerStarted {
                job_id: bytes(17),
                worker: bytes(17),
                data_address: "x".repeat(1000),
                pid: 0,
            })),
            2 => Some(Message::WorkerEnded(proto::WorkerEnded {
                job_id: bytes(16),
                worker: bytes(16),
                cause: None,
            })),
            3 => Some(Message::Task(proto::TaskReport {
                job_id: bytes(16),
                change: Some(proto::TaskStateChanged {
                    attempt: Some(attempt),
                    state: 77,
                    failure: None,
                }),
                metrics: None,
            })),
            4 => Some(Message::SplitRequest(proto::SplitRequest {
                job_id: bytes(16),
                reader: Some(attempt),
            })),
            5 => Some(Message::Metrics(proto::MetricsReport {
                jobs: vec![proto::JobMetricsReport { job_id: bytes(16), ..Default::default() }],
                gauges: [("x".to_owned(), f64::NAN)].into(),
            })),
            6 => Some(Message::FileList(proto::FileList { request: 1, files: Vec::new() })),
            _ => Some(Message::Register(register("a", 5))),
        };
        a.send_raw(TaskManagerMessage { leader: leader.clone(), message });
    }
    eventually(|| cluster.dispatcher().task_managers().len() == 1).await;
    let job = cluster.submit(&[]).await.unwrap();
    cluster.runs(job, 1).await;
}

#[tokio::test]
async fn files_come_from_the_task_manager() {
    let cluster = TestCluster::start(&[]).await;
    let a = cluster.add("a", 1).await;
    let files = cluster.dispatcher().list_files(&a.id).await.unwrap();
    assert_eq!((files[0].name.as_str(), files[0].size_bytes), ("tm.log", 7));
    let file = NamedFile::Named("tm.log".to_owned());
    let request = FileRequest { file, offset: 0, length: 0 };
    let file = cluster.dispatcher().read_file(&a.id, &request).await.unwrap();
    assert_eq!(file.total_bytes(), 1000);
    let parts: Vec<Bytes> = file.map(Result::unwrap).collect().await;
    assert_eq!(parts.concat(), b"tm.log: content");
    let unknown = TaskManagerId::new("unknown");
    let error = cluster.dispatcher().list_files(&unknown).await.unwrap_err();
    assert_eq!(error, FileError::UnknownTaskManager(unknown));
    // Nobody asked for this.
    let chunk = proto::FileChunk { request: 1, total_bytes: 1, data: Bytes::new() };
    let unasked = a.client.clone().send_file(tokio_stream::iter([chunk])).await;
    assert_eq!(unasked.unwrap_err().code(), tonic::Code::NotFound);
}

#[tokio::test]
async fn what_is_no_protocol_at_all_harms_nobody() {
    let cluster = TestCluster::start(&[]).await;
    let address = cluster.manager().rpc_address();
    let mut random = fastrand::Rng::with_seed(2);
    let mut idle = Vec::new();
    for round in 0..50 {
        let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
        let preface: &[u8] = if round % 2 == 0 { b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" } else { b"" };
        let garbage: Vec<u8> = (0..random.usize(..2000)).map(|_| random.u8(..)).collect();
        // The JobManager may have had enough before the end.
        let _ = connection.write_all(&[preface, &garbage].concat()).await;
        idle.push(connection);
    }
    let _a = cluster.add("a", 1).await;
    let job = cluster.submit(&[]).await.unwrap();
    cluster.runs(job, 1).await;
}

//! Finding a JobManager, being taken or not, and losing it.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use sciurus_rpc::proto::job_manager_message::Message as FromJobManager;
use sciurus_rpc::proto::task_manager_client::TaskManagerClient;
use sciurus_rpc::proto::task_manager_message::Message as ToJobManager;
use sciurus_rpc::{PROTOCOL_VERSION, proto};
use sciurus_taskmanager::{TaskManager, TaskManagerError, TaskManagerOptions};
use tonic::transport::{Channel, Endpoint};

use crate::fixture::{Fixture, configuration, until};
use crate::job_manager::{Answer, FakeJobManager, PATIENCE};

async fn start(
    job_manager: &FakeJobManager,
    more: &[(&str, &str)],
) -> (tempfile::TempDir, TaskManager) {
    let dir = tempfile::tempdir().unwrap();
    let configuration = configuration(dir.path(), job_manager.port, more);
    let task_manager = TaskManager::start(TaskManagerOptions::new(configuration)).await.unwrap();
    (dir, task_manager)
}

#[tokio::test]
async fn a_registration_says_what_there_is() {
    let fixture = Fixture::new(&[]).await;
    let register = &fixture.session.register;
    assert_eq!((register.slots, &*register.host), (2, "127.0.0.1"));
    assert_eq!(register.task_manager, fixture.task_manager.id());
    assert_eq!(register.rpc_port, u32::from(fixture.task_manager.rpc_port()));
    assert!(register.platform.starts_with("linux-"));
    assert_eq!(register.memory.unwrap().total_process, 256 << 20);
    assert_eq!(register.hardware.unwrap().free_memory_bytes, 240 << 20);
    assert!(fixture.task_manager.is_registered());
    fixture.stop().await;
}

#[tokio::test]
async fn it_registers_at_once_and_soon_after_the_job_manager_comes_up() {
    let mut job_manager = FakeJobManager::start().await;
    let begin = Instant::now();
    let (_dir, mut task_manager) = start(&job_manager, &[]).await;
    let session = job_manager.session().await;
    // Generous, since the machine may be busy; the goal of 100 ms is measured elsewhere.
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    let first = session.register.session.clone();
    task_manager.wait_until_registered().await;

    drop(session);
    let port = job_manager.die().await;
    until("the session is lost", || !task_manager.is_registered()).await;
    let mut job_manager = FakeJobManager::start_on(port).await;
    let session = job_manager.session().await;
    assert_ne!(session.register.session, first);
    assert_eq!(session.register.task_manager, task_manager.id());
    task_manager.stop().await;
}

#[tokio::test]
async fn heartbeats_go_out_and_a_silent_job_manager_is_lost() {
    let mut job_manager = FakeJobManager::start().await;
    *job_manager.state.heartbeat_ms.lock() = (20, 500);
    let (_dir, task_manager) = start(&job_manager, &[]).await;
    let mut session = job_manager.session().await;
    for _ in 0..10 {
        let heartbeat =
            |message: &ToJobManager| matches!(message, ToJobManager::Heartbeat(_)).then_some(());
        session.expect(heartbeat).await;
        session.send(FromJobManager::Heartbeat(proto::Heartbeat {})).await;
    }
    // Now it hears nothing any more.
    let again = job_manager.session().await;
    assert_ne!(session.register.session, again.register.session);
    session.ended().await;
    task_manager.stop().await;
}

#[tokio::test]
async fn a_rejection_that_may_pass_is_tried_again_and_a_final_one_ends_it() {
    let job_manager = FakeJobManager::start().await;
    let reject = |retriable| Answer::Reject { reason: "too many".to_owned(), retriable };
    *job_manager.state.answer.lock() = reject(true);
    let (_dir, mut task_manager) = start(&job_manager, &[]).await;
    until("it tries again", || job_manager.state.registered.load(Ordering::Relaxed) > 2).await;
    *job_manager.state.answer.lock() = reject(false);
    let ended = tokio::time::timeout(PATIENCE, task_manager.wait()).await.unwrap();
    assert_eq!(ended, Err(TaskManagerError::Rejected { reason: "too many".to_owned() }));
}

#[tokio::test]
async fn what_is_no_job_manager_is_tried_until_the_time_is_over() {
    let job_manager = FakeJobManager::start().await;
    let other = format!("speaks protocol {}", PROTOCOL_VERSION + 1);
    for (answer, text) in
        [(Answer::Heartbeat, "none that registers"), (Answer::OtherProtocol, other.as_str())]
    {
        *job_manager.state.answer.lock() = answer;
        let more = [("taskmanager.registration.timeout", "300 ms")];
        let (_dir, mut task_manager) = start(&job_manager, &more).await;
        let ended = tokio::time::timeout(PATIENCE, task_manager.wait()).await.unwrap();
        let Err(TaskManagerError::NotRegistered { reason, .. }) = ended else {
            panic!("{ended:?}")
        };
        assert!(reason.contains(text), "{reason}");
    }
}

#[tokio::test]
async fn a_rejection_during_the_session_ends_it() {
    let mut fixture = Fixture::new(&[]).await;
    let rejected =
        proto::Rejected { reason: "another one has this id".to_owned(), retriable: true };
    fixture.session.send(FromJobManager::Rejected(rejected)).await;
    fixture.session.ended().await;
    let again = fixture.job_manager.session().await;
    let rejected = proto::Rejected { reason: "go".to_owned(), retriable: false };
    again.send(FromJobManager::Rejected(rejected)).await;
    let ended = tokio::time::timeout(PATIENCE, fixture.task_manager.wait()).await.unwrap();
    assert_eq!(ended, Err(TaskManagerError::Rejected { reason: "go".to_owned() }));
}

async fn inviter(task_manager: &TaskManager) -> TaskManagerClient<Channel> {
    let address = format!("http://127.0.0.1:{}", task_manager.rpc_port());
    TaskManagerClient::new(Endpoint::from_shared(address).unwrap().connect().await.unwrap())
}

fn invitation(address: &str, leader: &[u8]) -> proto::Invitation {
    proto::Invitation { job_manager: address.to_owned(), leader: leader.to_vec().into() }
}

#[tokio::test]
async fn an_invitation_does_not_end_a_registration_under_way() {
    let mut job_manager = FakeJobManager::start().await;
    let state = job_manager.state.clone();
    let answering = state.answering.lock().await;
    let (_dir, task_manager) = start(&job_manager, &[]).await;
    until("it registers", || state.registered.load(Ordering::Relaxed) == 1).await;
    let here = format!("127.0.0.1:{}", job_manager.port);
    inviter(&task_manager).await.invite(invitation(&here, &[9; 16])).await.unwrap();
    drop(answering);
    let mut session = job_manager.session().await;
    for _ in 0..2 {
        session.expect(|message| matches!(message, ToJobManager::Heartbeat(_)).then_some(())).await;
    }
    assert_eq!(state.registered.load(Ordering::Relaxed), 1);
    task_manager.stop().await;
}

#[tokio::test]
async fn an_invitation_is_followed_by_a_task_manager_that_knows_no_job_manager() {
    let mut job_manager = FakeJobManager::start().await;
    let dir = tempfile::tempdir().unwrap();
    let mut configuration = configuration(dir.path(), job_manager.port, &[]);
    configuration.remove_text("jobmanager.rpc.address");
    let task_manager = TaskManager::start(TaskManagerOptions::new(configuration)).await.unwrap();
    let mut client = inviter(&task_manager).await;
    let here = format!("127.0.0.1:{}", job_manager.port);
    // Nonsense is refused, and an address where nobody is does no harm.
    for (address, leader) in [(&*here, &[1; 3][..]), ("nowhere", &[9; 16]), (":6123", &[9; 16])] {
        let status = client.invite(invitation(address, leader)).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::InvalidArgument, "{address}");
    }
    client.invite(invitation("127.0.0.1:1", &[9; 16])).await.unwrap();
    client.invite(invitation(&here, &[9; 16])).await.unwrap();
    let session = job_manager.session().await;
    until("it is registered", || task_manager.is_registered()).await;
    // Its own JobManager may ask as often as it likes, another one is told.
    client.invite(invitation(&here, &[9; 16])).await.unwrap();
    let status = client.invite(invitation(&here, &[8; 16])).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::FailedPrecondition);
    drop(session);
    task_manager.stop().await;
}

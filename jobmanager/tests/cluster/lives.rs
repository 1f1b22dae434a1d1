//! More than one life of a JobManager, and clusters for one job.

use std::path::Path;
use std::time::Duration;

use sciurus_core::config::Configuration;
use sciurus_core::ids::JobId;
use sciurus_job_master::{ExecutionState, JobStatus};
use sciurus_jobmanager::{
    Application, ApplicationSource, ApplicationStatus, JobManager, JobManagerOptions, StartError,
};
use sciurus_rpc::proto::task_manager_server::{TaskManager, TaskManagerServer};
use sciurus_rpc::proto::{Invitation, InvitationResponse};
use tokio::sync::mpsc;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use crate::common::{Behaviour, PATIENCE, SimulatedTaskManager, TestCluster, eventually, job};

fn ha(directory: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("high-availability.type", "filesystem".to_owned()),
        ("high-availability.storageDir", format!("file://{}", directory.display())),
    ]
}

/// Waits until a job that was found again runs: until then another stands in its place.
async fn is_run_again(cluster: &TestCluster, job: JobId) {
    let found = || cluster.dispatcher().job(job).unwrap();
    eventually(|| !found().submitted().arguments.is_empty()).await;
}

#[tokio::test]
async fn an_accepted_job_outlives_the_job_manager() {
    let storage = tempfile::tempdir().unwrap();
    let settings = ha(storage.path());
    let settings: Vec<_> = settings.iter().map(|(key, text)| (*key, text.as_str())).collect();
    let cluster = TestCluster::start(&settings).await;
    let _a = cluster.add("a", 2).await;
    let job = cluster.submit(&[("test.parallelism", "2")]).await.unwrap();
    let other = cluster.submit(&[("test.parallelism", "9")]).await.unwrap();
    cluster.runs(job, 2).await;
    cluster.dispatcher().cancel(other).unwrap();
    cluster.status_is(other, JobStatus::Canceled).await;
    cluster.shut_down().await;

    let cluster = TestCluster::start(&settings).await;
    is_run_again(&cluster, job).await;
    let again = cluster.dispatcher().job(job).unwrap();
    assert_eq!(again.submitted().arguments, job::arguments());
    let a = cluster.add("a", 2).await;
    cluster.runs(job, 2).await;
    a.end_all(ExecutionState::Finished);
    cluster.status_is(job, JobStatus::Finished).await;
    cluster.shut_down().await;

    let cluster = TestCluster::start(&settings).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(cluster.dispatcher().jobs().is_empty());
}

#[tokio::test]
async fn a_job_whose_main_fails_for_now_is_not_forgotten() {
    let storage = tempfile::tempdir().unwrap();
    let settings = ha(storage.path());
    let settings: Vec<_> = settings.iter().map(|(key, text)| (*key, text.as_str())).collect();
    let with = |plan| [&settings[..], &[("test.plan", plan)]].concat();
    let cluster = TestCluster::start(&settings).await;
    let job = cluster.submit(&[]).await.unwrap();
    cluster.shut_down().await;

    // It is killed, for instance, because the whole machine is shut down.
    for plan in ["hang", "exit"] {
        let cluster = TestCluster::start(&with(plan)).await;
        assert_eq!(cluster.dispatcher().job(job).unwrap().status(), JobStatus::Initializing);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(cluster.dispatcher().job(job).unwrap().status(), JobStatus::Initializing);
        let begin = std::time::Instant::now();
        cluster.shut_down().await;
        assert!(begin.elapsed() < Duration::from_secs(10), "{plan}: {:?}", begin.elapsed());
    }

    let cluster = TestCluster::start(&settings).await;
    is_run_again(&cluster, job).await;
    let a = cluster.add("a", 1).await;
    cluster.runs(job, 1).await;
    a.end_all(ExecutionState::Finished);
    cluster.status_is(job, JobStatus::Finished).await;
}

#[tokio::test]
async fn a_job_can_be_cancelled_before_it_is_run_again() {
    let storage = tempfile::tempdir().unwrap();
    let settings = ha(storage.path());
    let settings: Vec<_> = settings.iter().map(|(key, text)| (*key, text.as_str())).collect();
    let cluster = TestCluster::start(&settings).await;
    let job = cluster.submit(&[]).await.unwrap();
    cluster.shut_down().await;

    let cluster = TestCluster::start(&settings).await;
    cluster.dispatcher().cancel(job).unwrap();
    is_run_again(&cluster, job).await;
    cluster.status_is(job, JobStatus::Canceled).await;
}

#[tokio::test]
async fn high_availability_needs_a_directory() {
    let configuration = Configuration::from_pairs([
        ("high-availability.type", "kubernetes"),
        ("jobmanager.rpc.port", "0"),
    ]);
    let options = JobManagerOptions { configuration, ..JobManagerOptions::default() };
    let error = JobManager::start(options).await.err().unwrap();
    assert!(matches!(error, StartError::NoHaDirectory), "{error}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let cluster = TestCluster::start(&[]).await;
    let port = cluster.manager().rpc_address().port().to_string();
    let configuration = Configuration::from_pairs([
        ("jobmanager.rpc.port", port.as_str()),
        ("jobmanager.bind-host", "127.0.0.1"),
        ("rest.bind-port", "0"),
        ("rest.bind-address", "127.0.0.1"),
    ]);
    let options = JobManagerOptions { configuration, ..JobManagerOptions::default() };
    let error = JobManager::start(options).await.err().unwrap().to_string();
    assert!(error.contains(&format!("127.0.0.1:{port}")), "{error}");
}

/// Starts a cluster for one job and plays its TaskManager; returns how the job ended.
async fn run_application(settings: &[(&str, &str)]) -> Option<ApplicationStatus> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().display().to_string();
    let mut configuration = Configuration::from_pairs([
        ("jobmanager.rpc.port", "0"),
        ("jobmanager.bind-host", "127.0.0.1"),
        ("rest.bind-port", "0"),
        ("rest.bind-address", "127.0.0.1"),
        ("io.tmp.dirs", path.as_str()),
        ("env.log.dir", path.as_str()),
    ]);
    configuration.merge(&Configuration::from_pairs(settings.iter().copied()));
    let application = Application {
        source: ApplicationSource::Path(std::env::current_exe().unwrap()),
        entry: None,
        arguments: job::arguments(),
        job_id: None,
    };
    let options = JobManagerOptions {
        configuration,
        application: Some(application),
        ..JobManagerOptions::default()
    };
    let manager = JobManager::start(options).await.unwrap();
    let behaviour = Behaviour { reads_splits: true, ..Behaviour::default() };
    let _a = SimulatedTaskManager::connect(manager.rpc_address(), "a", 1, behaviour).await.unwrap();
    let id = JobId::from_bytes([0; 16]);
    let ended = tokio::time::timeout(Duration::from_secs(2), manager.shutdown_requested()).await;
    if ended.is_err() {
        // It stays; then the job is shown as it ended.
        let job = manager.dispatcher().job(id).unwrap();
        assert!(tokio::time::timeout(PATIENCE, job.ended()).await.unwrap().is_terminal());
    }
    manager.shut_down().await;
    ended.ok()
}

#[tokio::test]
async fn a_cluster_for_one_job_ends_with_it() {
    let ended = run_application(&[("test.splits", "3")]).await;
    assert_eq!(ended, Some(ApplicationStatus::Succeeded));
    let ended = run_application(&[("test.coordinator", "fail-on-request")]).await;
    assert_eq!(ended, Some(ApplicationStatus::Failed));
    let ended = run_application(&[("test.plan", "refuse")]).await;
    assert_eq!(ended, Some(ApplicationStatus::Failed));
}

#[tokio::test]
async fn a_cluster_for_one_job_may_stay_to_show_how_it_ended() {
    let stay = ("execution.shutdown-on-application-finish", "false");
    assert_eq!(run_application(&[("test.splits", "3"), stay]).await, None);
    let show = ("execution.submit-failed-job-on-application-error", "true");
    assert_eq!(run_application(&[("test.plan", "refuse"), stay, show]).await, None);
}

#[tokio::test]
async fn a_client_can_have_the_cluster_stop() {
    let cluster = TestCluster::start(&[]).await;
    cluster.dispatcher().request_shutdown();
    let status = cluster.manager().shutdown_requested().await;
    assert_eq!(status, ApplicationStatus::Succeeded);
}

#[tokio::test]
async fn a_job_manager_that_stops_leaves_nothing_running() {
    let cluster = TestCluster::start(&[]).await;
    let a = cluster.add("a", 1).await;
    let job = cluster.submit(&[]).await.unwrap();
    cluster.runs(job, 1).await;
    let dispatcher = cluster.dispatcher().clone();
    let _directory = cluster.shut_down().await;
    assert_eq!(dispatcher.job(job).unwrap().status(), JobStatus::Suspended);
    assert!(dispatcher.task_managers().is_empty());
    assert_eq!(a.running(), 0, "its worker was told to stop");
    let me = std::process::id();
    let children = std::fs::read_to_string(format!("/proc/{me}/task/{me}/children"));
    println!("children left: {children:?}");
}

/// Takes invitations as a TaskManager does.
pub struct Invited(pub mpsc::UnboundedSender<Invitation>);

#[tonic::async_trait]
impl TaskManager for Invited {
    async fn invite(
        &self,
        request: Request<Invitation>,
    ) -> Result<Response<InvitationResponse>, Status> {
        self.0.send(request.into_inner()).unwrap();
        Ok(Response::new(InvitationResponse {}))
    }
}

#[tokio::test]
async fn task_managers_that_are_named_are_invited_until_they_come() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let cluster = TestCluster::start(&[("sciurus.jobmanager.taskmanagers", &address)]).await;
    // Nobody answers at first.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (sender, mut invitations) = mpsc::unbounded_channel();
    tokio::spawn(tonic::transport::Server::builder().serve_with_incoming(
        TaskManagerServer::new(Invited(sender)),
        TcpListenerStream::new(listener),
    ));
    let invitation = tokio::time::timeout(PATIENCE, invitations.recv()).await.unwrap().unwrap();
    let port = cluster.manager().rpc_address().port();
    assert_eq!(invitation.job_manager, format!("localhost:{port}"));
    assert_eq!(invitation.leader, cluster.dispatcher().leader_id().to_bytes().as_slice());
}

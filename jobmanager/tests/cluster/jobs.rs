//! From submission to end.

use sciurus_job_master::{ExecutionState, JobStatus};
use sciurus_jobmanager::dispatcher::CancelError;
use sciurus_rpc::proto::job_manager_message::Message;

use crate::common::task_manager::fetch;
use crate::common::{Behaviour, TestCluster, eventually};

#[tokio::test]
async fn a_job_runs_and_finishes() {
    let cluster = TestCluster::start(&[]).await;
    let a = cluster.add("a", 1).await;
    let b = cluster.add("b", 1).await;
    let job = cluster.submit(&[("test.parallelism", "2"), ("test.vertices", "2")]).await.unwrap();
    cluster.runs(job, 4).await;
    assert_eq!((a.running(), b.running()), (2, 2));
    assert_eq!(cluster.dispatcher().slots().available, 0);
    let shown = cluster.dispatcher().job(job).unwrap();
    assert_eq!((shown.name(), shown.status()), ("test job", JobStatus::Running));
    let slots = cluster.dispatcher().task_managers()[0].allocated.clone();
    assert_eq!((slots.len(), slots[0].job), (1, job));

    a.end_all(ExecutionState::Finished);
    b.end_all(ExecutionState::Finished);
    cluster.status_is(job, JobStatus::Finished).await;
    assert_eq!(cluster.dispatcher().slots().available, 2);
    assert!(shown.end_time().unwrap() >= shown.start_time());
    eventually(|| a.state.lock().workers.is_empty()).await;
    let log = std::fs::read_to_string(shown.coordinator_log()).unwrap();
    assert!(log.contains("this is the job's log"), "{log}");
    let directory = cluster.shut_down().await;
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().flatten().collect();
    let is_log = |file: &std::fs::DirEntry| file.path().extension() == Some("log".as_ref());
    assert!(
        left.iter().all(|file| is_log(file) || file.path().ends_with("sciurus-blobs")),
        "{left:?}"
    );
}

#[tokio::test]
async fn the_worker_gets_its_package_and_where_the_others_are() {
    let cluster = TestCluster::start(&[]).await;
    let a = cluster.add("a", 1).await;
    let b = cluster.add("b", 1).await;
    let job = cluster.submit(&[("test.parallelism", "2"), ("test.vertices", "2")]).await.unwrap();
    cluster.runs(job, 4).await;
    let messages = a.state.lock().messages.clone();
    let start = messages.iter().find_map(|message| match message {
        Message::StartWorker(start) => Some(start.clone()),
        _ => None,
    });
    let package = start.unwrap().package.unwrap();
    let bytes = fetch(&mut a.client.clone(), package.sha256).await.unwrap();
    assert_eq!(bytes.len() as u64, package.size_bytes);
    assert!(bytes == std::fs::read(std::env::current_exe().unwrap()).unwrap());
    let deploy = messages.iter().find_map(|message| match message {
        Message::Deploy(deploy) => deploy.tasks.clone(),
        _ => None,
    });
    let deploy = deploy.unwrap();
    assert_eq!((deploy.workers.len(), deploy.locations.len(), deploy.tasks.len()), (2, 2, 2));
    for location in deploy.locations {
        let mut workers = location.workers;
        workers.sort_unstable();
        assert_eq!((workers, location.attempts), (vec![0, 1], vec![0, 0]));
    }
    let unknown = fetch(&mut b.client.clone(), vec![0; 32].into()).await.unwrap_err();
    assert_eq!(unknown.code(), tonic::Code::NotFound);
    let short = fetch(&mut b.client.clone(), vec![0; 3].into()).await.unwrap_err();
    assert_eq!(short.code(), tonic::Code::InvalidArgument);
}

#[tokio::test]
async fn a_job_that_lacks_slots_says_so_and_starts_when_a_task_manager_joins() {
    let cluster = TestCluster::start(&[]).await;
    let _a = cluster.add("a", 2).await;
    let job = cluster.submit(&[("test.parallelism", "5")]).await.unwrap();
    let shown = cluster.dispatcher().job(job).unwrap();
    eventually(|| shown.slot_shortage().is_some_and(|shortage| shortage.total() == 3)).await;
    assert_eq!(shown.status(), JobStatus::Created);
    assert_eq!(cluster.dispatcher().slots().available, 2, "it holds none of what isn't enough");
    let small = cluster.submit(&[("test.parallelism", "2")]).await.unwrap();
    cluster.runs(small, 2).await;
    let _b = cluster.add("b", 5).await;
    cluster.runs(job, 5).await;
    assert_eq!(shown.slot_shortage(), None);
}

#[tokio::test]
async fn a_job_that_lacks_slots_for_too_long_fails_and_says_why() {
    let cluster = TestCluster::start(&[("slot.request.timeout", "100 ms")]).await;
    let _a = cluster.add("a", 1).await;
    let job = cluster.submit(&[("test.parallelism", "3")]).await.unwrap();
    cluster.status_is(job, JobStatus::Failed).await;
    let failure = cluster.dispatcher().job(job).unwrap().failure().unwrap().to_string();
    assert!(failure.contains("2 slots were still missing"), "{failure}");
}

#[tokio::test]
async fn a_cancelled_job_stops_wherever_it_is() {
    let cluster = TestCluster::start(&[]).await;
    let a = cluster.add("a", 2).await;
    let job = cluster.submit(&[("test.parallelism", "2")]).await.unwrap();
    cluster.runs(job, 2).await;
    cluster.dispatcher().cancel(job).unwrap();
    cluster.status_is(job, JobStatus::Canceled).await;
    assert_eq!(a.running(), 0);
    let again = cluster.dispatcher().cancel(job).unwrap_err();
    assert_eq!(again, CancelError::AlreadyTerminal { job, status: JobStatus::Canceled });

    let waiting = cluster.submit(&[("test.parallelism", "9")]).await.unwrap();
    cluster.dispatcher().cancel(waiting).unwrap();
    cluster.status_is(waiting, JobStatus::Canceled).await;
    assert_eq!(cluster.dispatcher().slots().available, 2);
    assert!(cluster.dispatcher().cancel(sciurus_core::ids::JobId::random()).is_err());
}

#[tokio::test]
async fn splits_reach_the_readers_that_ask_for_them() {
    let cluster = TestCluster::start(&[]).await;
    let behaviour = Behaviour { reads_splits: true, ..Behaviour::default() };
    let a = cluster.add_with("a", 2, behaviour.clone()).await;
    let b = cluster.add_with("b", 2, behaviour).await;
    let job = cluster.submit(&[("test.parallelism", "4"), ("test.splits", "50")]).await.unwrap();
    cluster.status_is(job, JobStatus::Finished).await;
    let mut splits = a.state.lock().splits.clone();
    splits.extend(b.state.lock().splits.clone());
    splits.sort();
    splits.dedup();
    assert_eq!(splits.len(), 50);
    assert_eq!(cluster.dispatcher().job(job).unwrap().input_bytes(), Some(50));
}

#[tokio::test]
async fn many_jobs_leave_nothing_behind() {
    let cluster = TestCluster::start(&[("jobstore.max-capacity", "3")]).await;
    let a = cluster.add("a", 4).await;
    for _ in 0..10 {
        let job = cluster.submit(&[("test.parallelism", "2")]).await.unwrap();
        cluster.runs(job, 2).await;
        cluster.dispatcher().cancel(job).unwrap();
        cluster.status_is(job, JobStatus::Canceled).await;
    }
    assert_eq!(cluster.dispatcher().slots().available, 4);
    assert_eq!(cluster.dispatcher().jobs().len(), 3);
    eventually(|| a.state.lock().workers.is_empty()).await;
    let names = || {
        let files = std::fs::read_dir(cluster.directory.path()).unwrap().flatten();
        files.map(|file| file.file_name().into_string().unwrap())
    };
    eventually(|| names().all(|name| !name.starts_with("sciurus-job-"))).await;
    let blobs = cluster.directory.path().join("sciurus-blobs");
    let blobs = std::fs::read_dir(blobs).unwrap().flatten().next().unwrap().path();
    eventually(|| std::fs::read_dir(&blobs).unwrap().count() == 0).await;
}

#[tokio::test]
async fn jobs_that_are_submitted_at_once_share_what_there_is() {
    let cluster = TestCluster::start(&[]).await;
    let _a = cluster.add("a", 3).await;
    let _b = cluster.add("b", 3).await;
    let submit = || cluster.submit(&[("test.parallelism", "2")]);
    let jobs = futures_util::future::join_all((0..12).map(|_| submit())).await;
    let mut jobs: Vec<_> = jobs.into_iter().map(Result::unwrap).collect();
    while !jobs.is_empty() {
        let status = |job| cluster.dispatcher().job(job).unwrap().status();
        let wanted = jobs.len().min(3);
        let are_running =
            || jobs.iter().filter(|job| status(**job) == JobStatus::Running).count() == wanted;
        eventually(are_running).await;
        let (run, wait): (Vec<_>, Vec<_>) =
            jobs.into_iter().partition(|job| status(*job) == JobStatus::Running);
        for job in run {
            cluster.dispatcher().cancel(job).unwrap();
            cluster.status_is(job, JobStatus::Canceled).await;
        }
        jobs = wait;
    }
    assert_eq!(cluster.dispatcher().slots().available, 6);
}

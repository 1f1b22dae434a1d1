//! The API answers while a large job is deployed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sciurus_core::ids::JobId;
use sciurus_job_master::JobStatus;

use super::common::TestCluster;
use super::http::get;

/// The issue asks for 50 ms with optimisation; this is a build without any, beside other tests.
const ANSWER: Duration = Duration::from_secs(1);

/// Asks again and again until it is told to stop; returns the longest that an answer took, for each
/// path.
fn ask(address: SocketAddr, paths: &[String], stop: &AtomicBool) -> Vec<Duration> {
    let mut longest = vec![Duration::ZERO; paths.len()];
    while !stop.load(Ordering::SeqCst) {
        for (path, longest) in paths.iter().zip(&mut longest) {
            let begin = Instant::now();
            assert_eq!(get(address, path).status, 200, "{path}");
            *longest = begin.elapsed().max(*longest);
        }
    }
    longest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_come_while_two_thousand_subtasks_are_deployed() {
    let cluster = TestCluster::start(&[]).await;
    let mut task_managers = Vec::new();
    for number in 0..20 {
        task_managers.push(cluster.add(&format!("tm-{number}"), 50).await);
    }
    let address = cluster.manager().rest_address();
    let settings = [("test.parallelism", "1000"), ("test.vertices", "2")];
    let job: JobId = cluster.submit(&settings).await.unwrap();
    let vertex = cluster.dispatcher().job(job).unwrap();
    let vertex = vertex.with_master(|master| master.graph().vertices[0].id);
    let paths = vec![
        "/overview".to_owned(),
        "/jobs/overview".to_owned(),
        "/taskmanagers".to_owned(),
        format!("/jobs/{job}"),
        format!("/jobs/{job}/vertices/{vertex}"),
        format!("/jobs/{job}/vertices/{vertex}/taskmanagers"),
        format!("/jobs/{job}/vertices/{vertex}/subtasks/metrics?get=numRecordsIn"),
    ];
    let stop = Arc::new(AtomicBool::new(false));
    let asking = {
        let (paths, stop) = (paths.clone(), stop.clone());
        std::thread::spawn(move || ask(address, &paths, &stop))
    };
    cluster.runs(job, 2000).await;
    cluster.dispatcher().cancel(job).unwrap();
    cluster.status_is(job, JobStatus::Canceled).await;
    stop.store(true, Ordering::SeqCst);
    let longest = asking.join().unwrap();
    for (path, longest) in paths.iter().zip(&longest) {
        println!("{longest:>10.1?} at most for {path}");
    }
    assert!(longest.iter().all(|longest| *longest < ANSWER), "{longest:?}");
}

//! Many subtasks.

use std::time::{Duration, Instant};

use sciurus_job_master::JobStatus;

use crate::common::TestCluster;

/// The issue asks for 2 s with optimisation; this is a build without any, beside other tests.
const DEPLOYMENT: Duration = Duration::from_secs(10);

/// How long a look at a job may take meanwhile.
const LOOK: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_subtasks_are_deployed_quickly_and_can_be_looked_at_meanwhile() {
    let cluster = TestCluster::start(&[]).await;
    let mut task_managers = Vec::new();
    for number in 0..20 {
        task_managers.push(cluster.add(&format!("tm-{number}"), 50).await);
    }
    let dispatcher = cluster.dispatcher().clone();
    let looks = tokio::spawn(async move {
        let mut longest = Duration::ZERO;
        loop {
            let start = Instant::now();
            for job in dispatcher.jobs() {
                job.with_master(|master| master.execution_graph().subtasks().len());
            }
            longest = longest.max(start.elapsed());
            if dispatcher.jobs().iter().any(|job| job.status().is_terminal()) {
                return longest;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let start = Instant::now();
    let settings = [("test.parallelism", "1000"), ("test.vertices", "2")];
    let job = cluster.submit(&settings).await.unwrap();
    let accepted = start.elapsed();
    cluster.runs(job, 2000).await;
    let running = start.elapsed();
    let start = Instant::now();
    cluster.dispatcher().cancel(job).unwrap();
    cluster.status_is(job, JobStatus::Canceled).await;
    let cancelled = start.elapsed();
    let longest = looks.await.unwrap();
    println!(
        "2000 subtasks: accepted after {accepted:?}, running after {running:?}, cancelled within \
         {cancelled:?}; the longest look took {longest:?}"
    );
    assert!(running < DEPLOYMENT && cancelled < DEPLOYMENT && longest < LOOK);
    assert_eq!(cluster.dispatcher().slots().available, 1000);
}

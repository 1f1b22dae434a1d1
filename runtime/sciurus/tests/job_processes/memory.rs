//! A worker that takes too much memory.

use sciurus_job_master::ExecutionState::Failed;
use sciurus_job_master::failure::Fault;

use crate::support::Cluster;

#[test]
fn stops_its_sources_and_then_fails_its_tasks() {
    let limit_bytes = 96 << 20;
    let mut cluster = Cluster::start("hoards", 1, |init| {
        let timeout = ("sciurus.memory.limit-timeout".to_owned(), "1 s".to_owned());
        init.configuration.extend([timeout]);
        if let Some(worker) = &mut init.worker {
            worker.memory_bytes = limit_bytes;
        }
    });
    cluster.deploy(0);
    let gauge = |cluster: &Cluster, name: &str| {
        cluster.gauges.get(&0).and_then(|gauges| gauges.get(name)).copied().unwrap_or(0.0)
    };
    cluster.run_until("sources are stopped", |cluster| {
        gauge(cluster, "Status.Sciurus.Memory.Throttled") >= 1.0
    });
    cluster.run_until("its tasks have failed", |cluster| !cluster.failures.is_empty());
    let (attempt, cause) = cluster.failures[0].clone();
    assert_eq!((&*cause.kind, cause.fault), ("MemoryExceeded", Fault::User), "{cause}");
    assert!(cause.message.contains("taskmanager.memory.process.size"), "{cause}");
    assert_eq!(cluster.last(attempt), Some(Failed));
    // The source shows that it was held back.
    let held_back = cluster.metrics.values().map(|task| task.soft_back_pressured_us).max();
    assert!(held_back.unwrap() > 500_000, "{held_back:?}");
    let used = gauge(&cluster, "Status.Sciurus.Memory.Used");
    // It reads about a batch more before it is stopped, far from twice as much.
    assert!(used < 1.3 * limit_bytes as f64, "{used}");
}

//! Whole jobs on several processes.

use std::collections::BTreeMap;

use sciurus_job_master::ExecutionState::{Failed, Finished, Initializing, Running};
use sciurus_job_master::failure::Fault;

use crate::jobs;
use crate::support::Cluster;

/// What a run by hand counts.
fn by_hand() -> BTreeMap<String, i64> {
    let env = jobs::counts();
    env.set_parallelism(4);
    env.execute("counts").unwrap().accumulators
}

fn counted(cluster: &Cluster) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for (attempt, _) in cluster.tasks.values() {
        for (name, value) in &cluster.metrics[attempt].accumulators {
            *sums.entry(name.clone()).or_default() += value;
        }
    }
    sums
}

#[test]
fn give_the_result_of_a_run_by_hand() {
    let expected = by_hand();
    assert_eq!((expected.len(), expected.values().sum::<i64>()), (997, 100_000));
    for workers in [1, 2, 3] {
        let mut cluster = Cluster::start("counts", workers, |_| {});
        cluster.deploy(0);
        cluster.run_until("the job has finished", |cluster| {
            assert!(cluster.failures.is_empty(), "{:?}", cluster.failures);
            cluster.all(Finished)
        });
        assert_eq!(counted(&cluster), expected, "{workers} workers");
        for states in cluster.states.values() {
            assert_eq!(*states, [Initializing, Running, Finished]);
        }
        cluster.shut_down();
    }
}

#[test]
fn may_be_run_again_by_the_same_processes() {
    let expected = by_hand();
    let mut cluster = Cluster::start("counts", 2, |_| {});
    for attempt in 0..3 {
        cluster.deploy(attempt);
        cluster.run_until("the job has finished", |cluster| cluster.all(Finished));
        assert_eq!(counted(&cluster), expected);
    }
    cluster.shut_down();
}

#[test]
fn tell_metrics_while_they_run() {
    let mut cluster = Cluster::start("endless", 2, |_| {});
    cluster.deploy(0);
    cluster.run_until("all tasks have read or written", |cluster| {
        let busy = |task: &sciurus_rpc::proto::TaskMetrics| {
            task.records_in + task.records_out > 1000 && task.total_us > 0
        };
        cluster.metrics.len() == cluster.tasks.len() && cluster.metrics.values().all(busy)
    });
    let sent = |gauges: &std::collections::HashMap<String, f64>| {
        gauges["Status.Sciurus.Network.BytesSent"] + gauges["Status.Sciurus.Network.BytesReceived"]
    };
    assert!(cluster.gauges.values().any(|gauges| sent(gauges) > 0.0), "{:?}", cluster.gauges);
    assert!(cluster.gauges.values().all(|gauges| gauges["Status.Sciurus.Memory.Used"] > 1e5));
    cluster.shut_down();
}

#[test]
fn a_tasks_failure_names_the_operator_and_comes_before_those_that_follow_from_it() {
    let mut cluster = Cluster::start("fails", 2, |_| {});
    cluster.deploy(0);
    cluster.run_until("a task has failed", |cluster| !cluster.failures.is_empty());
    let (attempt, cause) = cluster.failures[0].clone();
    assert_eq!((&*cause.kind, cause.fault), ("Panic", Fault::User), "{cause}");
    assert_eq!(cause.operator.as_deref(), Some("picky"));
    assert!(cause.message.contains("no more"), "{cause}");
    assert_eq!(cluster.last(attempt), Some(Failed));
    cluster.shut_down();
}

#[test]
fn a_source_that_cannot_be_read_fails_in_the_coordinator() {
    let mut cluster = Cluster::start("bad-source", 1, |_| {});
    cluster.deploy(0);
    cluster.run_until("the source has failed", |cluster| !cluster.source_failures.is_empty());
    let cause = &cluster.source_failures[0];
    assert_eq!(cause.operator.as_deref(), Some("Source: files"));
    assert!(cause.message.contains("no-such-file"), "{cause}");
    cluster.shut_down();
}

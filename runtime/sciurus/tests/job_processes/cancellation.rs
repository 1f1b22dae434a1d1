//! Cancelled tasks end.

use sciurus_core::ids::AttemptNumber;
use sciurus_job_master::ExecutionState::{Canceled, Initializing, Running};
use sciurus_rpc::proto::to_job;

use crate::support::Cluster;

#[test]
fn while_they_run() {
    let mut cluster = Cluster::start("endless", 2, |_| {});
    for attempt in 0..2 {
        cluster.deploy(attempt);
        cluster.run_until("all run", |cluster| cluster.all(Running));
        cluster.cancel();
        cluster.run_until("all are cancelled", |cluster| cluster.all(Canceled));
        for (attempt, _) in cluster.tasks.values() {
            assert_eq!(cluster.states[attempt], [Initializing, Running, Canceled]);
        }
    }
    assert!(cluster.failures.is_empty(), "{:?}", cluster.failures);
    cluster.shut_down();
}

#[test]
fn before_they_were_deployed() {
    let mut cluster = Cluster::start("endless", 1, |_| {});
    cluster.deploy(0);
    let (mut unknown, worker) = *cluster.tasks.values().next().unwrap();
    unknown.attempt = AttemptNumber(7);
    cluster.workers[worker].send(to_job::Message::CancelTask(unknown.into()));
    cluster.run_until("it is cancelled", |cluster| cluster.last(unknown) == Some(Canceled));
    cluster.run_until("the others run", |cluster| cluster.all(Running));
    cluster.shut_down();
}

//! What happens where one of the processes is lost.

use std::time::{Duration, Instant};

use sciurus_job_master::ExecutionState::{self, Finished, Running};
use sciurus_job_master::failure::Fault;
use sciurus_rpc::convert;
use sciurus_rpc::proto::{self, JobRole, to_job};
use sciurus_testkit::JobProcess;

use crate::support::{Cluster, command, init, plan};

/// How long a process may go on without its manager; on a busy machine a little longer.
const SOON: Duration = Duration::from_secs(10);

#[test]
fn workers_notice_that_another_one_was_killed() {
    let mut cluster = Cluster::start("endless", 2, |_| {});
    cluster.deploy(0);
    cluster.run_until("all run", |cluster| cluster.all(Running));
    cluster.workers[1].kill();
    cluster.run_until("a task of the other has failed", |cluster| !cluster.failures.is_empty());
    let (attempt, cause) = &cluster.failures[0];
    assert_eq!(cluster.tasks[&attempt.execution_vertex()].1, 0);
    assert_eq!((&*cause.kind, cause.fault), ("PeerGone", Fault::Environment), "{cause}");
}

#[test]
fn a_process_ends_when_its_manager_is_gone() {
    let mut cluster = Cluster::start("endless", 2, |_| {});
    cluster.deploy(0);
    cluster.run_until("all run", |cluster| cluster.all(Running));
    let start = Instant::now();
    for process in cluster.workers.iter_mut().chain([&mut cluster.coordinator]) {
        process.hang_up();
    }
    for process in cluster.workers.iter_mut().chain([&mut cluster.coordinator]) {
        process.wait();
    }
    assert!(start.elapsed() < SOON);
}

#[test]
fn a_process_ends_when_its_manager_is_gone_before_it_said_anything() {
    let mut process = JobProcess::start(&mut command("counts"));
    process.hang_up();
    assert_eq!(process.wait().code(), Some(2), "{}", process.stderr());
}

#[test]
fn a_job_that_begins_anew_reads_everything_again() {
    let mut cluster = Cluster::start("counts", 2, |_| {});
    cluster.deploy(0);
    cluster.run_until("it has begun", |cluster| !cluster.states.is_empty());
    cluster.cancel();
    let first: Vec<_> = cluster.tasks.values().map(|(attempt, _)| *attempt).collect();
    cluster.run_until("all have ended", |cluster| {
        first.iter().all(|attempt| cluster.last(*attempt).is_some_and(ExecutionState::is_terminal))
    });
    cluster.deploy(1);
    cluster.run_until("the job has finished", |cluster| cluster.all(Finished));
    let records: u64 = cluster
        .tasks
        .values()
        .filter(|(attempt, _)| attempt.vertex == cluster.graph.vertices[0].id)
        .map(|(attempt, _)| cluster.metrics[attempt].records_out)
        .sum();
    assert_eq!(records, 100_000);
    cluster.shut_down();
}

#[test]
fn a_coordinator_whose_source_hangs_ends_all_the_same() {
    let mut coordinator = JobProcess::start_as(&mut command("hangs"), init(JobRole::Coordinator));
    let (graph, _) = plan(&mut coordinator);
    let vertex = convert::bytes_of(graph.vertices[0].id.to_bytes());
    let readers = (0..4).map(|subtask| proto::Subtask { vertex: vertex.clone(), subtask });
    let start = proto::StartReaders { readers: readers.collect(), round: 1, restore: None };
    coordinator.send(to_job::Message::StartReaders(start));
    let start = Instant::now();
    coordinator.hang_up();
    assert_eq!(coordinator.wait().code(), Some(4), "{}", coordinator.stderr());
    assert!(start.elapsed() < SOON);
}

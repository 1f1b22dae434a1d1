//! What a worker says where it can't go on.

use std::fmt::Write;

use sciurus_core::config::MemorySize;
use sciurus_core::graph::JobGraph;
use sciurus_core::ids::GraphFingerprint;
use sciurus_job_master::failure::{FailureCause, Fault};

use super::super::init::WorkerInit;

/// Says that `main` has built another graph than the job was planned with.
pub(super) fn other_graph(graph: &JobGraph, expected: GraphFingerprint) -> FailureCause {
    let message = format!(
        "the program has built another job than the one that was submitted ('{}', fingerprint {} \
         instead of {expected}): `main` has to describe the same job each time that it is called \
         with the same arguments, on every machine. It must not depend on the time, on random \
         numbers, on files or variables that are not the same everywhere, on the number of cores, \
         or on the order of a HashMap",
        graph.job_name,
        graph.fingerprint()
    );
    let mut cause = FailureCause::new(Fault::User, "JobGraphDiffers", message).not_retriable();
    cause.details = Some(outline(graph));
    cause
}

/// Lists what decides how a job runs, to be held against the job that was submitted.
fn outline(graph: &JobGraph) -> String {
    let mut text = format!("The worker has built: {} job", graph.job_type.name());
    for vertex in &graph.vertices {
        let _ = write!(
            text,
            "\n{} {} (parallelism {}, at most {}, slot sharing group {})",
            vertex.id,
            vertex.name,
            vertex.parallelism,
            vertex.max_parallelism,
            vertex.slot_sharing_group
        );
        for edge in graph.inputs_of(vertex.id) {
            let source = graph.vertex(edge.source_vertex).map_or("", |source| &source.name);
            let _ = write!(
                text,
                "\n    input {}: {} of {source}",
                edge.input,
                edge.partitioning.name()
            );
        }
    }
    text
}

/// Says that the process takes too much memory although its sources don't read.
pub(super) fn memory_exceeded(
    init: &WorkerInit,
    used_bytes: u64,
    limit_bytes: u64,
    queued_bytes: u64,
) -> FailureCause {
    let size = |bytes: u64| MemorySize::from_mib(bytes >> 20);
    let message = format!(
        "the job's worker on TaskManager {} takes {} of the {} of memory that it may take, \
         although its sources were stopped: {} wait between tasks, the rest is state, windows and \
         what the program itself holds. Give it more memory (taskmanager.memory.process.size), \
         spread the job over more TaskManagers, or keep less state (shorter windows, state with a \
         time to live)",
        init.task_manager,
        size(used_bytes),
        size(limit_bytes),
        size(queued_bytes),
    );
    FailureCause::new(Fault::User, "MemoryExceeded", message)
}

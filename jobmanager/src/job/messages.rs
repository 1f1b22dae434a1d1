//! What workers are told about the tasks that they are to run.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sciurus_core::ids::{
    ExecutionVertexId, HEX_ID_BYTES, JobVertexId, SubtaskIndex, TaskManagerId, WorkerId,
};
use sciurus_job_master::JobMaster;
use sciurus_rpc::convert::bytes_of;
use sciurus_rpc::proto::{self, DeployTasks};

use super::deployments::{Deployments, Placed};

/// Where a subtask is that runs nowhere: no task of a deployment exchanges data with it.
const NOWHERE: u32 = u32::MAX;

/// Makes the messages that deploy tasks, one for each TaskManager.
pub(super) fn deploy_messages(
    master: &JobMaster,
    deployments: &Deployments,
    tasks: &[Placed],
) -> BTreeMap<TaskManagerId, (WorkerId, u64, DeployTasks)> {
    let mut numbers: HashMap<TaskManagerId, u32> = HashMap::new();
    let mut workers = Vec::new();
    let mut number_of = |task_manager: &TaskManagerId| match numbers.get(task_manager) {
        Some(number) => *number,
        None => match deployments.worker(task_manager) {
            Some(worker) => {
                let number = workers.len() as u32;
                workers.push(proto::WorkerAddress {
                    worker: bytes_of(worker.id.to_bytes()),
                    address: worker.data_address.clone().unwrap_or_default(),
                });
                numbers.insert(task_manager.clone(), number);
                number
            }
            None => NOWHERE,
        },
    };
    let executions = master.execution_graph();
    let mut locations = Vec::new();
    for vertex in connected_vertices(master, tasks) {
        let Some(job_vertex) = executions.job_vertex(vertex) else { continue };
        let subtasks = executions.subtasks_of(job_vertex);
        locations.push(proto::VertexLocations {
            vertex: bytes_of(vertex.to_bytes()),
            attempts: subtasks.iter().map(|subtask| subtask.current().id().attempt.0).collect(),
            workers: (0..subtasks.len() as u32)
                .map(|index| {
                    let subtask = ExecutionVertexId { vertex, subtask: SubtaskIndex(index) };
                    let sent = deployments.current(subtask);
                    sent.map_or(NOWHERE, |sent| number_of(&sent.task_manager))
                })
                .collect(),
        });
    }
    let shared = DeployTasks { workers, locations, tasks: Vec::new() };
    let mut messages = BTreeMap::new();
    for task in tasks {
        let task_manager = &task.slot.grant.location.id;
        let Some(worker) = deployments.worker(task_manager) else { continue };
        let (_, _, message) = messages
            .entry(task_manager.clone())
            .or_insert_with(|| (worker.id, worker.generation, shared.clone()));
        message.tasks.push(proto::TaskDeployment {
            attempt: Some(task.attempt.into()),
            allocation: bytes_of(allocation(task)),
            slot: task.slot.slot,
            restore: task.restore.as_ref().map(|restore| restore.encode().into()),
        });
    }
    messages
}

fn allocation(task: &Placed) -> [u8; HEX_ID_BYTES] {
    task.slot.grant.allocation.to_bytes()
}

/// Returns the vertices of the tasks and those that they exchange data with.
fn connected_vertices(master: &JobMaster, tasks: &[Placed]) -> BTreeSet<JobVertexId> {
    let own: BTreeSet<_> = tasks.iter().map(|task| task.attempt.vertex).collect();
    let edges = master.graph().edges.iter();
    let ends = edges.map(|edge| [edge.source_vertex, edge.target_vertex]);
    let neighbours = ends.filter(|ends| ends.iter().any(|end| own.contains(end)));
    neighbours.flatten().chain(own.iter().copied()).collect()
}

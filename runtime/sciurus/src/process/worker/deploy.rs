//! What a worker is told to run.

use std::collections::HashMap;
use std::sync::Arc;

use sciurus_checkpoint::{MetadataError, SubtaskRestore};
use sciurus_core::graph::JobGraph;
use sciurus_core::ids::{
    AttemptNumber, ExecutionAttemptId, ExecutionVertexId, JobVertexId, SubtaskIndex, WorkerId,
};
use sciurus_engine::exchange::Location;
use sciurus_engine::exchange::network::Peer;
use sciurus_rpc::convert::{self, MessageError};
use sciurus_rpc::proto;

/// A task to start, and what it is restored from.
pub(super) type ToDeploy = (ExecutionAttemptId, Option<Arc<SubtaskRestore>>);

/// Tasks to start together, and where those are that they exchange data with.
#[derive(Debug)]
pub(super) struct Deployment {
    pub(super) tasks: Vec<ToDeploy>,
    pub(super) locations: HashMap<ExecutionVertexId, Location>,
}

/// Why a deployment can't be carried out.
#[derive(Debug, thiserror::Error)]
pub(super) enum DeploymentError {
    #[error("a deployment cannot be used: {0}")]
    Message(#[from] MessageError),
    #[error("a deployment names vertex {0}, which the job doesn't have")]
    Vertex(JobVertexId),
    #[error("a deployment names subtask {subtask} of vertex '{vertex}', which has {parallelism}")]
    Subtask { vertex: String, subtask: u32, parallelism: u32 },
    #[error(
        "a deployment has {attempts} attempts and {workers} workers for vertex '{vertex}', which \
         has {parallelism} subtasks"
    )]
    Locations { vertex: String, attempts: usize, workers: usize, parallelism: u32 },
    #[error("what task {attempt} is to be restored from cannot be read: {error}")]
    Restore { attempt: ExecutionAttemptId, error: MetadataError },
    #[error("a deployment refers to its worker {position}, and has {workers}")]
    Worker { position: u32, workers: usize },
}

impl Deployment {
    /// Reads a deployment and holds it against the job.
    ///
    /// # Errors
    /// [`DeploymentError`]: something is missing, or belongs to another job.
    pub(super) fn read(
        message: proto::DeployTasks,
        graph: &JobGraph,
    ) -> Result<Self, DeploymentError> {
        let workers: Vec<Peer> = message.workers.into_iter().map(peer).collect::<Result<_, _>>()?;
        let mut locations = HashMap::new();
        for of_vertex in message.locations {
            locate(of_vertex, graph, &workers, &mut locations)?;
        }
        let tasks = message.tasks.into_iter().map(|task| {
            let attempt = convert::required(task.attempt, "attempt")?;
            let attempt = ExecutionAttemptId::try_from(attempt)?;
            let vertex =
                graph.vertex(attempt.vertex).ok_or(DeploymentError::Vertex(attempt.vertex))?;
            if attempt.subtask.0 >= vertex.parallelism {
                return Err(DeploymentError::Subtask {
                    vertex: vertex.name.clone(),
                    subtask: attempt.subtask.0,
                    parallelism: vertex.parallelism,
                });
            }
            let restore = task.restore.map(|bytes| SubtaskRestore::decode(&bytes)).transpose();
            let restore = restore.map_err(|error| DeploymentError::Restore { attempt, error })?;
            Ok((attempt, restore.map(Arc::new)))
        });
        Ok(Self { tasks: tasks.collect::<Result<_, _>>()?, locations })
    }
}

fn peer(worker: proto::WorkerAddress) -> Result<Peer, MessageError> {
    Ok(Peer {
        worker: convert::id(&worker.worker, "worker id", WorkerId::from_bytes)?,
        address: Arc::from(worker.address),
    })
}

fn locate(
    of_vertex: proto::VertexLocations,
    graph: &JobGraph,
    workers: &[Peer],
    locations: &mut HashMap<ExecutionVertexId, Location>,
) -> Result<(), DeploymentError> {
    let proto::VertexLocations { vertex, attempts, workers: positions } = of_vertex;
    let id = convert::id(&vertex, "vertex id", JobVertexId::from_bytes)?;
    let vertex = graph.vertex(id).ok_or(DeploymentError::Vertex(id))?;
    let parallelism = vertex.parallelism as usize;
    if attempts.len() != parallelism || positions.len() != parallelism {
        return Err(DeploymentError::Locations {
            vertex: vertex.name.clone(),
            attempts: attempts.len(),
            workers: positions.len(),
            parallelism: vertex.parallelism,
        });
    }
    for (subtask, (attempt, position)) in (0..).zip(attempts.into_iter().zip(positions)) {
        // It runs nowhere, and nobody here exchanges data with it.
        if position == u32::MAX {
            continue;
        }
        let worker = workers.get(position as usize);
        let worker = worker.ok_or(DeploymentError::Worker { position, workers: workers.len() })?;
        let subtask = ExecutionVertexId { vertex: id, subtask: SubtaskIndex(subtask) };
        let location = Location { attempt: AttemptNumber(attempt), worker: worker.clone() };
        locations.insert(subtask, location);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use sciurus_core::checkpoint::CheckpointId;
    use sciurus_core::graph::{NodeKind, StreamGraph, StreamNode};
    use sciurus_core::ids::{ExecutionGraphId, NodeId};

    use super::*;

    /// A vertex with two subtasks.
    fn graph() -> JobGraph {
        let mut graph = StreamGraph::new("job");
        graph.parallelism = 2;
        let source = NodeKind::Source { bounded: true };
        graph.nodes.push(StreamNode::new(NodeId(0), "numbers", source));
        graph.to_job_graph().unwrap()
    }

    fn message(graph: &JobGraph) -> proto::DeployTasks {
        let vertex = graph.vertices[0].id;
        let attempt = ExecutionAttemptId {
            graph: ExecutionGraphId::random(),
            vertex,
            subtask: SubtaskIndex(1),
            attempt: AttemptNumber(3),
        };
        let address =
            proto::WorkerAddress { worker: vec![9; 16].into(), address: "host:6121".to_owned() };
        proto::DeployTasks {
            workers: vec![address],
            locations: vec![proto::VertexLocations {
                vertex: convert::bytes_of(vertex.to_bytes()),
                attempts: vec![0, 3],
                workers: vec![0, 0],
            }],
            tasks: vec![proto::TaskDeployment {
                attempt: Some(attempt.into()),
                ..proto::TaskDeployment::default()
            }],
        }
    }

    fn error(change: impl FnOnce(&mut proto::DeployTasks)) -> String {
        let graph = graph();
        let mut message = message(&graph);
        change(&mut message);
        Deployment::read(message, &graph).unwrap_err().to_string()
    }

    #[test]
    fn tasks_and_their_neighbours_places_are_read() {
        let graph = graph();
        let deployment = Deployment::read(message(&graph), &graph).unwrap();
        assert_eq!(deployment.tasks.len(), 1);
        let location = &deployment.locations[&deployment.tasks[0].0.execution_vertex()];
        assert_eq!((location.attempt.0, &*location.worker.address), (3, "host:6121"));
    }

    #[test]
    fn what_a_task_is_restored_from_is_read() {
        let graph = graph();
        let mut message = message(&graph);
        let restore = SubtaskRestore { checkpoint: CheckpointId(3), ..SubtaskRestore::default() };
        message.tasks[0].restore = Some(restore.encode().into());
        let deployment = Deployment::read(message, &graph).unwrap();
        assert_eq!(deployment.tasks[0].1.as_deref(), Some(&restore));
    }

    #[test]
    fn a_subtask_that_runs_nowhere_is_left_out() {
        let graph = graph();
        let mut message = message(&graph);
        message.locations[0].workers[0] = u32::MAX;
        let deployment = Deployment::read(message, &graph).unwrap();
        let subtasks: Vec<u32> =
            deployment.locations.keys().map(|subtask| subtask.subtask.0).collect();
        assert_eq!(subtasks, [1]);
    }

    #[test]
    fn what_does_not_fit_the_job_is_named() {
        let text = error(|message| message.locations[0].attempts.truncate(1));
        assert!(
            text.contains("has 1 attempts and 2 workers for vertex 'Source: numbers'"),
            "{text}"
        );
        let text = error(|message| message.locations[0].workers[1] = 7);
        assert_eq!(text, "a deployment refers to its worker 7, and has 1");
        let text = error(|message| {
            message.tasks[0].attempt.as_mut().unwrap().subtask = 2;
        });
        assert!(
            text.contains("names subtask 2 of vertex 'Source: numbers', which has 2"),
            "{text}"
        );
        let text = error(|message| message.locations[0].vertex = vec![0; 16].into());
        assert!(text.contains("which the job doesn't have"), "{text}");
        let text = error(|message| message.tasks[0].restore = Some("senseless".into()));
        assert!(text.contains("is to be restored from cannot be read"), "{text}");
        let text = error(|message| message.tasks[0].attempt = None);
        assert!(text.contains("lacks its attempt"), "{text}");
    }
}

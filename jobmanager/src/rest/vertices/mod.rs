//! `/jobs/:jobid/vertices/:vertexid`: a vertex and its subtasks.

mod accumulators;
mod back_pressure;
mod details;
mod flame_graph;
mod subtask;
mod task_managers;
mod times;
mod watermarks;

use sciurus_core::ids::JobVertexId;
use sciurus_job_master::JobMaster;
use sciurus_job_master::execution_graph::ExecutionJobVertex;

pub use accumulators::{attempt_accumulators, subtasks_accumulators, vertex_accumulators};
pub use back_pressure::back_pressure;
pub use details::details;
pub use flame_graph::flame_graph;
pub use subtask::{attempt, subtask};
pub use task_managers::task_managers;
pub use times::subtask_times;
pub use watermarks::watermarks;

use super::error::{RestError, RestResult};

/// What stands for a place that is not known.
const UNASSIGNED: &str = "(unassigned)";

/// Finds a vertex as most endpoints do that look into one.
fn vertex(master: &JobMaster, id: JobVertexId) -> RestResult<&ExecutionJobVertex> {
    let missing = || RestError::not_found(format!("No vertex with ID '{id}' exists."));
    master.execution_graph().job_vertex(id).ok_or_else(missing)
}

/// Finds a vertex by the path of the vertex itself.
fn vertex_itself(master: &JobMaster, id: JobVertexId) -> RestResult<&ExecutionJobVertex> {
    let missing = || RestError::not_found(format!("JobVertex {id} not found"));
    master.execution_graph().job_vertex(id).ok_or_else(missing)
}

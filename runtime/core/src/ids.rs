//! Newtypes for every id, so that one kind of id is never taken for another.
//!
//! Sixteen-byte ids are written as 32 lower-case hexadecimal digits, as in Flink's REST API.
//!
//! ```compile_fail
//! use sciurus_core::ids::{JobId, JobVertexId};
//! let vertex: JobVertexId = JobId::random(); // a job is not a vertex
//! ```

mod execution;
mod hex_id;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use execution::{
    AttemptNumber, ExecutionAttemptId, ExecutionVertexId, ParseExecutionIdError, SubtaskIndex,
};
pub use hex_id::{HEX_ID_BYTES, ParseHexIdError};

use hex_id::hex_id;

hex_id! {
    /// Identifies one submission of a job.
    JobId
}
hex_id! {
    /// Identifies a vertex of a job graph: the operator id of the head of its chain.
    JobVertexId
}
hex_id! {
    /// Identifies an operator across submissions, so that its state finds it again.
    ///
    /// Derived from the operator's `uid` or, without one, from its place in the topology.
    OperatorId
}
hex_id! {
    /// Identifies one execution graph: one life of a job under one job master.
    ExecutionGraphId
}
hex_id! {
    /// Identifies one grant of a slot to a job.
    AllocationId
}
hex_id! {
    /// Identifies a worker: one process that runs a job's tasks for a TaskManager.
    WorkerId
}
hex_id! {
    /// Identifies one life of a JobManager: what belongs to an earlier one doesn't count any more.
    LeaderId
}
hex_id! {
    /// Identifies a slot sharing group of a job.
    SlotSharingGroupId
}
hex_id! {
    /// Identifies an operation that a client has triggered and asks for later.
    TriggerId
}
hex_id! {
    /// Identifies an application: a program that was submitted, and its jobs.
    ApplicationId
}
hex_id! {
    /// Identifies a result that outlives its job.
    DataSetId
}
hex_id! {
    /// Says whether two job graphs are the same: a hash of everything that decides how they run.
    GraphFingerprint
}

impl From<OperatorId> for JobVertexId {
    fn from(head: OperatorId) -> Self {
        Self::from_bytes(head.to_bytes())
    }
}

impl From<JobId> for ApplicationId {
    /// An application of one job has the job's id.
    fn from(job: JobId) -> Self {
        Self::from_bytes(job.to_bytes())
    }
}

impl From<ApplicationId> for JobId {
    fn from(application: ApplicationId) -> Self {
        Self::from_bytes(application.to_bytes())
    }
}

/// Identifies a node of a stream graph within that graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u32);

impl fmt::Display for NodeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Identifies an exchange of a job graph: its position among the graph's edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobEdgeId(pub u32);

impl fmt::Display for JobEdgeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Identifies one life of a TaskManager: a restarted one has a new id. Flink's name is resource id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct TaskManagerId(Arc<str>);

impl TaskManagerId {
    /// Makes the id with this text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// Returns the id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for TaskManagerId {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<TaskManagerId> for String {
    fn from(id: TaskManagerId) -> Self {
        id.0.as_ref().to_owned()
    }
}

impl fmt::Display for TaskManagerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

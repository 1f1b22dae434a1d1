//! A vertex of the job graph in execution.

use std::ops::Range;

use sciurus_core::graph::JobVertex;
use sciurus_core::ids::JobVertexId;

use super::SubtaskPosition;

/// A vertex of the job graph, and where its subtasks are among those of the job.
#[derive(Clone, Debug)]
pub struct ExecutionJobVertex {
    id: JobVertexId,
    name: String,
    max_parallelism: u32,
    slot_sharing_group: String,
    positions: Range<SubtaskPosition>,
}

impl ExecutionJobVertex {
    pub(crate) fn new(vertex: &JobVertex, first: SubtaskPosition) -> Self {
        Self {
            id: vertex.id,
            name: vertex.name.clone(),
            max_parallelism: vertex.max_parallelism,
            slot_sharing_group: vertex.slot_sharing_group.clone(),
            positions: first..first + vertex.parallelism as usize,
        }
    }

    /// Returns the vertex's id.
    pub fn id(&self) -> JobVertexId {
        self.id
    }

    /// Returns the names of the vertex's operators.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns how many subtasks there are.
    pub fn parallelism(&self) -> u32 {
        self.positions.len() as u32
    }

    /// Returns how many key groups the vertex's keyed state has.
    pub fn max_parallelism(&self) -> u32 {
        self.max_parallelism
    }

    /// Returns the name of the vertex's slot sharing group.
    pub fn slot_sharing_group(&self) -> &str {
        &self.slot_sharing_group
    }

    /// Returns where the vertex's subtasks are among those of the job.
    pub fn positions(&self) -> Range<SubtaskPosition> {
        self.positions.clone()
    }
}

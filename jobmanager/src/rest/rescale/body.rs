//! One change of a job's parallelism as Flink shows it.

use std::collections::BTreeMap;

use sciurus_core::graph::{JobGraph, JobVertex};
use sciurus_core::ids::{JobId, JobVertexId, SlotSharingGroupId};
use sciurus_core::time::Timestamp;
use sciurus_job_master::rescale::Rescale;
use serde::Serialize;

/// A change, with or without what it meant for each vertex.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RescaleBody {
    rescale_uuid: String,
    resource_requirements_uuid: String,
    rescale_attempt_id: u64,
    vertices: BTreeMap<JobVertexId, VertexBody>,
    slots: BTreeMap<SlotSharingGroupId, SlotsBody>,
    /// The scheduler has no states of its own: the job's are in its timestamps.
    scheduler_states: [(); 0],
    start_timestamp_in_millis: Timestamp,
    end_timestamp_in_millis: Option<Timestamp>,
    terminal_state: Option<&'static str>,
    trigger_cause: &'static str,
    terminated_reason: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct VertexBody {
    job_vertex_id: JobVertexId,
    job_vertex_name: String,
    slot_sharing_group_id: Option<SlotSharingGroupId>,
    slot_sharing_group_name: String,
    desired_parallelism: u32,
    sufficient_parallelism: u32,
    pre_rescale_parallelism: Option<u32>,
    post_rescale_parallelism: Option<u32>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SlotsBody {
    slot_sharing_group_id: SlotSharingGroupId,
    slot_sharing_group_name: String,
    request_resource_profile: ResourceProfile,
    desired_slots: u32,
    minimal_required_slots: u32,
    pre_rescale_slots: Option<u32>,
    post_rescale_slots: Option<u32>,
    acquired_resource_profile: ResourceProfile,
}

/// What a slot has, which nobody asks for: slots are all alike.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceProfile {
    cpu_cores: f64,
    task_heap_memory: i64,
    task_off_heap_memory: i64,
    managed_memory: i64,
    network_memory: i64,
    extended_resources: BTreeMap<String, f64>,
}

impl ResourceProfile {
    /// What Flink shows where a profile says nothing.
    fn unknown() -> Self {
        Self {
            cpu_cores: -1.0,
            task_heap_memory: -1,
            task_off_heap_memory: -1,
            managed_memory: -1,
            network_memory: -1,
            extended_resources: BTreeMap::new(),
        }
    }
}

/// Returns the id of a job's change, which is a number, in Flink's form.
pub fn uuid(job: JobId, number: u64) -> String {
    format!("{:032x}", u128::from_be_bytes(job.to_bytes()) ^ u128::from(number))
}

/// Returns the id of the bounds that were in force, in Flink's form.
fn requirements_uuid(job: JobId, number: u64) -> String {
    // Those of changes differ from it in the first bit.
    format!("{:032x}", u128::from_be_bytes(job.to_bytes()) ^ (1 << 127) ^ u128::from(number))
}

impl RescaleBody {
    /// Describes a change without its vertices.
    pub fn listed(job: JobId, rescale: &Rescale) -> Self {
        let ended = rescale.ended.as_ref();
        Self {
            rescale_uuid: uuid(job, rescale.number),
            resource_requirements_uuid: requirements_uuid(job, rescale.requirements),
            rescale_attempt_id: 1,
            vertices: BTreeMap::new(),
            slots: BTreeMap::new(),
            scheduler_states: [],
            start_timestamp_in_millis: rescale.started,
            end_timestamp_in_millis: ended.map(|(at, _)| *at),
            terminal_state: ended.map(|(_, end)| end.name()),
            trigger_cause: rescale.trigger.name(),
            terminated_reason: ended.map(|(_, end)| end.reason()),
        }
    }

    /// Describes a change with its vertices.
    pub fn detailed(job: JobId, rescale: &Rescale, graph: &JobGraph) -> Self {
        let vertices = rescale.vertices.iter().map(|(id, vertex)| {
            let body = VertexBody {
                job_vertex_id: *id,
                job_vertex_name: vertex.name.clone(),
                slot_sharing_group_id: graph.vertex(*id).map(JobVertex::slot_sharing_group_id),
                slot_sharing_group_name: vertex.group.clone(),
                desired_parallelism: vertex.desired,
                sufficient_parallelism: vertex.sufficient,
                pre_rescale_parallelism: vertex.before,
                post_rescale_parallelism: vertex.after,
            };
            (*id, body)
        });
        let slots = rescale.groups.iter().filter_map(|(name, group)| {
            let mut of_graph = graph.vertices.iter();
            let id = of_graph.find(|vertex| vertex.slot_sharing_group == *name)?;
            let id = id.slot_sharing_group_id();
            let body = SlotsBody {
                slot_sharing_group_id: id,
                slot_sharing_group_name: name.clone(),
                request_resource_profile: ResourceProfile::unknown(),
                desired_slots: group.desired,
                minimal_required_slots: group.minimal,
                pre_rescale_slots: group.before,
                post_rescale_slots: group.after,
                acquired_resource_profile: ResourceProfile::unknown(),
            };
            Some((id, body))
        });
        Self { vertices: vertices.collect(), slots: slots.collect(), ..Self::listed(job, rescale) }
    }
}

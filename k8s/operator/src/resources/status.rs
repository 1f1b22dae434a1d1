//! What the operator says of a resource, in the form of Apache's operator.

#![expect(clippy::doc_markdown, reason = "kubectl shows these texts")]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The status of a resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    /// The job.
    pub job_status: JobStatus,
    /// What is wrong, and what to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The generation of the specification that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where the resource is in its life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifecycle_state: Option<LifecycleState>,
    /// What the cluster says of itself.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub cluster_info: BTreeMap<String, String>,
    /// How the JobManager is: READY, DEPLOYED_NOT_READY, DEPLOYING, MISSING or ERROR.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_manager_deployment_status: Option<String>,
    /// What is deployed.
    pub reconciliation_status: ReconciliationStatus,
    /// The TaskManagers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_manager: Option<TaskManagerStatus>,
    /// What holds of the resource: Ready, SpecAccepted, FieldsWithoutEffect, CheckpointsHealthy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// What the operator is doing. Only it reads this.
    #[serde(skip_serializing_if = "Progress::is_default")]
    pub progress: Progress,
}

/// Where a resource is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LifecycleState {
    /// It was created and nothing has been deployed yet.
    Created,
    /// Its job is suspended.
    Suspended,
    /// It is being changed to another specification.
    Upgrading,
    /// It is deployed and not known to run.
    Deployed,
    /// It runs as specified.
    Stable,
    /// It can't run.
    Failed,
    /// It is being deleted.
    Deleting,
}

impl LifecycleState {
    /// All states, for counting resources.
    pub const ALL: [Self; 7] = [
        Self::Created,
        Self::Suspended,
        Self::Upgrading,
        Self::Deployed,
        Self::Stable,
        Self::Failed,
        Self::Deleting,
    ];

    /// Returns the state's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Suspended => "SUSPENDED",
            Self::Upgrading => "UPGRADING",
            Self::Deployed => "DEPLOYED",
            Self::Stable => "STABLE",
            Self::Failed => "FAILED",
            Self::Deleting => "DELETING",
        }
    }
}

/// A job's status.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct JobStatus {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// Its state: CREATED, RUNNING, RESTARTING, FINISHED, FAILED and so on, or RECONCILING where
    /// nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// When it started, milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    /// When its state last changed, milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_time: Option<String>,
    /// What it started from, or will start from next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrade_savepoint_path: Option<String>,
    /// Its savepoints.
    #[serde(skip_serializing_if = "SavepointInfo::is_default")]
    pub savepoint_info: SavepointInfo,
    /// Its checkpoints.
    #[serde(skip_serializing_if = "CheckpointInfo::is_default")]
    pub checkpoint_info: CheckpointInfo,
}

/// A job's savepoints.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SavepointInfo {
    /// The last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_savepoint: Option<Savepoint>,
    /// The one that is being taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger_id: Option<String>,
    /// The last ones, the oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub savepoint_history: Vec<Savepoint>,
}

impl SavepointInfo {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A savepoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Savepoint {
    /// When it was there, milliseconds since the epoch.
    pub time_stamp: i64,
    /// Where it lies.
    pub location: String,
    /// What asked for it: MANUAL or UPGRADE.
    pub trigger_type: String,
    /// CANONICAL.
    pub format_type: String,
    /// The nonce that asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger_nonce: Option<i64>,
}

/// A job's checkpoints.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CheckpointInfo {
    /// Where the last one lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_checkpoint: Option<String>,
    /// The one that is being taken because a nonce asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger_id: Option<String>,
}

impl CheckpointInfo {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What is deployed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ReconciliationStatus {
    /// When the specification was last deployed, milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconciliation_timestamp: Option<i64>,
    /// The specification that is deployed, in JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_reconciled_spec: Option<String>,
    /// The last specification that ran, in JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_stable_spec: Option<String>,
    /// Whether it is being changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<ReconciliationState>,
}

/// Says whether what is deployed is being changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReconciliationState {
    /// It isn't.
    Deployed,
    /// It is.
    Upgrading,
}

/// The TaskManagers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskManagerStatus {
    /// What their pods are found by.
    pub label_selector: String,
    /// How many there are.
    pub replicas: i32,
}

/// A condition, as all of Kubernetes has them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// What it says.
    #[serde(rename = "type")]
    pub type_: String,
    /// True, False or Unknown.
    pub status: String,
    /// Why, in one word.
    pub reason: String,
    /// Why, for people.
    pub message: String,
    /// When it last changed.
    pub last_transition_time: String,
    /// The generation of the specification that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// What the operator is doing with a resource. What it does follows from this and from what it sees,
/// so that it goes on where another operator stopped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Progress {
    /// How often the job was started.
    pub launches: i64,
    /// Whether it is started.
    pub launched: bool,
    /// Whether the job of this launch was seen to run.
    #[serde(skip_serializing_if = "is_false")]
    pub has_run: bool,
    /// Whether the job of this launch has ended by itself.
    #[serde(skip_serializing_if = "is_false")]
    pub ended: bool,
    /// Whether the JobManager of a job that has ended is gone, as it would run the job again.
    #[serde(skip_serializing_if = "is_false")]
    pub retired: bool,
    /// What it waits for, if it stops something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// Since when, milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// How the job is stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_mode: Option<StopMode>,
    /// The id of the operation that is under way at the JobManager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger_id: Option<String>,
    /// How many operations were triggered.
    #[serde(skip_serializing_if = "is_zero")]
    pub triggers: i64,
    /// The parallelism that the job is being changed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rescale_to: Option<i32>,
    /// When something that failed is tried again, milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<i64>,
    /// How often it was tried.
    #[serde(skip_serializing_if = "is_zero")]
    pub attempts: i64,
    /// How many hooks of the stage are done.
    #[serde(skip_serializing_if = "is_zero")]
    pub hooks_done: i64,
    /// Tells runs of hooks apart.
    #[serde(skip_serializing_if = "is_zero")]
    pub hook_run: i64,
    /// The image of this launch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Whether the job may delete in time what it started from: a checkpoint of an earlier launch.
    #[serde(skip_serializing_if = "is_false")]
    pub claims_savepoint: bool,
    /// The launch for which the hooks after the start were begun.
    #[serde(skip_serializing_if = "is_zero")]
    pub starts_hooks_for: i64,
    /// Whether the hooks after the start of this launch are done.
    #[serde(skip_serializing_if = "is_false")]
    pub started_hooks_done: bool,
}

impl Progress {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(value: &i64) -> bool {
    *value == 0
}

/// What the operator waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Stage {
    /// The hooks before an upgrade.
    BeforeUpgrade,
    /// The end of the job.
    Stopping,
    /// The hooks before the deletion.
    BeforeDeletion,
    /// The end of the job that is deleted.
    StoppingForDeletion,
    /// The end of all objects.
    Deleting,
}

/// Says how a job is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StopMode {
    /// With a savepoint.
    Savepoint,
    /// It is cancelled and its latest checkpoint is kept.
    LastState,
    /// It is cancelled.
    Cancel,
}

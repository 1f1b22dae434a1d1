//! What a resource means: one form for all four kinds, checked, with every default in its place.

mod configuration;
mod from_spec;
mod image;
pub mod names;
mod quantity;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub use configuration::{Launch, MAIN, VolumePaths, effective};
pub use from_spec::{SpecError, cluster, session_job};
pub use image::is_apache;
pub use names::Names;

use crate::resources::{HooksSpec, IngressSpec, UpgradeMode};

/// The kinds of resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A cluster, with or without a job.
    FlinkCluster,
    /// A job with a cluster of its own.
    FlinkJob,
    /// A cluster as Apache's operator describes it.
    FlinkDeployment,
    /// A job on a session cluster.
    FlinkSessionJob,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 4] =
        [Self::FlinkCluster, Self::FlinkJob, Self::FlinkDeployment, Self::FlinkSessionJob];

    /// Returns the kind's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FlinkCluster => "FlinkCluster",
            Self::FlinkJob => "FlinkJob",
            Self::FlinkDeployment => "FlinkDeployment",
            Self::FlinkSessionJob => "FlinkSessionJob",
        }
    }

    /// Returns the kind's name as part of names of objects.
    pub const fn lower_name(self) -> &'static str {
        match self {
            Self::FlinkCluster => "flinkcluster",
            Self::FlinkJob => "flinkjob",
            Self::FlinkDeployment => "flinkdeployment",
            Self::FlinkSessionJob => "flinksessionjob",
        }
    }
}

/// What a resource asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The cluster; a session job has none of its own.
    pub cluster: Option<Cluster>,
    /// The job; a session cluster has none.
    pub job: Option<Job>,
    /// Another number restarts all.
    pub restart_nonce: Option<i64>,
    /// What is done before an upgrade, after a start and before the deletion.
    pub hooks: HooksSpec,
    /// What of the specification has no effect, for the user.
    pub without_effect: Vec<String>,
}

/// A cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// The image that is asked for, where one is and it isn't Apache's.
    pub image: Option<String>,
    /// When it is pulled.
    pub image_pull_policy: String,
    /// Secrets to pull it with.
    pub image_pull_secrets: Vec<Value>,
    /// The pods' service account.
    pub service_account: Option<String>,
    /// The user's settings, flat.
    pub configuration: BTreeMap<String, String>,
    /// Further files beside the configuration.
    pub files: BTreeMap<String, String>,
    /// How the REST API is reached from outside.
    pub ingress: Option<IngressSpec>,
    /// Slots of each TaskManager.
    pub slots: u32,
    /// The JobManager.
    pub job_manager: Component,
    /// The TaskManagers.
    pub task_manager: Component,
}

/// The JobManager or the TaskManagers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Component {
    /// How many pods.
    pub replicas: i32,
    /// Requests and limits, as a container has them.
    pub resources: Map<String, Value>,
    /// What the pods start from.
    pub pod_template: Map<String, Value>,
    /// Further volumes.
    pub volumes: Vec<Value>,
    /// Where they are mounted.
    pub volume_mounts: Vec<Value>,
}

/// A job.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub struct Job {
    /// Its package, a path in the image; without one it is found by its entry.
    pub package: Option<String>,
    /// Which job of the package.
    pub entry: Option<String>,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// How many subtasks an operator has that doesn't set it.
    pub parallelism: u32,
    /// Whether it shall run.
    pub runs: bool,
    /// What an upgrade keeps of its state.
    pub upgrade_mode: UpgradeMode,
    /// What it starts from the first time.
    pub initial_savepoint: Option<String>,
    /// Whether state of operators that it no longer has is left out.
    pub allows_non_restored_state: bool,
    /// Another number takes a savepoint.
    pub savepoint_nonce: Option<i64>,
    /// Another number takes a checkpoint.
    pub checkpoint_nonce: Option<i64>,
    /// Another number starts it anew from its initial savepoint.
    pub redeploy_nonce: Option<i64>,
    /// The session cluster that it runs on, where it has no cluster of its own.
    pub session_cluster: Option<String>,
    /// A session job's settings.
    pub configuration: BTreeMap<String, String>,
    /// Where its checkpoints lie, where that is known.
    pub checkpoint_directory: Option<String>,
    /// Where its savepoints go, where that is known.
    pub savepoint_directory: Option<String>,
    /// Whether it is stopped with a savepoint when the resource is deleted.
    pub savepoint_on_deletion: bool,
    /// Whether it is started again after it has failed for good.
    pub restarts_failed: bool,
}

impl Model {
    /// Says whether something shall run.
    pub fn runs(&self) -> bool {
        self.job.as_ref().is_none_or(|job| job.runs)
    }

    /// Says whether this is a cluster that waits for jobs.
    pub fn is_session_cluster(&self) -> bool {
        self.cluster.is_some() && self.job.is_none()
    }
}

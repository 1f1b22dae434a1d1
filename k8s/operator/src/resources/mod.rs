//! The custom resources, as users write them.
//!
//! Three kinds describe a cluster and have one and the same specification, [`ClusterSpec`]; the
//! fourth, [`FlinkSessionJob`], describes a job on such a cluster. Every field of Apache's operator
//! is accepted; [`crate::model`] says what they mean, and which of them have no effect.

mod cluster_spec;
mod crds;
mod hooks;
mod job_spec;
mod kinds;
mod schema;
mod status;

pub use cluster_spec::{
    ClusterSpec, ComponentSpec, Image, ImageFields, IngressSpec, ResourceSpec, ResourcesSpec,
};
pub use crds::{YamlError, crds, to_yaml};
pub use hooks::{FailurePolicy, HookSpec, HooksSpec, HttpHookSpec, JobHookSpec};
pub use job_spec::{JobSpec, JobState, UpgradeMode};
pub use kinds::{
    FlinkCluster, FlinkClusterSpec, FlinkDeployment, FlinkDeploymentSpec, FlinkJob, FlinkJobSpec,
    FlinkSessionJob, FlinkSessionJobSpec,
};
pub use status::{
    CheckpointInfo, Condition, JobStatus, LifecycleState, Progress, ReconciliationState,
    ReconciliationStatus, Savepoint, SavepointInfo, Stage, Status, StopMode, TaskManagerStatus,
};

/// The API group of all kinds.
pub const GROUP: &str = "flink.apache.org";

/// The version of all kinds.
pub const VERSION: &str = "v1beta1";

/// The finalizer that all kinds carry while something of theirs may exist.
pub const FINALIZER: &str = "flink.apache.org/finalizer";

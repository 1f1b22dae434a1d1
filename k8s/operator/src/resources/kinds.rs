//! The four kinds.

#![expect(clippy::doc_markdown, reason = "kubectl shows these texts")]
#![expect(clippy::duplicated_attributes, reason = "columns have the same attributes")]

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::cluster_spec::ClusterSpec;
use super::hooks::HooksSpec;
use super::job_spec::JobSpec;
use super::schema;
use super::status::Status;

macro_rules! cluster_kind {
    ($(#[$doc:meta])* $spec:ident, $kind:literal, $short:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, CustomResource, Serialize, Deserialize, JsonSchema)]
        #[kube(
            group = "flink.apache.org",
            version = "v1beta1",
            kind = $kind,
            namespaced,
            status = "Status",
            shortname = $short,
            derive = "PartialEq",
            scale(
                spec_replicas_path = ".spec.taskManager.replicas",
                status_replicas_path = ".status.taskManager.replicas",
                label_selector_path = ".status.taskManager.labelSelector"
            ),
            printcolumn(name = "Job Status", type_ = "string", json_path = ".status.jobStatus.state"),
            printcolumn(
                name = "Lifecycle State",
                type_ = "string",
                json_path = ".status.lifecycleState"
            ),
            printcolumn(
                name = "TaskManagers",
                type_ = "integer",
                json_path = ".status.taskManager.replicas"
            ),
            printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
            printcolumn(
                name = "Message",
                type_ = "string",
                json_path = ".status.error",
                priority = 1
            )
        )]
        pub struct $spec {
            /// What the cluster is.
            #[serde(flatten)]
            pub cluster: ClusterSpec,
        }
    };
}

cluster_kind! {
    /// A cluster. Without a job it waits for jobs.
    FlinkClusterSpec, "FlinkCluster", "fc"
}

cluster_kind! {
    /// A job and the cluster of its own that it runs on.
    FlinkJobSpec, "FlinkJob", "fj"
}

cluster_kind! {
    /// A cluster as Apache's operator describes it.
    FlinkDeploymentSpec, "FlinkDeployment", "flinkdep"
}

/// A job on a session cluster.
#[derive(Clone, Debug, PartialEq, CustomResource, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "flink.apache.org",
    version = "v1beta1",
    kind = "FlinkSessionJob",
    namespaced,
    status = "Status",
    shortname = "sessionjob",
    derive = "PartialEq",
    printcolumn(name = "Job Status", type_ = "string", json_path = ".status.jobStatus.state"),
    printcolumn(name = "Lifecycle State", type_ = "string", json_path = ".status.lifecycleState"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.error", priority = 1)
)]
#[serde(rename_all = "camelCase")]
pub struct FlinkSessionJobSpec {
    /// The session cluster: a FlinkDeployment or FlinkCluster of the same namespace.
    pub deployment_name: String,
    /// The job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobSpec>,
    /// Another number restarts the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_nonce: Option<i64>,
    /// Settings of the job.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schemars(schema_with = "schema::any_object")]
    pub flink_configuration: Map<String, Value>,
    /// What is done before an upgrade, after a start and before the deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hooks: Option<HooksSpec>,
}

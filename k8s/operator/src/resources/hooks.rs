//! What is done before an upgrade, after a start and before the deletion.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::schema;

/// The hooks of a resource, each list in its order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HooksSpec {
    /// Done before a job is stopped to be upgraded or suspended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before_upgrade: Vec<HookSpec>,
    /// Done when the job runs, or the session cluster is ready, after each start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after_start: Vec<HookSpec>,
    /// Done before a deleted resource's job is stopped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before_deletion: Vec<HookSpec>,
}

/// One hook: a Job or an HTTP call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookSpec {
    /// Its name, unique in its list.
    #[schemars(length(min = 1, max = 20), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// A Kubernetes Job that has to succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobHookSpec>,
    /// An HTTP call that has to be answered with 2xx.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpHookSpec>,
    /// How long it may take, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub timeout_seconds: Option<i32>,
    /// What follows where it fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<FailurePolicy>,
}

/// Says what follows where a hook fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FailurePolicy {
    /// What it was done before doesn't happen; it is tried again a minute later.
    #[default]
    Fail,
    /// Nothing but an event.
    Ignore,
}

/// A Kubernetes Job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobHookSpec {
    /// The specification of its pod. A container without an image has the cluster's.
    #[schemars(schema_with = "schema::any_object")]
    pub pod_spec: Value,
    /// How often it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff_limit: Option<i32>,
}

/// An HTTP call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpHookSpec {
    /// Where to.
    #[schemars(regex(pattern = r"^https?://"))]
    pub url: String,
    /// `POST` where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Further headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body; where nothing is said, a description of the resource in JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

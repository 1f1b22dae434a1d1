//! The Kubernetes objects of a cluster, as pure functions of what is wanted.
//!
//! Objects are JSON, for pod templates are laid into them as their users wrote them; the API server
//! judges the result when it is applied.

mod config_map;
mod hook_job;
mod ingress;
mod job_manager;
pub mod merge;
mod pod;
mod services;
mod task_manager;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

pub use hook_job::{hook_job, hook_job_name};

use crate::model::{Cluster, Job, Launch, Names};

/// The annotation with which an object says from what it was made.
pub const FINGERPRINT: &str = "sciurus/fingerprint";

/// The label that names the kind of the resource to which an object belongs; `app` names the
/// resource.
pub const KIND_LABEL: &str = "sciurus/kind";

/// The label by which the operator finds all of its objects.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "sciurus-operator");

/// The kinds of objects that the operator makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A `ConfigMap`.
    ConfigMap,
    /// A Service.
    Service,
    /// A Deployment.
    Deployment,
    /// An Ingress.
    Ingress,
    /// A Job, which is a hook.
    Job,
}

impl ObjectKind {
    /// All kinds.
    pub const ALL: [Self; 5] =
        [Self::ConfigMap, Self::Service, Self::Deployment, Self::Ingress, Self::Job];

    /// Returns the kind's group, version, name and plural.
    pub const fn api(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::ConfigMap => ("", "v1", "ConfigMap", "configmaps"),
            Self::Service => ("", "v1", "Service", "services"),
            Self::Deployment => ("apps", "v1", "Deployment", "deployments"),
            Self::Ingress => ("networking.k8s.io", "v1", "Ingress", "ingresses"),
            Self::Job => ("batch", "v1", "Job", "jobs"),
        }
    }
}

/// An object as it is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Its kind.
    pub kind: ObjectKind,
    /// Its name.
    pub name: String,
    /// What of it the operator decides.
    pub body: Value,
    /// What it was made from, in short.
    pub fingerprint: String,
}

/// Which of a cluster's pods shall run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Whether there is a JobManager.
    pub has_job_manager: bool,
    /// How many TaskManagers there are.
    pub task_managers: i32,
}

/// Returns all objects of a cluster, in the order in which they are best applied.
pub fn cluster_objects(
    cluster: &Cluster,
    job: Option<&Job>,
    names: &Names,
    launch: &Launch,
    scale: Scale,
) -> Vec<Object> {
    let configuration = crate::model::effective(cluster, job, names, launch);
    let mut objects = vec![
        config_map::config_map(names, &configuration, &cluster.files),
        services::job_manager(names),
        services::rest(names),
        services::task_manager(names),
        task_manager::deployment(cluster, names, launch, &configuration, scale.task_managers),
    ];
    if scale.has_job_manager {
        let deployment = job_manager::deployment(cluster, job, names, launch, &configuration);
        // Ahead of the TaskManagers: they wait for it.
        objects.insert(4, deployment);
    }
    objects.extend(cluster.ingress.as_ref().map(|ingress| ingress::ingress(names, ingress)));
    objects
}

/// Makes an object: what all have in common, and the rest of its body.
fn object(kind: ObjectKind, names: &Names, name: String, component: &str, rest: &Value) -> Object {
    let (group, version, kind_name, _) = kind.api();
    let api_version =
        if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let mut body = json!({
        "apiVersion": api_version,
        "kind": kind_name,
        "metadata": {
            "name": name,
            "namespace": names.namespace,
            "labels": labels(names, component),
            "ownerReferences": [{
                "apiVersion": format!("{}/{}", crate::resources::GROUP, crate::resources::VERSION),
                "kind": names.kind.name(),
                "name": names.name,
                "uid": names.uid,
                "controller": true,
            }],
        },
    });
    merge::lay_over(&mut body, rest);
    let fingerprint = fingerprint(&body.to_string());
    merge::lay_over(
        &mut body,
        &json!({ "metadata": { "annotations": {
            FINGERPRINT: fingerprint,
        }}}),
    );
    Object { kind, name, body, fingerprint }
}

/// Returns the labels of a component's objects and pods.
fn labels(names: &Names, component: &str) -> Map<String, Value> {
    let mut labels = selector(names, component);
    let (managed_by, operator) = MANAGED_BY;
    for (key, value) in [
        ("app.kubernetes.io/name", "sciurus"),
        ("app.kubernetes.io/instance", &names.name),
        ("app.kubernetes.io/component", component),
        (managed_by, operator),
        (KIND_LABEL, names.kind.lower_name()),
    ] {
        labels.insert(key.to_owned(), value.into());
    }
    labels
}

/// Returns the labels that select a component's pods.
fn selector(names: &Names, component: &str) -> Map<String, Value> {
    let pairs = [
        ("app", names.name.as_str()),
        ("component", component),
        ("type", "flink-standalone-kubernetes"),
    ];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect()
}

/// Returns a short text that differs where texts differ.
pub fn fingerprint(text: &str) -> String {
    format!("{:016x}", xxhash_rust::xxh3::xxh3_64(text.as_bytes()))
}

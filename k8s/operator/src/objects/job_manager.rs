//! The JobManager's Deployment.

use std::collections::BTreeMap;

use serde_json::json;

use super::pod::{self, Process};
use super::{Object, ObjectKind, fingerprint, object, selector};
use crate::model::names::{BLOB_PORT, METRICS_PORT, REST_PORT, RPC_PORT};
use crate::model::{Cluster, Job, Launch, Names};

const COMPONENT: &str = "jobmanager";

/// Settings that a running JobManager need not be started again for.
const CHANGED_IN_PLACE: [&str; 1] = ["parallelism.default"];

pub(super) fn deployment(
    cluster: &Cluster,
    job: Option<&Job>,
    names: &Names,
    launch: &Launch,
    configuration: &BTreeMap<String, String>,
) -> Object {
    let lasting: BTreeMap<_, _> =
        configuration.iter().filter(|(key, _)| !CHANGED_IN_PLACE.contains(&key.as_str())).collect();
    let process = Process {
        component: COMPONENT,
        arguments: job.map_or_else(|| vec!["jobmanager".to_owned()], |job| arguments(job, launch)),
        ports: vec![
            ("rest", REST_PORT),
            ("jobmanager-rpc", RPC_PORT),
            ("blobserver", BLOB_PORT),
            ("metrics", METRICS_PORT),
        ],
        health_port: REST_PORT,
        configuration: fingerprint(&json!(lasting).to_string()),
        image: launch.image.clone(),
    };
    let template = pod::template(cluster, &cluster.job_manager, names, &process);
    let spec = json!({ "spec": {
        "replicas": 1,
        // There must never be two.
        "strategy": { "type": "Recreate" },
        "selector": { "matchLabels": selector(names, COMPONENT) },
        "template": template,
    }});
    object(ObjectKind::Deployment, names, names.job_manager().to_owned(), COMPONENT, &spec)
}

/// Returns the arguments of the JobManager of one job.
fn arguments(job: &Job, launch: &Launch) -> Vec<String> {
    let mut words = vec!["standalone-job".to_owned()];
    let mut add = |option: &str, value: &str| {
        words.push(option.to_owned());
        words.push(value.to_owned());
    };
    add("--job-id", &launch.job_id);
    if let Some(package) = &job.package {
        add("--jars", package);
    }
    if let Some(entry) = &job.entry {
        add("--job-classname", entry);
    }
    if let Some(path) = &launch.savepoint {
        add("--fromSavepoint", path);
        if launch.claims_savepoint {
            add("--claimMode", "CLAIM");
        }
    }
    if job.allows_non_restored_state {
        words.push("--allowNonRestoredState".to_owned());
    }
    words.extend(job.arguments.iter().cloned());
    words
}

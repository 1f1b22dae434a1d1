//! The TaskManagers' Deployment.

use std::collections::BTreeMap;

use serde_json::json;

use super::pod::{self, Process};
use super::{Object, ObjectKind, fingerprint, object, selector};
use crate::model::names::{DATA_PORT, HEALTH_PORT, METRICS_PORT, TASK_MANAGER_RPC_PORT};
use crate::model::{Cluster, Launch, Names};

const COMPONENT: &str = "taskmanager";

/// Beginnings of settings that concern jobs: TaskManagers get them with each job, and need not be
/// started again for them.
const OF_JOBS: [&str; 6] = [
    "parallelism.",
    "high-availability",
    "execution.",
    "pipeline.",
    "restart-strategy",
    "jobmanager.scheduler",
];

pub(super) fn deployment(
    cluster: &Cluster,
    names: &Names,
    launch: &Launch,
    configuration: &BTreeMap<String, String>,
    replicas: i32,
) -> Object {
    let own: BTreeMap<_, _> = configuration
        .iter()
        .filter(|(key, _)| !OF_JOBS.iter().any(|start| key.starts_with(start)))
        .collect();
    let process = Process {
        component: COMPONENT,
        arguments: vec![COMPONENT.to_owned()],
        ports: vec![
            ("taskmanager-rpc", TASK_MANAGER_RPC_PORT),
            ("data", DATA_PORT),
            ("health", HEALTH_PORT),
            ("metrics", METRICS_PORT),
        ],
        health_port: HEALTH_PORT,
        configuration: fingerprint(&json!(own).to_string()),
        image: launch.image.clone(),
    };
    let template = pod::template(cluster, &cluster.task_manager, names, &process);
    let spec = json!({ "spec": {
        "replicas": replicas,
        // A job needs all of its TaskManagers: there is nothing to roll.
        "strategy": { "type": "Recreate" },
        "selector": { "matchLabels": selector(names, COMPONENT) },
        "template": template,
    }});
    object(ObjectKind::Deployment, names, names.task_manager(), COMPONENT, &spec)
}

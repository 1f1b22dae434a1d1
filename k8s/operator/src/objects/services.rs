//! The Services of a cluster.

use serde_json::{Value, json};

use super::{Object, ObjectKind, object, selector};
use crate::model::Names;
use crate::model::names::{BLOB_PORT, DATA_PORT, REST_PORT, RPC_PORT, TASK_MANAGER_RPC_PORT};

fn ports(ports: &[(&str, i32)]) -> Value {
    let port = |(name, port): &(&str, i32)| json!({ "name": name, "port": port, "targetPort": port, "protocol": "TCP" });
    ports.iter().map(port).collect()
}

/// The headless Service by which TaskManagers find the JobManager, ready or not.
pub(super) fn job_manager(names: &Names) -> Object {
    let spec = json!({ "spec": {
        "clusterIP": "None",
        "publishNotReadyAddresses": true,
        "selector": selector(names, "jobmanager"),
        "ports": ports(&[("jobmanager-rpc", RPC_PORT), ("blobserver", BLOB_PORT)]),
    }});
    let name = names.job_manager().to_owned();
    object(ObjectKind::Service, names, name, "jobmanager", &spec)
}

/// The Service of the REST API.
pub(super) fn rest(names: &Names) -> Object {
    let spec = json!({ "spec": {
        "type": "ClusterIP",
        "selector": selector(names, "jobmanager"),
        "ports": ports(&[("rest", REST_PORT)]),
    }});
    object(ObjectKind::Service, names, names.rest(), "jobmanager", &spec)
}

/// The headless Service of the TaskManagers.
pub(super) fn task_manager(names: &Names) -> Object {
    let spec = json!({ "spec": {
        "clusterIP": "None",
        "publishNotReadyAddresses": true,
        "selector": selector(names, "taskmanager"),
        "ports": ports(&[("taskmanager-rpc", TASK_MANAGER_RPC_PORT), ("data", DATA_PORT)]),
    }});
    object(ObjectKind::Service, names, names.task_manager(), "taskmanager", &spec)
}

//! What the pods of JobManager and TaskManagers have in common.

use serde_json::{Value, json};

use super::{labels, merge};
use crate::model::{Cluster, Component, MAIN, Names};

/// Where the configuration is mounted.
const CONFIGURATION_DIRECTORY: &str = "/opt/flink/conf";

/// What a pod runs.
pub(super) struct Process {
    pub(super) component: &'static str,
    pub(super) arguments: Vec<String>,
    /// Names and numbers.
    pub(super) ports: Vec<(&'static str, i32)>,
    /// The port of its health.
    pub(super) health_port: i32,
    /// What of the configuration it has to be started again for.
    pub(super) configuration: String,
    pub(super) image: String,
}

/// Returns a pod template: defaults, over them what the user wrote, over that what has to be so.
pub(super) fn template(
    cluster: &Cluster,
    own: &Component,
    names: &Names,
    process: &Process,
) -> Value {
    let mut template = defaults(cluster, process);
    merge::lay_over(&mut template, &Value::Object(own.pod_template.clone()));
    merge::lay_over(&mut template, &required(cluster, own, names, process));
    template
}

/// What holds unless the user says otherwise: nothing that a restricted namespace refuses.
fn defaults(cluster: &Cluster, process: &Process) -> Value {
    let probe = |path: &str, period: i32, failures: i32| {
        json!({
            "httpGet": { "path": path, "port": process.health_port },
            "periodSeconds": period,
            "timeoutSeconds": 5,
            "failureThreshold": failures,
        })
    };
    let mut defaults = json!({ "spec": {
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": 30,
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": 9999,
            "runAsGroup": 9999,
            "fsGroup": 9999,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": { "type": "RuntimeDefault" },
        },
        "containers": [{
            "name": MAIN,
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": { "drop": ["ALL"] },
            },
            // What a process said last is told in the resource's status.
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "readinessProbe": probe("/readyz", 1, 3),
            "livenessProbe": probe("/livez", 10, 6),
            "volumeMounts": [
                { "name": "flink-tmp", "mountPath": "/tmp" },
                { "name": "flink-log", "mountPath": "/opt/flink/log" },
            ],
        }],
        "volumes": [
            { "name": "flink-tmp", "emptyDir": {} },
            { "name": "flink-log", "emptyDir": {} },
        ],
    }});
    if cluster.service_account.is_none() {
        // Processes have no business with the API server.
        merge::lay_over(
            &mut defaults,
            &json!({ "spec": { "automountServiceAccountToken": false } }),
        );
    }
    defaults
}

fn required(cluster: &Cluster, own: &Component, names: &Names, process: &Process) -> Value {
    let pod_ip = json!({ "fieldRef": { "fieldPath": "status.podIP" } });
    let ports: Vec<Value> = process
        .ports
        .iter()
        .map(|(name, port)| json!({ "name": name, "containerPort": port, "protocol": "TCP" }))
        .collect();
    let mut container = json!({
        "name": MAIN,
        "image": process.image,
        "imagePullPolicy": cluster.image_pull_policy,
        "command": ["/docker-entrypoint.sh"],
        "args": process.arguments,
        "ports": ports,
        "env": [
            { "name": "POD_IP", "valueFrom": pod_ip.clone() },
            { "name": "_POD_IP_ADDRESS", "valueFrom": pod_ip },
            { "name": "FLINK_CONF_DIR", "value": CONFIGURATION_DIRECTORY },
        ],
        "volumeMounts": [
            { "name": "flink-config-volume", "mountPath": CONFIGURATION_DIRECTORY, "readOnly": true },
        ],
    });
    merge::lay_over(&mut container, &json!({ "volumeMounts": own.volume_mounts }));
    if !own.resources.is_empty() {
        merge::lay_over(&mut container, &json!({ "resources": own.resources }));
    }
    let mut required = json!({
        "metadata": {
            "labels": labels(names, process.component),
            "annotations": { "sciurus/configuration": process.configuration },
        },
        "spec": {
            "containers": [container],
            "volumes": [
                { "name": "flink-config-volume", "configMap": { "name": names.config_map() } },
            ],
        },
    });
    merge::lay_over(&mut required, &json!({ "spec": { "volumes": own.volumes } }));
    if let Some(account) = &cluster.service_account {
        merge::lay_over(&mut required, &json!({ "spec": { "serviceAccountName": account } }));
    }
    if !cluster.image_pull_secrets.is_empty() {
        let secrets = &cluster.image_pull_secrets;
        merge::lay_over(&mut required, &json!({ "spec": { "imagePullSecrets": secrets } }));
    }
    required
}

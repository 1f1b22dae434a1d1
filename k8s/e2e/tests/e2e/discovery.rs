//! JobManager and TaskManagers find each other, whoever comes first and wherever they are.

use std::collections::BTreeSet;

use sciurus_e2e::{Kubernetes, LONG, Namespace, Test, test, wait_for};
use serde_json::Value;

use crate::charts::{install, ready, registered};

const REST: &str = "flink-session-rest";
const SMALL: [&str; 2] = ["taskManager.cpu=100m", "taskManager.memory=128Mi"];

/// Settings with which a TaskManager can't find the JobManager by itself.
const BLIND: [&str; 2] = [
    "taskManager.env[0].name=FLINK_PROPERTIES",
    "taskManager.env[0].value=jobmanager.rpc.address: nowhere.invalid",
];

pub fn tests() -> Vec<Test> {
    vec![
        test!(the_job_manager_finds_pods_by_the_service_alone),
        test!(task_managers_find_a_job_manager_that_comes_later),
        test!(without_rights_the_job_manager_says_so_and_the_cluster_works),
        test!(the_service_accounts_have_the_rights_they_use_and_no_others),
    ]
}

/// The hosts under which TaskManagers are registered.
fn hosts(managers: &[Value]) -> BTreeSet<String> {
    let host = |manager: &Value| {
        let id = manager["id"].as_str().unwrap();
        id.split(':').next().unwrap().to_owned()
    };
    managers.iter().map(host).collect()
}

fn scale(space: &Namespace<'_>, what: &str, count: usize) {
    space.kubectl(&["scale", what, &format!("--replicas={count}")]).ok();
}

fn the_job_manager_finds_pods_by_the_service_alone(kubernetes: &Kubernetes) {
    let space = kubernetes.namespace("e2e-discovery");
    install(&space, kubernetes, &[&SMALL[..], &BLIND, &["taskManager.replicaCount=2"]].concat());
    let first = registered(&space, REST, 2);
    // Pods that are new, and those that have another address.
    scale(&space, "statefulset/flink-session-taskmanager", 3);
    registered(&space, REST, 3);
    let pod = "flink-session-taskmanager-1";
    let uid = |pod: &str| space.kubectl(&["get", "pod", pod, "-ojsonpath={.metadata.uid}"]).stdout;
    let before = uid(pod);
    space.kubectl(&["delete", "pod", pod]).ok();
    wait_for("the pod is another one", LONG, || {
        let now = uid(pod);
        (!now.is_empty() && now != before).then_some(())
    });
    let ids = |managers: &[Value]| -> BTreeSet<String> {
        managers.iter().map(|manager| manager["id"].as_str().unwrap().to_owned()).collect()
    };
    wait_for("the new pod is registered", LONG, || {
        let now = registered(&space, REST, 3);
        (ids(&now).intersection(&ids(&first)).count() < 2).then_some(())
    });
    // A JobManager that is new, at another address.
    space.kubectl(&["delete", "pod", "-l", "component=jobmanager"]).ok();
    let again = registered(&space, REST, 3);
    assert_eq!(hosts(&again).len(), 3, "{again:?}");
    ready(&space, "taskmanager", 3);
}

fn task_managers_find_a_job_manager_that_comes_later(kubernetes: &Kubernetes) {
    let space = kubernetes.namespace("e2e-order");
    let values = [&SMALL[..], &["discovery=false", "jobManager.replicaCount=0"]].concat();
    install(&space, kubernetes, &values);
    wait_for("the TaskManager runs and is not ready", LONG, || {
        let pods = space.pods("component=taskmanager");
        let status = &pods.first()?["status"]["containerStatuses"][0];
        status["state"].get("running")?;
        assert_eq!(status["ready"], false);
        Some(())
    });
    scale(&space, "deployment/flink-session-jobmanager", 1);
    registered(&space, REST, 1);
    let pods = ready(&space, "taskmanager", 1);
    assert_eq!(pods[0]["status"]["containerStatuses"][0]["restartCount"], 0);
}

fn without_rights_the_job_manager_says_so_and_the_cluster_works(kubernetes: &Kubernetes) {
    let space = kubernetes.namespace("e2e-no-rights");
    install(&space, kubernetes, &[&SMALL[..], &["rbac.create=false"]].concat());
    registered(&space, REST, 1);
    wait_for("the JobManager says which rights it lacks", LONG, || {
        let log = space.kubectl(&["logs", "deployment/flink-session-jobmanager"]).ok();
        log.contains("grant it list and watch on endpointslices.discovery.k8s.io").then_some(())
    });
}

fn the_service_accounts_have_the_rights_they_use_and_no_others(kubernetes: &Kubernetes) {
    let space = kubernetes.namespace("e2e-rights");
    install(&space, kubernetes, &[&SMALL[..], &["taskManager.replicaCount=0"]].concat());
    let may = |account: &str, verb: &str, what: &str| {
        let user = format!("--as=system:serviceaccount:{}:{account}", space.name());
        space.kubectl(&["auth", "can-i", verb, what, &user]).success
    };
    let (jobmanager, taskmanager) = ("flink-session-jobmanager", "flink-session-taskmanager");
    for verb in ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]
    {
        let granted = may(jobmanager, verb, "endpointslices.discovery.k8s.io");
        assert_eq!(granted, ["list", "watch"].contains(&verb), "{verb}");
        assert!(!may(taskmanager, verb, "endpointslices.discovery.k8s.io"), "{verb}");
        for what in ["pods", "services", "configmaps", "secrets", "deployments.apps"] {
            assert!(!may(jobmanager, verb, what), "{verb} {what}");
            assert!(!may(taskmanager, verb, what), "{verb} {what}");
        }
    }
}

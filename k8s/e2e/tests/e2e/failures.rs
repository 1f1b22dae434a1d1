//! A job with checkpoints on a claim goes on when parts of the cluster don't.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use sciurus_e2e::{Kubernetes, LONG, Test, test, wait_for};

use crate::session::{Session, VOLUME};

pub fn tests() -> Vec<Test> {
    vec![test!(the_api_server_is_away_for_a_minute).on_testbed()]
}

/// All TaskManagers work, two of them could do it all, and a loss is noticed soon.
pub const VALUES: [&str; 10] = [
    "taskManager.replicaCount=3",
    "taskManager.slots=2",
    r"configuration.taskmanager\.load-balance\.mode=SLOTS",
    "taskManager.cpu=500m",
    "taskManager.memory=512Mi",
    "checkpoints.interval=1s",
    r"configuration.heartbeat\.interval=1 s",
    r"configuration.heartbeat\.timeout=5 s",
    r"configuration.restart-strategy\.type=fixed-delay",
    r"configuration.restart-strategy\.fixed-delay\.attempts=1000",
];

pub const TASK_MANAGERS: &str = "component=taskmanager";

/// Submits the job that bills so many clicks into a folder, `rate` of them a second.
pub fn bill(session: &Session<'_>, clicks: u64, rate: Option<u64>, folder: &str) -> String {
    let (clicks, rate) = (clicks.to_string(), rate.map(|rate| rate.to_string()));
    let mut arguments = vec!["--users", "200", "--count", &clicks, "--output", folder];
    if let Some(rate) = &rate {
        arguments.extend(["--rps", rate]);
    }
    session.submit("Billing", 3, &arguments)
}

/// How many checkpoints of a job completed.
pub fn checkpoints(session: &Session<'_>, job: &str) -> Option<u64> {
    session.rest(&format!("/jobs/{job}/checkpoints"))?["counts"]["completed"].as_u64()
}

/// Waits until a job runs and its checkpoints go on from here.
pub fn wait_for_progress(session: &Session<'_>, job: &str) {
    session.wait_for_state(job, "RUNNING");
    let before = wait_for("the job's checkpoints", LONG, || checkpoints(session, job));
    wait_for("further checkpoints", 2 * LONG, || {
        // After the loss of the JobManager they are counted anew.
        checkpoints(session, job).filter(|&now| now > before + 1 || (1..before).contains(&now))
    });
}

/// Which node each pod of a selector is on, by the pod's name.
pub fn nodes_of(session: &Session<'_>, selector: &str) -> BTreeMap<String, String> {
    let name = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let pods = session.space.ready_pods(selector).into_iter();
    pods.map(|pod| (name(&pod["metadata"]["name"]), name(&pod["spec"]["nodeName"]))).collect()
}

fn the_api_server_is_away_for_a_minute(kubernetes: &Kubernetes) {
    // The test bed takes pods from nodes that it hasn't heard of for some seconds, and it hears of
    // none without the API server; a cluster with Kubernetes' defaults waits for five minutes.
    let stay =
        ["jobManager.tolerations[0].operator=Exists", "taskManager.tolerations[0].operator=Exists"];
    let session = Session::install(kubernetes, "e2e-api-server", &[&VALUES[..], &stay].concat());
    let job = bill(&session, 10_000_000, Some(300), &format!("{VOLUME}/bills"));
    wait_for_progress(&session, &job);
    let restarts = || {
        let restarts = "-ojsonpath={range .items[*]}{.metadata.uid}{.status..restartCount}{end}";
        session.space.kubectl(&["get", "pods", restarts]).ok()
    };
    let (pods, before) = (restarts(), checkpoints(&session, &job).unwrap());

    kubernetes.nodes_to_break().stop_process("kube-apiserver");
    thread::sleep(Duration::from_secs(60));
    kubernetes.nodes_to_break().start_process("kube-apiserver");

    kubernetes.wait_for_nodes();
    let after = wait_for("the REST API", LONG, || checkpoints(&session, &job));
    assert!(after >= before + 20, "{before} checkpoints, {after} a minute later");
    assert_eq!(restarts(), pods, "no pod was replaced or restarted");
    // Discovery, which watches the API server, has found its way back: a new pod is made use of.
    let task_manager = nodes_of(&session, TASK_MANAGERS).into_keys().next().unwrap();
    session.space.kubectl(&["delete", "pod", &task_manager]).ok();
    session.wait_until_ready();
    wait_for_progress(&session, &job);
}

//! A job whose bills must be right, whatever its resource is told to do.

use std::time::Duration;

use sciurus_e2e::{Kubernetes, Test, test, wait_for};
use serde_json::Value;

use super::Scene;
use crate::shell_pod::output;

pub fn tests() -> Vec<Test> {
    vec![test!(bills_are_right_through_upgrades_rescaling_and_lost_pods)]
}

/// How many clicks are billed, and how many a second.
const CLICKS: u64 = 240_000;
const RATE: u64 = 2_000;

const CLAIM: &str = "
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Gi}}}
";

fn billing(rate: u64) -> String {
    format!(
        r#"
apiVersion: flink.apache.org/v1beta1
kind: FlinkJob
metadata: {{name: billing}}
spec:
  flinkConfiguration:
    execution.checkpointing.interval: 500 ms
    execution.checkpointing.dir: file:///data/checkpoints
    execution.checkpointing.savepoint-dir: file:///data/savepoints
    execution.checkpointing.tolerable-failed-checkpoints: "1000"
    restart-strategy.type: fixed-delay
    restart-strategy.fixed-delay.attempts: "1000"
    restart-strategy.fixed-delay.delay: 200 ms
    heartbeat.interval: 500 ms
    heartbeat.timeout: 3 s
    jobmanager.scheduler: adaptive
    jobmanager.adaptive-scheduler.submission.resource-stabilization-timeout: 200 ms
    jobmanager.adaptive-scheduler.executing.cooldown-after-rescaling: 1 s
    jobmanager.adaptive-scheduler.executing.resource-stabilization-timeout: 1 s
  podTemplate:
    spec:
      containers: [{{name: flink-main-container, volumeMounts: [{{name: data, mountPath: /data}}]}}]
      volumes: [{{name: data, persistentVolumeClaim: {{claimName: data}}}}]
  jobManager: {{resources: {{requests: {{cpu: 50m, memory: 64Mi}}}}}}
  taskManager: {{replicas: 2, resources: {{requests: {{cpu: 50m, memory: 64Mi}}}}}}
  job:
    jarURI: local:///opt/flink/examples/streaming/Billing.jar
    args: ["--count", "{CLICKS}", "--rps", "{rate}", "--users", "500", "--output", "/data/bills"]
    parallelism: 2
    upgradeMode: savepoint
"#
    )
}

fn bills_are_right_through_upgrades_rescaling_and_lost_pods(kubernetes: &Kubernetes) {
    let scene = Scene::new(kubernetes, "e2e-billing");
    let what = "flinkjob/billing";
    scene.space.apply(CLAIM);
    scene.space.apply(&billing(RATE));
    let started = |found: &Value| found["status"]["progress"]["launches"].as_i64().unwrap();
    let has_checkpoint = |found: &Value| {
        let status = &found["status"]["jobStatus"];
        status["state"] == "RUNNING" && status["checkpointInfo"]["lastCheckpoint"].is_string()
    };
    let first = scene.wait(what, "a checkpoint", has_checkpoint);
    assert_eq!(started(&first), 1);

    // Pods are lost: first those that work, then the one that leads.
    scene.space.kubectl(&["delete", "pod", "-l", "component=taskmanager", "--wait=false"]).ok();
    scene.lifecycle_is(what, "STABLE");
    scene.space.kubectl(&["delete", "pod", "-l", "component=jobmanager"]).ok();
    scene.wait(what, "the job goes on", has_checkpoint);

    // A changed job, by a savepoint.
    scene.space.apply(&billing(RATE + 1));
    let changed = scene.wait(what, "the changed job runs", |found| {
        found["status"]["progress"]["launches"] == 2 && has_checkpoint(found)
    });
    let savepoint = &changed["status"]["jobStatus"]["savepointInfo"]["lastSavepoint"];
    assert_eq!(savepoint["triggerType"], "UPGRADE", "{changed}");
    assert_eq!(changed["status"]["jobStatus"]["upgradeSavepointPath"], savepoint["location"]);

    // More, then fewer TaskManagers.
    for replicas in [4, 1] {
        let argument = format!("--replicas={replicas}");
        scene.space.kubectl(&["scale", what, &argument]).ok();
        wait_for(&format!("{replicas} TaskManagers"), sciurus_e2e::LONG, || {
            let pods = scene.space.ready_pods("component=taskmanager");
            (pods.len() == replicas).then_some(())
        });
        scene.wait(what, "the job runs", |found| {
            found["status"]["taskManager"]["replicas"] == replicas && has_checkpoint(found)
        });
    }
    // Each is told, as said.
    let events = scene.events();
    let notes: Vec<_> = events.iter().map(|event| &event["message"]).collect();
    for (before, after) in [(2, 4), (4, 1)] {
        let note = format!("the number of TaskManagers goes from {before} to {after}");
        assert!(notes.iter().any(|found| *found == &note), "{note}: {notes:?}");
    }
    let patch =
        |patch: &str| scene.space.kubectl(&["patch", what, "--type=merge", "-p", patch]).ok();
    patch(r#"{"spec":{"taskManager":{"replicas":2}}}"#);

    // Suspended and resumed.
    patch(r#"{"spec":{"job":{"state":"suspended"}}}"#);
    scene.lifecycle_is(what, "SUSPENDED");
    wait_for("no pods", sciurus_e2e::LONG, || {
        scene.space.pods("app=billing").is_empty().then_some(())
    });
    patch(r#"{"spec":{"job":{"state":"running","savepointTriggerNonce":1}}}"#);
    scene.wait(what, "the job runs again", |found| {
        found["status"]["progress"]["launches"] == 3 && has_checkpoint(found)
    });
    // A savepoint while it runs, then its last state.
    patch(r#"{"spec":{"job":{"savepointTriggerNonce":2}}}"#);
    scene.wait(what, "a savepoint", |found| {
        let savepoint = &found["status"]["jobStatus"]["savepointInfo"]["lastSavepoint"];
        savepoint["triggerNonce"] == 2
    });
    patch(r#"{"spec":{"restartNonce":1,"job":{"upgradeMode":"last-state"}}}"#);
    let end = scene.wait_long(what, "all is billed", Duration::from_secs(400), |found| {
        found["status"]["jobStatus"]["state"] == "FINISHED"
    });
    assert_eq!(started(&end), 4);

    // Each click once: no bill twice, and all clicks on the bills.
    let script = "cd /data/bills/users && cat $(find . -type f ! -name \".*\") > /tmp/all && \
                  cut -d, -f1-3 /tmp/all | sort | uniq -d | wc -l && \
                  awk -F, \"{n += \\$4} END {print n}\" /tmp/all";
    assert_eq!(read(&scene, script), format!("0\n{CLICKS}\n"));

    scene.delete_without_trace(what);
    // What is on the claim is the user's: each savepoint that the status tells of, one for the
    // changed job and one for the nonce at least. The suspended job has one, too, unless it was just
    // being rescaled: then it keeps its latest checkpoint.
    let history = &end["status"]["jobStatus"]["savepointInfo"]["savepointHistory"];
    let mut savepoints: Vec<_> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|savepoint| savepoint["location"].as_str().unwrap().trim_start_matches("file://"))
        .collect();
    assert!(savepoints.len() >= 2, "{history}");
    savepoints.sort_unstable();
    let script = format!("ls -d {}", savepoints.join(" "));
    assert_eq!(read(&scene, &script), savepoints.join("\n") + "\n");
}

/// Returns what a script prints that finds the job's claim at `/data`.
fn read(scene: &Scene<'_>, script: &str) -> String {
    scene.space.apply(&super::data_pod("reader", "data", script));
    let log = output(&scene.space, "reader");
    scene.space.kubectl(&["delete", "pod", "reader"]).ok();
    log
}

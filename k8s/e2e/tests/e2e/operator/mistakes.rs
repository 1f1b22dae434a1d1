//! Users' mistakes: each is explained in the status, and mending it is all that is needed.

use sciurus_e2e::{Kubernetes, Test, test};
use serde_json::Value;

use super::Scene;

pub fn tests() -> Vec<Test> {
    vec![
        test!(a_wrong_image_is_explained_and_mended),
        test!(pods_that_fit_on_no_node_are_explained),
        test!(a_missing_package_is_explained_and_nothing_loops),
        test!(a_specification_that_makes_no_sense_is_explained),
        test!(a_full_volume_is_told_and_checkpoints_go_on_when_there_is_room).on_testbed(),
    ]
}

fn job(more: &str, jar: &str) -> String {
    format!(
        "{{apiVersion: flink.apache.org/v1beta1, kind: FlinkJob, metadata: {{name: wrong}}, spec: \
         {{{more} job: {{jarURI: \"local:///opt/flink/examples/streaming/{jar}\"}}}}}}"
    )
}

const WHAT: &str = "flinkjob/wrong";

fn has_error(found: &Value, part: &str) -> bool {
    found["status"]["error"].as_str().is_some_and(|error| error.contains(part))
}

fn error_has(scene: &Scene<'_>, part: &str) -> Value {
    scene.wait(WHAT, part, |found| has_error(found, part))
}

/// Waits until the whole of it has failed: the pod that is seen first may not be the JobManager's.
fn fails_with(scene: &Scene<'_>, part: &str) -> Value {
    scene.wait(WHAT, part, |found| {
        has_error(found, part) && found["status"]["lifecycleState"] == "FAILED"
    })
}

fn a_wrong_image_is_explained_and_mended(kubernetes: &Kubernetes) {
    let scene = Scene::new(kubernetes, "e2e-wrong-image");
    scene.space.apply(&job("image: \"sciurus:no-such\",", "WordCount.jar"));
    let found = fails_with(&scene, "the image sciurus:no-such");
    assert_eq!(found["status"]["jobManagerDeploymentStatus"], "ERROR");
    scene.space.apply(&job("", "WordCount.jar"));
    let found = scene.job_is(WHAT, "FINISHED");
    assert!(found["status"]["error"].is_null(), "{found}");
    scene.delete_without_trace(WHAT);
}

fn pods_that_fit_on_no_node_are_explained(kubernetes: &Kubernetes) {
    let scene = Scene::new(kubernetes, "e2e-too-large");
    let large = "taskManager: {resources: {requests: {memory: 9Ti}}},";
    scene.space.apply(&job(large, "WordCount.jar"));
    let found = error_has(&scene, "no node can take the pod wrong-taskmanager-");
    let error = found["status"]["error"].as_str().unwrap();
    assert!(error.contains("memory"), "{error}");
    scene
        .space
        .apply(&job("taskManager: {resources: {requests: {memory: 64Mi}}},", "WordCount.jar"));
    scene.job_is(WHAT, "FINISHED");
    scene.delete_without_trace(WHAT);
}

fn a_missing_package_is_explained_and_nothing_loops(kubernetes: &Kubernetes) {
    let scene = Scene::new(kubernetes, "e2e-no-package");
    scene.space.apply(&job("", "NoSuch.jar"));
    let found = fails_with(&scene, "NoSuch.jar");
    let pods = scene.space.pods("component=jobmanager");
    let restarts = &pods[0]["status"]["containerStatuses"][0]["restartCount"];
    assert_eq!(*restarts, 0, "{found}");
    scene.space.apply(&job("", "WordCount.jar"));
    scene.job_is(WHAT, "FINISHED");
    scene.delete_without_trace(WHAT);
}

fn a_specification_that_makes_no_sense_is_explained(kubernetes: &Kubernetes) {
    let scene = Scene::new(kubernetes, "e2e-wrong-spec");
    let wrong = "flinkConfiguration: {rest.port: \"-1\"}, mode: native,";
    scene.space.apply(&job(wrong, "WordCount.jar"));
    error_has(&scene, "flinkConfiguration: rest.port: '-1'");
    assert!(scene.space.pods("app=wrong").is_empty());
    scene.space.apply(&job("mode: native,", "WordCount.jar"));
    let found = scene.job_is(WHAT, "FINISHED");
    let conditions = found["status"]["conditions"].as_array().unwrap();
    let ignored = conditions.iter().find(|c| c["type"] == "FieldsWithoutEffect").unwrap();
    assert!(ignored["message"].as_str().unwrap().contains("mode native"), "{ignored}");
    scene.delete_without_trace(WHAT);
}

const ON_A_SMALL_VOLUME: &str = r#"
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: small}
spec: {storageClassName: limited, accessModes: [ReadWriteMany], resources: {requests: {storage: 16Mi}}}
---
apiVersion: flink.apache.org/v1beta1
kind: FlinkJob
metadata: {name: wrong}
spec:
  flinkConfiguration:
    execution.checkpointing.interval: 500 ms
    execution.checkpointing.dir: file:///small/checkpoints
    execution.checkpointing.tolerable-failed-checkpoints: "100000"
  podTemplate:
    spec:
      containers: [{name: flink-main-container, volumeMounts: [{name: small, mountPath: /small}]}]
      volumes: [{name: small, persistentVolumeClaim: {claimName: small}}]
  job:
    jarURI: local:///opt/flink/examples/streaming/Billing.jar
    args: [--count, "100000000", --rps, "500", --users, "100"]
    upgradeMode: last-state
"#;

fn a_full_volume_is_told_and_checkpoints_go_on_when_there_is_room(kubernetes: &Kubernetes) {
    let scene = Scene::new(kubernetes, "e2e-full");
    scene.space.apply(ON_A_SMALL_VOLUME);
    let healthy = |found: &Value, wanted: &str| {
        let conditions = found["status"]["conditions"].as_array();
        let condition =
            conditions.into_iter().flatten().find(|c| c["type"] == "CheckpointsHealthy");
        condition.filter(|condition| condition["status"] == wanted).cloned()
    };
    scene.wait(WHAT, "a checkpoint", |found| healthy(found, "True").is_some());
    let pod = |script: &str| super::data_pod("filler", "small", script);
    let fill = "dd if=/dev/zero of=/data/file bs=64k; test -s /data/file && sleep 600";
    scene.space.apply(&pod(fill));
    let full = scene.wait(WHAT, "a failed checkpoint", |found| healthy(found, "False").is_some());
    let message = healthy(&full, "False").unwrap()["message"].clone();
    eprintln!("a full volume is told as: {message}");
    assert_eq!(full["status"]["jobStatus"]["state"], "RUNNING");
    scene.space.kubectl(&["delete", "pod", "filler", "--wait"]).ok();
    scene.space.apply(&pod("rm /data/file"));
    scene.wait(WHAT, "checkpoints again", |found| healthy(found, "True").is_some());
    scene.space.kubectl(&["delete", "pod", "filler", "--wait"]).ok();
    scene.delete_without_trace(WHAT);
}

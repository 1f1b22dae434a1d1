//! Jobs that need no state: each kind, from its creation to its end.

use std::time::Instant;

use sciurus_e2e::{Kubernetes, LONG, Test, test, wait_for};

use super::Scene;

pub fn tests() -> Vec<Test> {
    vec![
        test!(a_flink_job_runs_word_count_to_its_end),
        test!(a_flink_cluster_with_a_job_runs_it),
        test!(session_jobs_run_on_a_flink_deployment),
        test!(hooks_are_done),
    ]
}

/// The manifest that the documentation shows.
const WORD_COUNT: &str = r#"
apiVersion: flink.apache.org/v1beta1
kind: FlinkJob
metadata: {name: word-count-job}
spec:
  image: flink:1.16.0-scala_2.12-java11
  flinkVersion: v1_16
  jobManager: {replicas: 1, resources: {limits: {cpu: "1", memory: "1Gi"}, requests: {cpu: "100m", memory: "128Mi"}}}
  taskManager: {replicas: 2, resources: {limits: {cpu: "1", memory: "1Gi"}, requests: {cpu: "100m", memory: "128Mi"}}}
  job: {jarFile: "local:///opt/flink/examples/streaming/WordCount.jar", parallelism: 2, upgradeMode: stateless}
"#;

fn a_flink_job_runs_word_count_to_its_end(kubernetes: &Kubernetes) {
    let scene = Scene::new(kubernetes, "e2e-flinkjob");
    let applied = Instant::now();
    scene.space.apply(WORD_COUNT);
    let job = scene.job_is("flinkjob/word-count-job", "FINISHED");
    eprintln!("from kubectl apply to the end of word count: {:?}", applied.elapsed());
    assert_eq!(job["status"]["observedGeneration"], job["metadata"]["generation"]);
    let shown = scene.space.kubectl(&["get", "flinkjobs"]).ok();
    for column in ["JOB STATUS", "LIFECYCLE STATE", "AGE", "FINISHED", "STABLE"] {
        assert!(shown.contains(column), "{shown}");
    }
    // Apache's image was replaced, and the job's slots are given back.
    let deployment = scene.get("deployment/word-count-job");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], kubernetes.image());
    wait_for("the TaskManagers are gone", LONG, || {
        scene.space.pods("component=taskmanager").is_empty().then_some(())
    });
    let events = scene.events();
    let reasons: Vec<_> = events.iter().map(|event| &event["reason"]).collect();
    for reason in ["Starting", "JobEnded"] {
        assert!(reasons.iter().any(|found| *found == reason), "{reason}: {reasons:?}");
    }
    scene.delete_without_trace("flinkjob/word-count-job");
}

fn a_flink_cluster_with_a_job_runs_it(kubernetes: &Kubernetes) {
    let scene = Scene::new(kubernetes, "e2e-flinkcluster");
    let yaml = WORD_COUNT.replace("kind: FlinkJob", "kind: FlinkCluster");
    scene.space.apply(&yaml.replace("spec:", "spec:\n  serviceAccount: default"));
    scene.job_is("flinkcluster/word-count-job", "FINISHED");
    let shown = scene.space.kubectl(&["get", "flinkclusters"]).ok();
    assert!(shown.contains("FINISHED"), "{shown}");
    scene.delete_without_trace("flinkcluster/word-count-job");
}

const SESSION: &str = r#"
apiVersion: flink.apache.org/v1beta1
kind: FlinkDeployment
metadata: {name: session}
spec:
  image: flink:1.20
  flinkVersion: v1_20
  flinkConfiguration: {taskmanager.numberOfTaskSlots: "2"}
  serviceAccount: default
  jobManager: {resource: {memory: "512m", cpu: 0.1}}
  taskManager: {replicas: 1, resource: {memory: "512m", cpu: 0.1}}
---
apiVersion: flink.apache.org/v1beta1
kind: FlinkSessionJob
metadata: {name: sensors}
spec:
  deploymentName: session
  job:
    jarURI: local:///opt/flink/examples/streaming/Billing.jar
    args: [--count, "100000000", --rps, "1000"]
    parallelism: 2
    upgradeMode: stateless
"#;

fn session_jobs_run_on_a_flink_deployment(kubernetes: &Kubernetes) {
    let scene = Scene::new(kubernetes, "e2e-session");
    scene.space.apply(SESSION);
    scene.job_is("flinksessionjob/sensors", "RUNNING");
    scene.lifecycle_is("flinksessionjob/sensors", "STABLE");
    let suspend = r#"{"spec":{"job":{"state":"suspended"}}}"#;
    let patch = |patch: &str| {
        scene.space.kubectl(&["patch", "flinksessionjob/sensors", "--type=merge", "-p", patch]).ok()
    };
    patch(suspend);
    scene.lifecycle_is("flinksessionjob/sensors", "SUSPENDED");
    let jobs = || scene.space.rest_get("session-rest", 8081, "/jobs/overview");
    let states = |overview: &serde_json::Value| {
        let jobs = overview["jobs"].as_array().unwrap().clone();
        jobs.iter().map(|job| job["state"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    wait_for("the job is cancelled", LONG, || (states(&jobs()?) == ["CANCELED"]).then_some(()));
    patch(r#"{"spec":{"job":{"state":"running"}}}"#);
    scene.job_is("flinksessionjob/sensors", "RUNNING");
    // A cluster whose jobs are still specified isn't deleted under them.
    scene.space.kubectl(&["delete", "flinkdeployment/session", "--wait=false"]).ok();
    scene.wait("flinkdeployment/session", "it waits for its jobs", |found| {
        let conditions = found["status"]["conditions"].as_array().unwrap();
        conditions.iter().any(|c| c["message"].as_str().unwrap().contains("1 FlinkSessionJobs"))
    });
    scene.space.kubectl(&["delete", "flinksessionjob/sensors", "--timeout=90s"]).ok();
    wait_for("the cluster is gone", LONG, || {
        let left = scene.space.kubectl(&["get", "flinkdeployments,pods", "-o", "name"]).ok();
        left.is_empty().then_some(())
    });
}

fn hooks_are_done(kubernetes: &Kubernetes) {
    let scene = Scene::new(kubernetes, "e2e-hooks");
    let pod = r"
              securityContext: {runAsNonRoot: true, runAsUser: 9999, seccompProfile: {type: RuntimeDefault}}
              containers:
                - name: hook
                  command: [/opt/flink/bin/sciurus, --version]
                  securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}";
    let hook = |list: &str| {
        format!("    {list}:\n      - name: a\n        job:\n            podSpec:{pod}\n")
    };
    let hooks = ["afterStart", "beforeDeletion"].map(hook).concat();
    scene.space.apply(&format!(
        "apiVersion: flink.apache.org/v1beta1\nkind: FlinkCluster\nmetadata: {{name: hooked}}\n\
         spec:\n  hooks:\n{hooks}"
    ));
    scene.wait("flinkcluster/hooked", "its hook is done", |found| {
        found["status"]["progress"]["startedHooksDone"] == true
    });
    let jobs = scene.space.kubectl(&["get", "jobs", "-o", "json"]).json();
    let job = &jobs["items"][0];
    assert_eq!(job["status"]["succeeded"], 1, "{job}");
    assert!(job["metadata"]["name"].as_str().unwrap().starts_with("hooked-start-a-"));
    scene.delete_without_trace("flinkcluster/hooked");
}

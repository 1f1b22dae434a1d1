//! The Helm chart and the manifests, installed.

use std::path::{Path, PathBuf};

use sciurus_e2e::{Kubernetes, LONG, Namespace, Test, test, wait_for};
use serde_json::Value;

/// The name of the release.
const NAME: &str = "flink-session";
const REST: &str = "flink-session-rest";

pub fn tests() -> Vec<Test> {
    vec![
        test!(the_quick_start_works_word_for_word),
        test!(an_upgrade_changes_what_it_says_and_keeps_the_cluster),
        test!(an_application_cluster_runs_its_job_and_shows_how_it_ended),
        test!(the_edge_profile_runs_a_job_in_64_mib),
        test!(the_manifests_make_the_same_cluster),
    ]
}

/// Where the chart is.
pub fn chart() -> String {
    repository().join("k8s/helm/sciurus").to_string_lossy().into_owned()
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Installs the chart with the image under test and these values.
pub fn install(space: &Namespace<'_>, kubernetes: &Kubernetes, values: &[&str]) {
    let image = kubernetes.image();
    let (repository, tag) = image.rsplit_once(':').unwrap();
    let (repository, tag) = (format!("image.repository={repository}"), format!("image.tag={tag}"));
    let chart = chart();
    let mut arguments = vec!["install", NAME, &chart, "--set", &repository, "--set", &tag];
    for value in values {
        arguments.extend(["--set", value]);
    }
    space.helm(&arguments).ok();
}

/// Waits until so many TaskManagers are registered, and returns what REST says of them.
pub fn registered(space: &Namespace<'_>, rest: &str, count: usize) -> Vec<Value> {
    wait_for(&format!("{count} TaskManagers are registered"), LONG, || {
        let found = space.rest_get(rest, 8081, "/taskmanagers")?;
        let found = found["taskmanagers"].as_array()?;
        (found.len() == count).then(|| found.clone())
    })
}

/// Waits until so many pods of a component are ready.
pub fn ready(space: &Namespace<'_>, component: &str, count: usize) -> Vec<Value> {
    let selector = format!("component={component}");
    wait_for(&format!("{count} pods of the {component} are ready"), LONG, || {
        let pods = space.ready_pods(&selector);
        (pods.len() == count).then_some(pods)
    })
}

fn get(url: &str) -> Value {
    let text = ureq::get(url).call().unwrap().body_mut().read_to_string().unwrap();
    serde_json::from_str(&text).unwrap()
}

fn the_quick_start_works_word_for_word(kubernetes: &Kubernetes) {
    let space = kubernetes.namespace("e2e-quick-start");
    let tag = kubernetes.image().rsplit_once(':').unwrap().1.to_owned();
    let command = format!(
        "install flink-session {} --set image.tag={tag} --set jobManager.replicaCount=1 \
         --set taskManager.replicaCount=2 --set taskManager.cpu=1 --set taskManager.memory=1Gi",
        chart()
    );
    space.helm(&command.split(' ').collect::<Vec<_>>()).ok();
    ready(&space, "jobmanager", 1);
    ready(&space, "taskmanager", 2);
    let pods = space.kubectl(&["get", "pods"]).ok();
    for name in
        ["flink-session-jobmanager-", "flink-session-taskmanager-0", "flink-session-taskmanager-1"]
    {
        assert!(pods.contains(name), "{pods}");
    }
    let services = space.kubectl(&["get", "svc"]).ok();
    for name in ["flink-session-jobmanager", "flink-session-rest", "flink-session-taskmanager"] {
        assert!(services.contains(name), "{services}");
    }
    for port in [8080, 8081] {
        let forward = kubernetes.port_forward(space.name(), "svc/flink-session-jobmanager", port);
        let overview = get(&forward.url("/overview"));
        assert_eq!((&overview["taskmanagers"], &overview["slots-total"]), (&2.into(), &2.into()));
    }
    for manager in registered(&space, REST, 2) {
        let bytes = &manager["memoryConfiguration"]["totalProcessMemory"];
        assert_eq!(
            bytes,
            &Value::from(1_u64 << 30),
            "the memory follows the pod's limit: {manager}"
        );
    }
    space.helm(&["test", NAME, "--timeout", "3m"]).ok();
    let jobs = space.rest_get(REST, 8081, "/jobs/overview").unwrap();
    assert_eq!(jobs["jobs"][0]["state"], "FINISHED", "{jobs}");
    let budget =
        ["get", "pdb", "flink-session-taskmanager", "-ojsonpath={.status.disruptionsAllowed}"];
    wait_for("one TaskManager may be drained", LONG, || {
        (space.kubectl(&budget).ok() == "1").then_some(())
    });
}

fn an_upgrade_changes_what_it_says_and_keeps_the_cluster(kubernetes: &Kubernetes) {
    let space = kubernetes.namespace("e2e-upgrade");
    install(&space, kubernetes, &["taskManager.cpu=100m", "taskManager.memory=128Mi"]);
    registered(&space, REST, 1);
    let upgrade = |set| {
        space.helm(&["upgrade", NAME, &chart(), "--reuse-values", "--set", set]).ok();
    };
    // Another number of pods restarts none of them.
    let before = ready(&space, "jobmanager", 1)[0]["metadata"]["uid"].clone();
    upgrade("taskManager.replicaCount=2");
    registered(&space, REST, 2);
    assert_eq!(ready(&space, "jobmanager", 1)[0]["metadata"]["uid"], before);
    // Other settings restart all.
    upgrade("taskManager.slots=3");
    wait_for("the TaskManagers have 3 slots each", LONG, || {
        let overview = space.rest_get(REST, 8081, "/overview")?;
        (overview["slots-total"] == 6).then_some(())
    });
    // What makes no sense changes nothing.
    let set = ["--reuse-values", "--set", "jobManager.replicaCount=2"];
    let refused = space.helm(&[&["upgrade", NAME, &chart()], &set[..]].concat()).refused();
    assert!(refused.contains("several JobManagers"), "{refused}");
    space.helm(&["uninstall", NAME, "--wait"]).ok();
    wait_for("nothing is left", LONG, || {
        let left = space.kubectl(&[
            "get",
            "all,cm,sa,pdb,netpol,role,rolebinding",
            "-l",
            "app=flink-session",
        ]);
        left.stdout.is_empty().then_some(())
    });
}

fn an_application_cluster_runs_its_job_and_shows_how_it_ended(kubernetes: &Kubernetes) {
    let space = kubernetes.namespace("e2e-application");
    let job = "job.jar=local:///opt/flink/examples/streaming/WordCount.jar";
    let values = [job, "job.parallelism=2", "taskManager.replicaCount=2", "taskManager.cpu=100m"];
    install(&space, kubernetes, &values);
    wait_for("the job is finished", LONG, || {
        let jobs = space.rest_get(REST, 8081, "/jobs/overview")?;
        (jobs["jobs"][0]["state"] == "FINISHED").then_some(())
    });
    space.helm(&["test", NAME, "--timeout", "3m"]).ok();
    let pods = ready(&space, "jobmanager", 1);
    assert_eq!(pods[0]["status"]["containerStatuses"][0]["restartCount"], 0);
}

fn the_edge_profile_runs_a_job_in_64_mib(kubernetes: &Kubernetes) {
    let space = kubernetes.namespace("e2e-edge");
    install(&space, kubernetes, &["edge.enabled=true"]);
    let pods = ready(&space, "jobmanager", 1);
    assert_eq!(pods[0]["spec"]["containers"].as_array().unwrap().len(), 2);
    registered(&space, REST, 1);
    space.helm(&["test", NAME, "--timeout", "3m"]).ok();
    let pods = ready(&space, "jobmanager", 1);
    for container in pods[0]["status"]["containerStatuses"].as_array().unwrap() {
        assert_eq!(container["restartCount"], 0, "{container}");
    }
}

fn the_manifests_make_the_same_cluster(kubernetes: &Kubernetes) {
    let space = kubernetes.namespace("e2e-manifests");
    let folder = tempfile::tempdir().unwrap();
    // Kustomize only takes bases by relative paths.
    let up = "../".repeat(folder.path().components().count() - 1);
    let manifests = repository().join("k8s/manifests");
    let manifests = format!("{up}{}", manifests.strip_prefix("/").unwrap().display());
    let image = kubernetes.image();
    let (name, tag) = image.rsplit_once(':').unwrap();
    let overlay = format!(
        "namespace: {}\n\
         resources: ['{manifests}/session']\n\
         components: ['{manifests}/checkpoints']\n\
         images: [{{name: sciurus, newName: '{name}', newTag: '{tag}'}}]\n\
         replicas: [{{name: flink-session-taskmanager, count: 1}}]\n",
        space.name()
    );
    std::fs::write(folder.path().join("kustomization.yaml"), overlay).unwrap();
    let path = folder.path().to_str().unwrap();
    kubernetes.kubectl(&["apply", "-k", path]).ok();
    registered(&space, REST, 1);
    let claim = space.kubectl(&["get", "pvc", "state", "-ojsonpath={.status.phase}"]).ok();
    assert_eq!(claim, "Bound");
    kubernetes.kubectl(&["delete", "-k", path, "--timeout=90s"]).ok();
}

//! A session cluster by Helm, and jobs that come to it by the command line and by REST.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use sciurus_e2e::{Kubernetes, LONG, Namespace, Test, test, wait_for};
use serde_json::Value;

use crate::shell_pod::shell_pod;

pub fn tests() -> Vec<Test> {
    vec![test!(word_count_by_the_command_line_and_by_curl)]
}

/// Where the chart mounts the volume of checkpoints, and where jobs read and write here.
pub const VOLUME: &str = "/opt/flink/state";

/// A session cluster with a volume, in a namespace of its own.
pub struct Session<'k> {
    pub space: Namespace<'k>,
}

impl<'k> Session<'k> {
    /// Installs the chart as `flink-session` with further values, and waits until it is ready.
    pub fn install(kubernetes: &'k Kubernetes, namespace: &str, values: &[&str]) -> Self {
        let space = kubernetes.namespace(namespace);
        let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../helm/sciurus");
        let tag = kubernetes.image().rsplit(':').next().unwrap_or_default().to_owned();
        let tag = format!("image.tag={tag}");
        let mut arguments = vec!["install", "flink-session", chart.to_str().unwrap()];
        for value in [tag.as_str(), "checkpoints.enabled=true"].iter().chain(values) {
            arguments.extend(["--set", value]);
        }
        space.helm(&arguments).ok();
        // With a shell, which the image doesn't have.
        let shell = shell_pod("shell", &Self::claim(&space), VOLUME, "sleep 100000");
        space.apply(&(shell + "  tolerations: [{operator: Exists}]\n"));
        let session = Self { space };
        session.wait_until_ready();
        session
    }

    fn claim(space: &Namespace<'_>) -> String {
        let name = "-ojsonpath={.items[0].metadata.name}";
        space.kubectl(&["get", "persistentvolumeclaims", name]).ok()
    }

    /// Waits until the JobManager, all TaskManagers and the pod with the shell are ready.
    pub fn wait_until_ready(&self) {
        for what in ["deployment/flink-session-jobmanager", "statefulset/flink-session-taskmanager"]
        {
            self.space.kubectl(&["rollout", "status", what, "--timeout=180s"]).ok();
        }
        self.space.kubectl(&["wait", "--for=condition=Ready", "pod/shell", "--timeout=60s"]).ok();
    }

    /// Runs a script in the pod that has a shell and the volume.
    pub fn shell(&self, script: &str) -> String {
        self.space.kubectl(&["exec", "shell", "--", "sh", "-c", script]).ok()
    }

    /// The lines of all finished files of a folder on the volume, sorted.
    pub fn lines_of(&self, folder: &str) -> Vec<String> {
        let finished = format!("cd {folder} && find . -type f ! -name '.*' -exec cat {{}} +");
        let mut lines: Vec<String> = self.shell(&finished).lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    }

    /// Submits one of the image's examples by `sciurus run` in the JobManager's pod.
    pub fn submit(&self, example: &str, parallelism: u32, arguments: &[&str]) -> String {
        let package = format!("local:///opt/flink/examples/streaming/{example}.jar");
        let run = ["exec", "deployment/flink-session-jobmanager", "--", "/opt/flink/bin/sciurus"];
        let parallelism = format!("-p{parallelism}");
        let options = ["run", "-d", "-m", "localhost:8081", &parallelism, &package];
        let said = self.space.kubectl(&[&run[..], &options, arguments].concat()).ok();
        let (_, id) = said.split_once("JobID ").unwrap_or_else(|| panic!("no job: {said}"));
        id.split_whitespace().next().unwrap().to_owned()
    }

    /// Asks the REST API.
    pub fn rest(&self, path: &str) -> Option<Value> {
        self.space.rest_get("flink-session-rest", 8081, path)
    }

    /// Waits until a job has a state, which may take long where something is broken.
    pub fn wait_for_state(&self, job: &str, state: &str) {
        let mut last = Value::Null;
        wait_for(&format!("job {job} is {state}"), 3 * LONG, || {
            last = self.rest(&format!("/jobs/{job}"))?;
            assert!(
                state == "FAILED" || last["state"] != "FAILED",
                "{:?}",
                self.rest(&format!("/jobs/{job}/exceptions"))
            );
            (last["state"] == state).then_some(())
        });
    }

    /// On which TaskManagers a job's vertices ran or run.
    pub fn task_managers_of(&self, job: &str) -> Vec<String> {
        let details = self.rest(&format!("/jobs/{job}")).unwrap();
        let mut found = Vec::new();
        for vertex in details["vertices"].as_array().unwrap() {
            let vertex = vertex["id"].as_str().unwrap();
            let path = format!("/jobs/{job}/vertices/{vertex}/taskmanagers");
            let list = self.rest(&path).unwrap();
            let managers = list["taskmanagers"].as_array().unwrap().iter();
            found.extend(managers.map(|one| one["taskmanager-id"].as_str().unwrap().to_owned()));
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// How often each word is in a text.
fn counts_of(text: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for word in text.split_whitespace() {
        *counts.entry(word.to_owned()).or_default() += 1;
    }
    counts
}

/// The last count of each word in lines such as `(word,2)`: counts only grow.
fn final_counts(lines: &[String]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for line in lines {
        let pair = line.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        let (word, count) = pair.and_then(|pair| pair.rsplit_once(',')).unwrap();
        let count: u64 = count.parse().unwrap();
        let known = counts.entry(word.to_owned()).or_insert(count);
        *known = count.max(*known);
    }
    counts
}

fn word_count_by_the_command_line_and_by_curl(kubernetes: &Kubernetes) {
    let session = Session::install(
        kubernetes,
        "e2e-session",
        &[
            "jobManager.replicaCount=1",
            "taskManager.replicaCount=2",
            "taskManager.cpu=1",
            "taskManager.memory=1Gi",
        ],
    );
    let lines = (0..2_000).map(|n| format!("w{} w{} w{n}\n", n % 7, n % 501));
    let text = lines.collect::<Vec<_>>().concat();
    // Two files: each of the two readers has one to read.
    let half = text.len() / 2 - text.len() / 2 % 3;
    let (one, other) = text.split_at(text[..half].rfind('\n').unwrap() + 1);
    for (name, part) in [("one", one), ("other", other)] {
        let write = format!("mkdir -p {VOLUME}/text && cat > {VOLUME}/text/{name}");
        let exec = ["-n", session.space.name(), "exec", "-i", "shell", "--", "sh", "-c", &write];
        kubernetes.kubectl_with(&exec, Some(part)).ok();
    }
    let expected = counts_of(&text);
    let (input, output) = (format!("{VOLUME}/text"), format!("{VOLUME}/by-command"));

    let job = session.submit("WordCount", 2, &["--input", &input, "--output", &output]);
    session.wait_for_state(&job, "FINISHED");
    assert_eq!(final_counts(&session.lines_of(&output)), expected);
    assert_eq!(session.task_managers_of(&job).len(), 2, "both TaskManagers had subtasks");

    // As one does from outside: the Service's port 8080, and curl.
    let forward =
        kubernetes.port_forward(session.space.name(), "svc/flink-session-jobmanager", 8080);
    let package = "local:%2F%2F%2Fopt%2Fflink%2Fexamples%2Fstreaming%2FWordCount.jar";
    let output = format!("{VOLUME}/by-curl");
    let body = serde_json::json!({
        "parallelism": 2,
        "programArgsList": ["--input", input, "--output", output],
    });
    let curl = Command::new("curl")
        .args([
            "-sS",
            "--fail-with-body",
            "--max-time",
            "60",
            "-H",
            "Content-Type: application/json",
        ])
        .args(["-d", &body.to_string(), &forward.url(&format!("/jars/{package}/run"))])
        .output()
        .unwrap();
    let answer = String::from_utf8_lossy(&curl.stdout).into_owned();
    assert!(curl.status.success(), "{answer}{}", String::from_utf8_lossy(&curl.stderr));
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let job = answer["jobid"].as_str().unwrap_or_else(|| panic!("{answer}"));
    session.wait_for_state(job, "FINISHED");
    assert_eq!(final_counts(&session.lines_of(&output)), expected);
}

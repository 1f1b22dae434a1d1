//! A real Prometheus watches a real cluster: what breaks raises the alerts that are meant for it.

use std::fs;
use std::process::{Child, Command, Stdio};

use sciurus_harness::{LONG, free_port, wait_for};
use serde_json::Value;
use tempfile::TempDir;

use crate::tools::{find, monitoring};
use crate::{Exposing, start};

/// A Prometheus that watches a cluster, by our alerts with short times.
struct Prometheus {
    process: Child,
    address: String,
    folder: TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            eprintln!("--- prometheus ---\n{log}");
        }
    }
}

/// Shortens the times of rules: what may last minutes on a cluster may last seconds in a test.
fn hurried(rules: &str) -> String {
    let mut hurried = String::new();
    for line in rules.lines() {
        if line.trim_start().starts_with("for: ") {
            let indent = line.len() - line.trim_start().len();
            hurried += &" ".repeat(indent);
            hurried += "for: 1s\n";
        } else {
            let mut line = line.to_owned();
            for range in ["[10m]", "[15m]", "[30m]", "[1h]"] {
                line = line.replace(range, "[1m]");
            }
            hurried += &line;
            hurried.push('\n');
        }
    }
    hurried
}

impl Prometheus {
    fn watch(exposing: &Exposing) -> Option<Self> {
        let program = find("prometheus")?;
        let folder = tempfile::tempdir().unwrap();
        let rules = fs::read_to_string(monitoring().join("alerts.yaml")).unwrap();
        fs::write(folder.path().join("alerts.yaml"), hurried(&rules)).unwrap();
        let targets = |component: &str, addresses: &[String]| serde_json::json!({ "targets": addresses, "labels": { "component": component } });
        let job_manager = std::slice::from_ref(&exposing.job_manager);
        let configuration = serde_json::json!({
            "global": {
                "scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms",
            },
            "rule_files": ["alerts.yaml"],
            "scrape_configs": [{
                "job_name": "sciurus",
                "static_configs": [
                    targets("jobmanager", job_manager),
                    targets("taskmanager", &exposing.task_managers),
                ],
            }],
        });
        let file = folder.path().join("prometheus.yaml");
        fs::write(&file, configuration.to_string()).unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let process = Command::new(program)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Some(Self { process, address, folder })
    }

    fn ask(&self, query: &str) -> Option<Vec<Value>> {
        let address = format!("http://{}/api/v1/query", self.address);
        let mut answer = ureq::get(address).query("query", query).call().ok()?;
        let answer: Value = answer.body_mut().read_json().ok()?;
        answer["data"]["result"].as_array().cloned()
    }

    /// Returns the alerts that fire, by name.
    fn firing(&self) -> Option<Vec<String>> {
        let firing = self.ask("ALERTS{alertstate=\"firing\"}")?;
        let name = |alert: &Value| alert["metric"]["alertname"].as_str().unwrap().to_owned();
        Some(firing.iter().map(name).collect())
    }

    fn wait_for_alerts(&self, alerts: &[&str]) {
        wait_for(&format!("{alerts:?} to fire"), 2 * LONG, || {
            let firing = self.firing()?;
            alerts.iter().all(|alert| firing.iter().any(|name| name == alert)).then_some(())
        });
    }

    fn wait_for_quiet(&self, alerts: &[&str]) {
        wait_for(&format!("{alerts:?} to be over"), 2 * LONG, || {
            let firing = self.firing()?;
            (!alerts.iter().any(|alert| firing.iter().any(|name| name == alert))).then_some(())
        });
    }
}

#[test]
fn what_breaks_raises_the_alerts_that_are_meant_for_it() {
    let settings = [
        "execution.checkpointing.interval=200 ms",
        "restart-strategy.type=fixed-delay",
        "restart-strategy.fixed-delay.attempts=1000",
        "restart-strategy.fixed-delay.delay=100 ms",
    ];
    let mut exposing = start(1, 2, &settings);
    let Some(prometheus) = Prometheus::watch(&exposing) else { return };
    let job = exposing.cluster.submit(&["-p", "2"], &["state_machine", "--discard"]);
    exposing.cluster.wait_until_all_run(&job);
    wait_for("Prometheus to see the job run", LONG, || {
        let query = "flink_jobmanager_job_runningTime > 5000 and on () count(up == 1) == 2";
        (!prometheus.ask(query)?.is_empty()).then_some(())
    });
    // A scrape that came late on a busy machine may have raised one, which must be over at once.
    wait_for("no alert where nothing is broken", LONG, || {
        prometheus.firing()?.is_empty().then_some(())
    });

    let restarts = |cluster: &sciurus_harness::Cluster| {
        let metric = cluster.try_get(&format!("/jobs/{job}/metrics?get=numRestarts"))?;
        metric[0]["value"].as_str()?.parse::<u64>().ok()
    };
    for kills in 1..=4 {
        for worker in exposing.cluster.workers_of(0) {
            let pid = rustix::process::Pid::from_raw(worker.cast_signed()).unwrap();
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        wait_for("the job to restart", LONG, || {
            (restarts(&exposing.cluster)? >= kills).then_some(())
        });
        exposing.cluster.wait_until_all_run(&job);
    }
    prometheus.wait_for_alerts(&["SciurusJobRestarting"]);

    exposing.cluster.task_managers[0].kill();
    prometheus.wait_for_alerts(&[
        "SciurusTaskManagerDown",
        "SciurusTaskManagerLost",
        "SciurusJobNotRunning",
        "SciurusJobSlotsMissing",
    ]);

    exposing.cluster.restart_task_manager(0);
    exposing.cluster.wait_until_all_run(&job);
    prometheus.wait_for_quiet(&[
        "SciurusTaskManagerDown",
        "SciurusTaskManagerLost",
        "SciurusJobNotRunning",
        "SciurusJobSlotsMissing",
    ]);
}

//! Logs for programs, and how much of them, changed while processes run.

use std::fs;

use sciurus_harness::{Cluster, LONG, wait_for};
use serde_json::Value;

use crate::executables;

const JOB: [&str; 2] = ["state_machine", "--discard"];

/// Reads a log: all lines are JSON objects.
fn objects(text: &str) -> Vec<Value> {
    let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
    text.lines().map(read).collect()
}

/// Returns what the workers of a job have logged.
fn log_of_workers(cluster: &Cluster, job: &str) -> String {
    let files =
        fs::read_dir(cluster.folder().join("log")).unwrap().map(|file| file.unwrap().path());
    let end = format!("-worker-{job}.log");
    let logs = files.filter(|path| path.to_str().unwrap().ends_with(&end));
    logs.map(|path| fs::read_to_string(path).unwrap()).collect()
}

fn says(log: &str, text: &str) -> bool {
    objects(log).iter().any(|object| object["message"].as_str().unwrap().contains(text))
}

#[test]
fn lines_are_objects_with_fields_and_their_level_changes_in_all_processes() {
    let settings = ["log.format=json", "sciurus.worker.console=true"];
    let mut cluster = Cluster::start(executables(), 1, 1, &settings);
    let first = cluster.submit(&[], &JOB);
    cluster.wait_until_all_run(&first);
    wait_for("the worker to log that its tasks run", LONG, || {
        says(&log_of_workers(&cluster, &first), "is RUNNING").then_some(())
    });
    for object in objects(&log_of_workers(&cluster, &first)) {
        assert_eq!(object["job"], first, "{object}");
        if let Some(task) = object["message"].as_str().unwrap().strip_suffix(" (1/1)#0 is RUNNING")
        {
            assert_eq!(object["vertex"], task, "{object}");
            assert_eq!((&object["subtask"], &object["attempt"]), (&0.into(), &0.into()));
        }
    }
    let running = objects(&cluster.log_of_job_manager())
        .into_iter()
        .find(|object| object["message"].as_str().unwrap().ends_with("is RUNNING"));
    assert_eq!(running.unwrap()["job"], first);

    // From here on nothing is said but what is wrong.
    let output = cluster.command("log-level", &["loud"]);
    let refused = String::from_utf8_lossy(&output.stderr);
    assert!(refused.contains("there is no level 'loud'"), "{refused}");
    let output = cluster.command("log-level", &["error"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(cluster.get("/log-level")["level"], "error");
    cluster.cancel(&first);
    cluster.wait_for_state(&first, "CANCELED");
    cluster.wait_until_idle();
    assert!(!says(&log_of_workers(&cluster, &first), "is CANCELED"));
    assert!(!says(&cluster.log_of_job_manager(), "is CANCELED"));
    // That holds for who comes later, too.
    cluster.add_task_manager();
    cluster.wait_for_task_managers(2);
    let second = cluster.submit(&["-p", "2"], &JOB);
    cluster.wait_until_all_run(&second);
    assert_eq!(log_of_workers(&cluster, &second), "");
    cluster.command("log-level", &["info"]);
    cluster.cancel(&second);
    cluster.wait_for_state(&second, "CANCELED");
    wait_for("the workers to log again", LONG, || {
        says(&log_of_workers(&cluster, &second), "is CANCELED").then_some(())
    });
}

#[test]
fn the_level_changes_in_coordinators_too() {
    let cluster = Cluster::start(executables(), 1, 1, &["log.format=json"]);
    let log = |job: &str| {
        let path = cluster.folder().join(format!("log/sciurus-coordinator-{job}.log"));
        fs::read_to_string(path).unwrap_or_default()
    };
    let job = cluster.submit(&[], &JOB);
    cluster.wait_until_all_run(&job);
    for (level, is_said) in [("warn", false), ("info", true)] {
        cluster.command("log-level", &[level]);
        let text = format!("changed what is logged to {level}");
        if is_said {
            wait_for("the coordinator to log again", LONG, || {
                says(&log(&job), &text).then_some(())
            });
        }
        assert_eq!(says(&log(&job), &text), is_said);
    }
    cluster.cancel(&job);
    cluster.wait_for_state(&job, "CANCELED");
}

#[test]
fn the_doctor_says_what_is_missing_and_when_all_is_well() {
    let mut cluster = Cluster::start(executables(), 1, 1, &[]);
    let job = cluster.submit(&["-p", "2"], &["state_machine", "--discard", "--sleep", "20"]);
    let ask = |cluster: &Cluster, options: &[&str]| {
        let output = cluster.command("doctor", &[options, &[&*job]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let found = ask(&cluster, &[]);
    assert!(found.contains("1 slots are missing"), "{found}");
    assert!(found.contains("1 TaskManagers are registered, with 1 slots in all"), "{found}");
    assert!(found.contains("taskmanager.numberOfTaskSlots"), "{found}");
    cluster.add_task_manager();
    cluster.wait_until_all_run(&job);
    cluster.wait_for_records(&job);
    let found: Value =
        serde_json::from_str(&ask(&cluster, &["--json", "--during", "1 s"])).unwrap();
    assert_eq!(found["state"], "RUNNING");
    assert!(!found["findings"].as_array().unwrap().is_empty());
    assert!(found["findings"].as_array().unwrap().iter().all(|one| one["grade"] != "problem"));
    cluster.cancel(&job);
    cluster.wait_for_state(&job, "CANCELED");
}

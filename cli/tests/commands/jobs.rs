//! Running and operating jobs on a local cluster.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{LocalCluster, examples, wait_for};

const JVM_JOB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/testdata/jvm-job.jar");

#[test]
fn an_attached_job_tells_its_id_its_end_and_its_runtime() {
    let cluster = LocalCluster::start(1, 2, &[]);
    let input = cluster.directory().join("text");
    fs::write(&input, "to be or not to be\n").unwrap();
    let output = cluster.directory().join("counts");
    let examples = examples().to_str().unwrap();
    let [input, counts] = [&input, &output].map(|path| path.to_str().unwrap());
    let job = [examples, "word_count", "--input", input, "--output", counts];
    let ended = cluster.run("run", &[&["-p", "2"][..], &job].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines: Vec<_> = ended.stdout.lines().collect();
    let id = lines[0].strip_prefix("Job has been submitted with JobID ").unwrap();
    assert_eq!(lines[1], "Program execution finished");
    assert_eq!(lines[2], format!("Job with JobID {id} has finished."));
    assert!(lines[3].starts_with("Job Runtime: ") && lines[3].ends_with(" ms"), "{lines:?}");
    assert!(output.exists());

    let json = cluster.run(
        "run",
        &[&["--json", "-c", "word_count", examples], &job[2..4], &["--discard"]].concat(),
    );
    assert_eq!(json.code, Some(0), "{json:?}");
    let value: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(value["status"], "FINISHED");
}

#[test]
fn a_job_that_fails_ends_the_command_with_1_and_its_reason() {
    let cluster = LocalCluster::start(1, 1, &[]);
    let examples = examples().to_str().unwrap();
    let job = [examples, "word_count", "--input", "/no/such/input", "--discard"];
    let ended = cluster.run("run", &job);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("/no/such/input"), "{ended:?}");
    assert!(ended.stderr.contains("error: Job failed (JobID: "), "{ended:?}");
}

#[test]
fn an_attached_job_that_lacks_slots_is_told_of_at_once() {
    let cluster = LocalCluster::start(1, 1, &["slot.request.timeout=2 s"]);
    let examples = examples().to_str().unwrap();
    let ended = cluster.run("run", &["-p", "2", examples, "state_machine", "--discard"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("waits for slots: 1 missing"), "{}", ended.stderr);
}

#[test]
fn what_a_program_says_instead_of_a_job_is_shown() {
    let cluster = LocalCluster::start(0, 1, &[]);
    let examples = examples().to_str().unwrap();
    for (argument, part) in [
        ("--help", "Shows neither progress nor statistics"),
        ("--inptu", "a similar argument exists"),
    ] {
        let ended = cluster.run("run", &[examples, "word_count", argument]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    }
}

#[test]
fn jobs_are_listed_and_cancelled_in_flinks_words() {
    let cluster = LocalCluster::start(1, 1, &[]);
    let empty = cluster.run("list", &[]);
    assert_eq!(empty.stdout, "Waiting for response...\nNo running jobs.\nNo scheduled jobs.\n");
    let job = cluster.submit_endless(&[]);
    cluster.wait_for_state(&job, "RUNNING");
    let listed = cluster.run("list", &["-r"]);
    let lines: Vec<_> = listed.stdout.lines().collect();
    assert_eq!(lines[0], "Waiting for response...");
    assert_eq!(lines[1], "------------------ Running/Restarting Jobs -------------------");
    let shown = format!(" : {job} : State machine job (RUNNING)");
    assert!(lines[2].ends_with(&shown), "{lines:?}");
    assert_eq!(
        cluster.run("list", &["-s"]).stdout,
        "Waiting for response...\nNo scheduled jobs.\n"
    );

    let cancelled = cluster.run("cancel", &[&job]);
    assert_eq!(cancelled.code, Some(0), "{cancelled:?}");
    assert_eq!(cancelled.stdout, format!("Cancelling job {job}.\nCancelled job {job}.\n"));
    cluster.wait_for_state(&job, "CANCELED");
    assert!(
        cluster
            .run("list", &["-a"])
            .stdout
            .contains(&format!("{job} : State machine job (CANCELED)"))
    );
    // As Flink has it.
    assert_eq!(cluster.run("cancel", &[&job]).code, Some(0));
    let unknown = cluster.run("cancel", &["ffffffffffffffffffffffffffffffff"]);
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.stderr.contains("could not be found"), "{}", unknown.stderr);
}

/// Runs an endless job attached, interrupts the command, and returns its exit code and the job.
fn interrupted(cluster: &LocalCluster, options: &[&str]) -> (Option<i32>, String) {
    let mut command = cluster.command("run");
    command.args(options).arg(examples()).args(["state_machine", "--discard", "--sleep", "10"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let job = wait_for("the job to run", || {
        let listed = cluster.run("list", &["-r", "--json"]);
        let jobs: Value = serde_json::from_str(&listed.stdout).ok()?;
        let job = jobs.as_array()?.iter().find(|job| job["state"] == "RUNNING")?;
        Some(job["jid"].as_str()?.to_owned())
    });
    // Until the job is submitted an interrupt only ends the command.
    let mut stdout = child.stdout.take().unwrap();
    let mut told = vec![0; "Job has been submitted with JobID ".len() + job.len() + 1];
    stdout.read_exact(&mut told).unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let status = wait_for("the command to end", || child.try_wait().unwrap());
    (status.code(), job)
}

#[test]
fn an_interrupted_command_leaves_the_job_running() {
    let cluster = LocalCluster::start(1, 1, &[]);
    let (code, job) = interrupted(&cluster, &[]);
    assert_eq!(code, Some(130));
    cluster.wait_for_state(&job, "RUNNING");
}

#[test]
fn an_interrupted_command_cancels_the_job_if_it_is_to() {
    let cluster = LocalCluster::start(1, 1, &[]);
    let (code, job) = interrupted(&cluster, &["-sae"]);
    assert_eq!(code, Some(1));
    cluster.wait_for_state(&job, "CANCELED");
}

#[test]
fn a_job_for_the_jvm_is_refused_with_what_to_do() {
    let cluster = LocalCluster::start(1, 1, &[]);
    let refused = cluster.run("run", &[JVM_JOB]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("JVM"), "{}", refused.stderr);
    let listed = cluster.run("list", &["-a"]);
    assert!(listed.stdout.contains("No running jobs."), "{listed:?}");
}

#[test]
fn a_plan_is_shown_without_running_the_job() {
    let cluster = LocalCluster::start(1, 1, &[]);
    let examples = examples().to_str().unwrap();
    let info = cluster.run("info", &["-p", "3", examples, "word_count", "--discard"]);
    assert_eq!(info.code, Some(0), "{info:?}");
    assert!(info.stdout.starts_with("----------------------- Execution Plan"), "{info:?}");
    assert!(info.stdout.contains("tokenizer") && info.stdout.contains("\"parallelism\": 3"));
    assert!(cluster.run("list", &["-a"]).stdout.contains("No running jobs."));
}

#[test]
fn logs_of_managers_and_jobs_can_be_read() {
    let cluster = LocalCluster::start(1, 1, &[]);
    let own = cluster.run("logs", &[]);
    assert!(own.stdout.contains("JobManager starts as process"), "{own:?}");
    let other = cluster.run("logs", &["--taskmanager", "taskmanager-1"]);
    assert!(other.stdout.contains("TaskManager starts as process"), "{other:?}");
    let list = cluster.run("logs", &["--list", "--taskmanager", "taskmanager-1"]);
    assert!(list.stdout.contains(".log"), "{list:?}");
    let job = cluster.submit_endless(&[]);
    cluster.wait_for_state(&job, "RUNNING");
    wait_for("the worker's log", || {
        let files = cluster.run("logs", &["--list", &job]);
        files.stdout.contains("TaskManager taskmanager-1").then_some(())
    });
    let unknown = cluster.run("logs", &["ffffffffffffffffffffffffffffffff"]);
    assert!(unknown.stderr.contains("there are no logs of job"), "{unknown:?}");
}

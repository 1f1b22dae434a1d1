//! Managers in containers: ready, running jobs, and ending when they are asked to.

use std::fs;
use std::time::Duration;

use sciurus_harness::{LONG, wait_for};

use crate::container::{Container, GRACE, Image};

const REST: u16 = 8081;
const HEALTH: u16 = 8085;

/// The settings of a test that mounts its own; `FLINK_PROPERTIES` and the image's own add to them.
const SETTINGS: &str = "jobmanager:\n  rpc:\n    address: localhost\n\
    taskmanager.numberOfTaskSlots: 1\nhealth.port: 8085\n";

/// Waits until the container has printed something.
fn wait_for_output(container: &Container, expected: &str) {
    wait_for(expected, LONG, || container.output().contains(expected).then_some(()));
}

fn end(mut container: Container) {
    let (status, took) = container.terminate();
    assert_eq!(status.code(), Some(0), "{}", container.output());
    assert!(took < GRACE, "{took:?}");
}

/// Submits a job without an end and waits until it runs.
fn run_a_job(image: &'static Image, job_manager: &Container) {
    let jar = "/opt/flink/examples/streaming/StateMachineExample.jar";
    let mut client = image.container(&["flink", "run", "-d", jar]).in_pod_of(job_manager).start();
    assert!(client.wait(LONG).success(), "{}", client.output());
    wait_for("the job to run", LONG, || {
        let (_, overview) = job_manager.get(REST, "/jobs/overview")?;
        overview.contains("\"state\":\"RUNNING\"").then_some(())
    });
}

#[test]
fn a_session_cluster_runs_jobs_and_ends_while_they_run() {
    let Some(image) = Image::get() else { return };
    let configuration = tempfile::tempdir().unwrap();
    fs::write(configuration.path().join("config.yaml"), SETTINGS).unwrap();
    let job_manager = image
        .container(&["jobmanager"])
        .configuration(configuration.path())
        .variable("ENABLE_BUILT_IN_PLUGINS", "flink-s3-fs-hadoop-2.3.0.jar")
        .start();
    job_manager.wait_until_ready(REST);
    assert_eq!(job_manager.get(REST, "/livez"), Some((200, "ok\n".to_owned())));
    let task_manager = image
        .container(&["taskmanager", "-Dtaskmanager.memory.process.size=512m"])
        .configuration(configuration.path())
        .variable("NUMBER_OF_SLOTS", "3")
        .variable("FLINK_PROPERTIES", "taskmanager.numberOfTaskSlots: ${NUMBER_OF_SLOTS}\n")
        .in_pod_of(&job_manager)
        .start();
    task_manager.wait_until_ready(HEALTH);
    let (_, overview) = job_manager.get(REST, "/overview").unwrap();
    assert!(overview.contains("\"slots-total\":3"), "{overview}");

    let jar = "local:///opt/flink/examples/streaming/WordCount.jar";
    let mut client =
        image.container(&["flink", "run", "-p", "2", jar]).in_pod_of(&job_manager).start();
    let status = client.wait(LONG);
    assert!(status.success(), "{}", client.output());
    assert!(client.output().contains("Job has been submitted with JobID"), "{}", client.output());
    wait_for_output(&task_manager, "(question,1)");

    run_a_job(image, &job_manager);
    let output = job_manager.output();
    assert!(output.contains("ENABLE_BUILT_IN_PLUGINS has no effect"), "{output}");
    // Beside the job: first who runs it, then who waits for it to come back.
    end(task_manager);
    end(job_manager);
}

#[test]
fn the_job_manager_ends_while_its_task_managers_run_a_job() {
    let Some(image) = Image::get() else { return };
    let job_manager = image.container(&["jobmanager"]).start();
    job_manager.wait_until_ready(REST);
    let task_manager = image
        .container(&["taskmanager", "-Djobmanager.rpc.address=localhost"])
        .in_pod_of(&job_manager)
        .start();
    task_manager.wait_until_ready(HEALTH);
    run_a_job(image, &job_manager);
    end(job_manager);
    wait_for("the TaskManager to notice", LONG, || {
        task_manager.get(HEALTH, "/readyz").filter(|(status, _)| *status == 503)
    });
    assert_eq!(task_manager.get(HEALTH, "/livez"), Some((200, "ok\n".to_owned())));
    end(task_manager);
}

#[test]
fn an_application_cluster_runs_the_job_of_flinks_class_as_any_user() {
    let Some(image) = Image::get() else { return };
    let class = "org.apache.flink.streaming.examples.wordcount.WordCount";
    let mut job_manager = image
        .container(&["standalone-job", "--job-classname", class, "-Dparallelism.default=2"])
        .user(12345, 0)
        .start();
    job_manager.wait_until_ready(REST);
    let task_manager = image
        .container(&["taskmanager"])
        .user(23456, 34567)
        .variable("JOB_MANAGER_RPC_ADDRESS", "localhost")
        .variable("TASK_MANAGER_NUMBER_OF_TASK_SLOTS", "2")
        .in_pod_of(&job_manager)
        .start();
    let status = job_manager.wait(LONG);
    assert_eq!(status.code(), Some(0), "{}", job_manager.output());
    wait_for_output(&task_manager, "(question,1)");
    end(task_manager);
}

#[test]
fn a_failed_job_and_a_missing_package_are_explained() {
    let Some(image) = Image::get() else { return };
    let jar = "local:///opt/flink/usrlib/none.jar";
    let mut job_manager = image.container(&["standalone-job", "--jars", jar]).start();
    let status = job_manager.wait(Duration::from_secs(60));
    assert_ne!(status.code(), Some(0));
    let output = job_manager.output();
    assert!(output.contains("/opt/flink/usrlib/none.jar"), "{output}");
}

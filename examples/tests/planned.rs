//! What the executable says a job is, asked by a manager.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers are part of the test")]

mod common;

use sciurus_rpc::PROTOCOL_VERSION;
use sciurus_rpc::proto::{JobInit, JobRole, from_job};
use sciurus_testkit::JobProcess;

/// Asks for a job's plan and returns the names and widths of its vertices.
#[track_caller]
fn plan(arguments: &[&str], parallelism: &str) -> Vec<(String, u64)> {
    let init = JobInit {
        protocol: PROTOCOL_VERSION,
        role: JobRole::Planner.into(),
        job_id: vec![1; 16].into(),
        configuration: [("parallelism.default".to_owned(), parallelism.to_owned())].into(),
        worker: None,
    };
    let mut process = JobProcess::start_as(&mut common::command(arguments), init);
    let Some(from_job::Message::Plan(plan)) = process.receive() else {
        panic!("{}", process.stderr())
    };
    assert_eq!(process.wait().code(), Some(0), "{}", process.stderr());
    let graph: serde_json::Value = serde_json::from_slice(&plan.job_graph).unwrap();
    let vertices = graph["vertices"].as_array().unwrap().iter();
    vertices
        .map(|vertex| {
            let name = vertex["name"].as_str().unwrap().to_owned();
            (name, vertex["parallelism"].as_u64().unwrap())
        })
        .collect()
}

#[test]
fn word_count_has_the_parallelism_that_it_is_submitted_with() {
    let vertices = plan(&["word_count"], "3");
    let widths: Vec<u64> = vertices.iter().map(|(_, parallelism)| *parallelism).collect();
    assert_eq!(widths, [3, 3], "{vertices:?}");
}

#[test]
fn what_the_arguments_say_wins() {
    let vertices = plan(&["WordCount", "-p", "2"], "3");
    assert!(vertices.iter().all(|(_, parallelism)| *parallelism == 2), "{vertices:?}");
}

#[test]
fn every_job_can_be_planned() {
    for job in [
        "word_count",
        "windowed_word_count",
        "session_windowing",
        "top_speed_windowing",
        "state_machine",
        "iot_alerts",
    ] {
        assert!(plan(&[job], "2").len() >= 2, "{job}");
    }
    assert!(!plan(&["socket_window_word_count", "--port", "9999"], "2").is_empty());
}

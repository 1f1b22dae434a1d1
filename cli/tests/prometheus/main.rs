//! What managers of real processes expose for Prometheus.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by unwrapping it"
)]

mod alerts;
mod exposed;
mod queries;
mod text;
mod tools;

use sciurus_harness::{Cluster, Executables, free_port};

/// A cluster that exposes its metrics.
struct Exposing {
    cluster: Cluster,
    job_manager: String,
    task_managers: Vec<String>,
}

/// Starts a cluster with further settings.
fn start(task_managers: usize, slots: u32, settings: &[&str]) -> Exposing {
    let executables = Executables::beside(env!("CARGO_BIN_EXE_sciurus"));
    let port = |port: u16| format!("metrics.reporter.prom.port={port}");
    let job_manager = free_port();
    let factory = "metrics.reporter.prom.factory.class=\
                   org.apache.flink.metrics.prometheus.PrometheusReporterFactory";
    let own = port(job_manager);
    let shared =
        ["metrics.reporters=prom", factory, "sciurus.metrics.report-interval=200 ms", &own];
    let mut cluster = Cluster::start(executables, 0, slots, &[&shared, settings].concat());
    let mut exposing = Vec::new();
    for _ in 0..task_managers {
        let free = free_port();
        cluster.add_task_manager_with(&[&port(free)]);
        exposing.push(format!("127.0.0.1:{free}"));
    }
    cluster.wait_for_task_managers(task_managers);
    Exposing { cluster, job_manager: format!("127.0.0.1:{job_manager}"), task_managers: exposing }
}

/// Asks for metrics as Prometheus does.
fn scrape(address: &str) -> String {
    let mut answer = ureq::get(format!("http://{address}/metrics")).call().unwrap();
    let format = answer.headers()["content-type"].to_str().unwrap();
    assert!(format.starts_with("text/plain; version=0.0.4"), "{format}");
    answer.body_mut().read_to_string().unwrap()
}

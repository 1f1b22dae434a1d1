//! Sciurus on a real Kubernetes cluster.
//!
//! A module for each topic lists its tests in a function `tests`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod charts;
mod cluster;
mod discovery;
mod failures;
mod lost_nodes;
mod operator;
mod session;
mod shell_pod;

use std::process::ExitCode;

fn main() -> ExitCode {
    let topics = [
        cluster::tests(),
        session::tests(),
        charts::tests(),
        discovery::tests(),
        failures::tests(),
        lost_nodes::tests(),
        operator::tests(),
    ];
    sciurus_e2e::run(topics.into_iter().flatten())
}

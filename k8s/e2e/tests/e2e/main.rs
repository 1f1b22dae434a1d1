//! Sciurus on a real Kubernetes cluster.
//!
//! A module for each topic lists its tests in a function `tests`.

mod cluster;

use std::process::ExitCode;

fn main() -> ExitCode {
    sciurus_e2e::run([cluster::tests()].into_iter().flatten())
}

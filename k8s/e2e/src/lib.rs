//! What tests on a real Kubernetes cluster share.
//!
//! [`Kubernetes`] is the cluster: the one that `KUBECONFIG` names, or else the test bed of
//! `k8s/testbed`, which [`run`] starts before the first test and ends after the last. A [`Namespace`]
//! is a test's own and is deleted with all that is in it; a [`PortForward`] reaches a Service.
//! What goes wrong here is a failure of the test, and panics.
//!
//! Tests install things and delete them, so nothing runs unless `SCIURUS_E2E` is set, as `make
//! k8s-test` does: a plain `cargo test` leaves a cluster alone, whatever `KUBECONFIG` says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::missing_panics_doc)]

mod command;
mod forward;
mod kubernetes;
mod namespace;
mod runner;
mod testbed;

pub use command::Output;
pub use forward::PortForward;
pub use kubernetes::{Kubernetes, LONG, wait_for};
pub use namespace::Namespace;
pub use runner::{Test, run};
pub use testbed::Testbed;

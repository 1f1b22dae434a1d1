//! Metrics under Flink's names, as whoever watches a cluster reads them.
//!
//! - [`Metrics`] are names and values, as the REST API lists them.
//! - [`task`] makes those of a task from what its worker reports.
//! - [`prometheus`] exposes metrics as Flink's `PrometheusReporter` does.
//! - [`catalog`] lists what is exposed.

pub mod catalog;
mod name;
pub mod prometheus;
pub mod task;
mod values;

pub use name::sanitized;
pub use values::{MetricBody, Metrics, Value};

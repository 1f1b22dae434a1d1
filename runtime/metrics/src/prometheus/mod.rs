//! Metrics as Flink's `PrometheusReporter` exposes them, so that dashboards and alerts made for
//! Flink find what they ask for.
//!
//! A metric's name is `flink_`, the names of its scope and its own, joined by `_`; the values of the
//! scope are labels. Counters, gauges and meters are gauges, since a task that is started anew
//! counts from 0; histograms are summaries. [`serve`] answers `GET /metrics`.

mod exposition;
mod listen;
mod options;
mod scope;
mod task;

pub use exposition::{Exposition, QUANTILES};
pub use listen::{ListenError, serve};
pub use options::ReporterOptions;
pub use scope::Scope;
pub use task::{add_task, task_scope};

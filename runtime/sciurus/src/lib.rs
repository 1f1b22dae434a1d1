//! Native Rust stream processing with the DataStream API of Apache Flink.
//!
//! A job is a program that describes streams and then executes them:
//!
//! ```
//! use sciurus::prelude::*;
//!
//! # fn main() -> Result<(), JobError> {
//! let env = StreamExecutionEnvironment::new();
//! let counts = env
//!     .from_elements(["to be or not", "to be"].map(str::to_owned))
//!     .flat_map::<(String, i64)>(|line, out| {
//!         for word in line.split(' ') {
//!             out.collect((word, 1));
//!         }
//!     })
//!     .key_by(F0)
//!     .sum(F1);
//! let updates: Result<Vec<_>, _> = counts.execute_and_collect("word count")?.collect();
//! let mut updates = updates?;
//! updates.sort();
//! assert_eq!(updates[0], ("be".to_owned(), 1));
//! # Ok(())
//! # }
//! ```
//!
//! - [`prelude`] has what jobs usually need.
//! - [`StreamExecutionEnvironment`] is where a job begins; it runs it in this process, with a
//!   thread for each subtask.
//! - [`stream`] has the streams and their transformations.
//! - [`Record`](trait@Record) is what streams are made of, by the derive macro of the same name for
//!   structs of your own.
//! - [`connectors`] has sources and sinks, and what it takes to write others.
//! - [`config`] has the settings, under Flink's keys.
//! - [`engine`] has what user functions implement and are given, and what operators of your own are
//!   made of.
//!
//! The folder `docs` of the repository explains the concepts, goes through the API and sets it next
//! to Flink's.

mod checkpoint_config;
mod embedded;
mod environment;
mod error;
mod graph_builder;
mod job_client;
pub mod job_metrics;
pub mod prelude;
mod process;
mod settings;
mod sources;
pub mod stream;
mod tasks;

pub use checkpoint_config::CheckpointConfig;
pub use environment::StreamExecutionEnvironment;
pub use error::JobError;
pub use job_client::{JobClient, JobExecutionResult};
pub use job_metrics::JobMetrics;
#[doc(no_inline)]
pub use sciurus_connectors as connectors;
#[doc(hidden)]
pub use sciurus_core::__private;
pub use sciurus_core::config::{self, Configuration};
pub use sciurus_core::{Batch, BoxError, Columns, Record};
pub use sciurus_derive::Record;
#[doc(no_inline)]
pub use sciurus_engine as engine;
pub use sciurus_engine::OutputTag;
pub use sciurus_job_master::JobStatus;

/// The code of the documentation's pages, compiled and run as documentation tests.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../../README.md")]
    mod readme {}

    #[doc = include_str!("../../../docs/quick-start.md")]
    mod quick_start {}

    #[doc = include_str!("../../../docs/jobs.md")]
    mod jobs {}

    #[doc = include_str!("../../../docs/connectors.md")]
    mod connectors {}

    #[doc = include_str!("../../../docs/metrics.md")]
    mod metrics {}

    #[doc = include_str!("../../../docs/migrating-from-flink.md")]
    mod migrating_from_flink {}
}

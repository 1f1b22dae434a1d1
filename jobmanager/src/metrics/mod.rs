//! What tasks count and what the JobManager itself shows.

mod book;
mod exposition;
mod process;

pub use book::MetricsBook;
pub use exposition::expose;
pub use process::ProcessMetrics;

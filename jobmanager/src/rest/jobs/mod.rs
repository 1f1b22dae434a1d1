//! `/jobs`: lists of jobs, and what is known of a whole job.

mod accumulators;
mod cancel;
mod config;
mod details;
mod exceptions;
mod execution_result;
mod io_metrics;
mod overview;
mod shortage;
mod statistics;
mod status;
mod submit;
mod times;

use sciurus_job_master::JobMaster;

pub use accumulators::{UserAccumulator, accumulators, user_accumulators};
pub use cancel::{cancel, yarn_cancel, yarn_stop};
pub use config::config;
pub use details::{JobPlanInfo, details, plan, state_counts};
pub use exceptions::{exceptions, stack_trace};
pub use execution_result::execution_result;
pub use io_metrics::{IoMetrics, IoStatistics};
pub use overview::{JobSummary, jobs, overview};
pub use statistics::Statistics;
pub use status::{client_heartbeat, coordinators, status};
pub use submit::submit;
pub use times::{NEVER, Span, StateDurations, TIMED_STATES, task_timestamps};

/// Returns what Flink calls a job's scheduler.
pub fn scheduler_type(master: &JobMaster) -> &'static str {
    if master.scheduler().adaptive().is_some() { "Adaptive" } else { "Default" }
}

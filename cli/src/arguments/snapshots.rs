//! Savepoints and checkpoints: what `stop`, `savepoint` and `checkpoint` are told.

use clap::{Args, ValueEnum};
use sciurus_core::ids::JobId;

use super::{Target, job_id};

/// Stops a job with a savepoint.
#[derive(Debug, Args)]
pub struct Stop {
    /// Where the savepoint goes [default: execution.checkpointing.savepoint-dir].
    #[arg(short = 'p', long = "savepointPath", value_name = "DIRECTORY")]
    pub savepoint_path: Option<String>,
    /// Lets the job finish all its windows and timers first.
    #[arg(short, long)]
    pub drain: bool,
    /// The savepoint's form.
    #[arg(long = "type", value_enum, ignore_case = true, default_value = "canonical")]
    pub format: SavepointFormat,
    /// The job's id.
    #[arg(value_name = "JOB", value_parser = job_id)]
    pub job: JobId,
    #[command(flatten)]
    pub target: Target,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SavepointFormat {
    Canonical,
    Native,
}

impl SavepointFormat {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Canonical => "CANONICAL",
            Self::Native => "NATIVE",
        }
    }
}

/// Takes a savepoint of a job, or disposes of one.
#[derive(Debug, Args)]
pub struct Savepoint {
    /// Deletes this savepoint.
    #[arg(short, long, value_name = "PATH", conflicts_with = "job")]
    pub dispose: Option<String>,
    /// Doesn't wait until the savepoint is complete.
    #[arg(long)]
    pub detached: bool,
    /// The savepoint's form.
    #[arg(long = "type", value_enum, ignore_case = true, default_value = "canonical")]
    pub format: SavepointFormat,
    /// The job's id.
    #[arg(value_name = "JOB", value_parser = job_id, required_unless_present = "dispose")]
    pub job: Option<JobId>,
    /// Where the savepoint goes [default: execution.checkpointing.savepoint-dir].
    #[arg(value_name = "DIRECTORY")]
    pub directory: Option<String>,
    #[command(flatten)]
    pub target: Target,
}

/// Takes a checkpoint of a job.
#[derive(Debug, Args)]
pub struct Checkpoint {
    /// Takes a full one, also where checkpoints are incremental.
    #[arg(long)]
    pub full: bool,
    /// The job's id.
    #[arg(value_name = "JOB", value_parser = job_id)]
    pub job: JobId,
    #[command(flatten)]
    pub target: Target,
}

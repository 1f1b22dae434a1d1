//! Savepoints and checkpoints: what `stop`, `savepoint` and `checkpoint` are told.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
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

/// Takes a savepoint of a job, disposes of one, or says what one holds.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Savepoint {
    #[command(subcommand)]
    pub action: Option<SavepointAction>,
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

#[derive(Debug, Subcommand)]
pub enum SavepointAction {
    Inspect(Inspect),
}

/// Says what a savepoint or checkpoint holds, without a cluster: operators, states, sizes, numbers
/// of keys.
#[derive(Debug, Args)]
pub struct Inspect {
    /// Its directory or its `_metadata`, as a path or an address.
    #[arg(value_name = "PATH")]
    pub path: String,
    /// Answers in JSON, for scripts.
    #[arg(long)]
    pub json: bool,
    /// A setting, as in -Ds3.endpoint=http://minio:9000.
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    pub properties: Vec<String>,
    /// The directory of config.yaml [default: `$FLINK_CONF_DIR`, `$FLINK_HOME/conf`,
    /// /opt/flink/conf, or ./conf].
    #[arg(long = "configDir", visible_alias = "config-dir", value_name = "DIRECTORY")]
    pub config_dir: Option<PathBuf>,
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

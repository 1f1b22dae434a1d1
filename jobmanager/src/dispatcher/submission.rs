//! What is asked of the dispatcher, and why it may refuse.

use std::path::PathBuf;

use sciurus_core::config::{ConfigError, Configuration};
use sciurus_core::graph::JobGraph;
use sciurus_core::ids::{JobId, ParseHexIdError};
use sciurus_job_master::JobStatus;
use sciurus_job_master::failure::{FailureCause, Fault};
use sciurus_job_master::restart::RestartSettingsError;
use sciurus_package::PackageError;

use crate::blobs::BlobError;
use crate::coordinator::CoordinatorError;
use crate::ha::HaError;
use crate::job::CheckpointSetupError;

/// Names a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackageRef {
    /// One that was uploaded, by its id.
    Uploaded(String),
    /// A file of this machine: a package or an executable.
    Path(PathBuf),
}

/// A job to be run.
#[derive(Clone, Debug)]
pub struct JobSubmission {
    /// Where it is.
    pub package: PackageRef,
    /// Which job of the package; without it the one that the package names.
    pub entry: Option<String>,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// What is set for it, on top of the cluster's configuration.
    pub configuration: Configuration,
    /// Its id, where it is to have a certain one.
    pub job_id: Option<JobId>,
}

/// A job as its `main` describes it.
#[derive(Clone, Debug)]
pub struct PlannedJob {
    /// Its graph.
    pub graph: JobGraph,
    /// Its whole configuration.
    pub configuration: Configuration,
}

/// Says why a job was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// There is no such package.
    #[error("there is no package {0}; it may have been deleted")]
    UnknownPackage(String),
    /// The package can't be run.
    #[error("{name}: {error}")]
    Package {
        /// Its name.
        name: String,
        /// What is wrong with it.
        error: PackageError,
    },
    /// The package has no such job.
    #[error("the package {package} has no job '{entry}'; it has {}", entries.join(", "))]
    UnknownEntry {
        /// The package's name.
        package: String,
        /// The job that was asked for.
        entry: String,
        /// Those that there are.
        entries: Vec<String>,
    },
    /// The id that the job is to have is none.
    #[error("'{text}' can't be the id of a job: {error}")]
    JobId {
        /// The text.
        text: String,
        /// What is wrong with it.
        error: ParseHexIdError,
    },
    /// There is such a job already.
    #[error("there is a job {0} already")]
    DuplicateJob(JobId),
    /// A setting can't be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The settings of the restart strategy can't be used.
    #[error(transparent)]
    Restart(#[from] RestartSettingsError),
    /// The job's `main` has not said what the job is.
    #[error(transparent)]
    Main(#[from] CoordinatorError),
    /// The job can't have its checkpoints, or not start from one.
    #[error(transparent)]
    Checkpoints(#[from] CheckpointSetupError),
    /// The package can't be kept.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The job can't be kept.
    #[error(transparent)]
    Ha(#[from] HaError),
    /// The JobManager stops.
    #[error("the JobManager is stopping and takes no more jobs")]
    ShuttingDown,
}

impl SubmitError {
    /// Says whether the same submission may be accepted a moment later, as far as one can know.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Main(error) => matches!(
                error,
                CoordinatorError::Start { .. }
                    | CoordinatorError::Timeout { .. }
                    | CoordinatorError::Ended { .. }
            ),
            Self::Package { error, .. } => !error.is_of_package(),
            Self::Checkpoints(error) => error.may_pass(),
            Self::Blob(_) | Self::Ha(_) => true,
            _ => false,
        }
    }

    /// Describes the error as the failure of a job.
    pub(crate) fn to_cause(&self) -> FailureCause {
        match self {
            Self::Main(error) => error.to_cause(),
            error => {
                let is_of_submission = error.is_of_submission();
                let fault = if is_of_submission { Fault::User } else { Fault::Environment };
                FailureCause::new(fault, "NotAccepted", error.to_string())
            }
        }
    }

    /// Says whether whoever submits is at fault, rather than the cluster.
    pub fn is_of_submission(&self) -> bool {
        match self {
            Self::UnknownPackage(_)
            | Self::UnknownEntry { .. }
            | Self::JobId { .. }
            | Self::DuplicateJob(_)
            | Self::Config(_)
            | Self::Restart(_) => true,
            Self::Package { error, .. } => error.is_of_package(),
            Self::Checkpoints(error) => error.is_of_submission(),
            Self::Main(error) => !matches!(error, CoordinatorError::Start { .. }),
            Self::Blob(_) | Self::Ha(_) | Self::ShuttingDown => false,
        }
    }
}

/// Says why a job can't be cancelled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CancelError {
    /// There is no such job.
    #[error("there is no job {0}; it may have ended long ago")]
    NotFound(JobId),
    /// It has ended.
    #[error("job {job} has ended already: it is {status}")]
    AlreadyTerminal {
        /// The job.
        job: JobId,
        /// How it ended.
        status: JobStatus,
    },
}

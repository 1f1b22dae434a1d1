//! What can go wrong with a command.

use std::io;
use std::path::PathBuf;

use sciurus_core::config::ConfigError;
use sciurus_core::config::load::LoadError;
use sciurus_core::ids::JobId;

use crate::commands::InspectError;
use crate::local::LocalError;
use crate::process::ProcessError;
use crate::rest::RestError;

/// Says why a command failed and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration can't be used.
    #[error(transparent)]
    Configuration(#[from] LoadError),
    /// One setting can't be used.
    #[error(transparent)]
    Setting(#[from] ConfigError),
    /// A question to the `JobManager` failed.
    #[error(transparent)]
    Rest(#[from] RestError),
    /// Something about the cluster on this machine.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// A manager could not be run.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A checkpoint can't be looked into.
    #[error(transparent)]
    Inspect(#[from] Box<InspectError>),
    /// A package could not be made.
    #[error(transparent)]
    Package(#[from] sciurus_package::PackageError),
    /// A file can't be part of a package.
    #[error("{}: {source}", path.display())]
    Executable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: sciurus_package::PackageError,
    },
    /// A file of the user's can't be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The job to run isn't there.
    #[error("JAR file does not exist: {}", path.display())]
    NoPackage {
        /// The file.
        path: PathBuf,
    },
    /// The job to run is no file.
    #[error(
        "{} is a directory: name a job's executable, or a package that 'sciurus package' makes",
        path.display()
    )]
    NotAFile {
        /// The directory.
        path: PathBuf,
    },
    /// An answer can't be written to the standard output.
    #[error("cannot write to the standard output: {source}")]
    Output {
        /// What the operating system says.
        source: io::Error,
    },
    /// The job that a command waited for failed.
    #[error("Job failed (JobID: {job}): {reason}")]
    JobFailed {
        /// The job.
        job: JobId,
        /// Why, in as many lines as the `JobManager` told.
        reason: String,
    },
    /// The job that a command waited for was cancelled.
    #[error("Job was cancelled (JobID: {job})")]
    JobCancelled {
        /// The job.
        job: JobId,
    },
    /// What the `JobManager` was asked to do in the background failed.
    #[error("{what}: {reason}")]
    Operation {
        /// What did not succeed.
        what: String,
        /// Why.
        reason: String,
    },
    /// What the `JobManager` was asked to do in the background took too long.
    #[error(
        "{what}: no answer within {seconds} s; the JobManager may still be at it: ask again, or \
         raise client.timeout"
    )]
    OperationTimeout {
        /// What did not succeed.
        what: String,
        /// How long the command waited.
        seconds: u64,
    },
    /// The job's arguments lack its id.
    #[error("Missing JobID. Specify a JobID to cancel a job.")]
    MissingJob,
    /// The job has no such vertex.
    #[error("job {job} has no vertex '{vertex}'; it has {}", vertices.join(", "))]
    UnknownVertex {
        /// The job.
        job: JobId,
        /// The name or id that was given.
        vertex: String,
        /// Those that there are, quoted.
        vertices: Vec<String>,
    },
    /// Several vertices of the job have this name.
    #[error("job {job} has {count} vertices called '{vertex}': give the id of one instead")]
    AmbiguousVertex {
        /// The job.
        job: JobId,
        /// The name that was given.
        vertex: String,
        /// How many have it.
        count: usize,
    },
    /// The `JobManager` knows no process of this job.
    #[error(
        "there are no logs of job {job}: 'sciurus list -a' shows the jobs that the JobManager knows"
    )]
    NoLogs {
        /// The job.
        job: JobId,
    },
}

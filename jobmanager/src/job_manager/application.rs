//! A cluster for one job.

use std::path::{Path, PathBuf};

use sciurus_core::config::Configuration;
use sciurus_core::config::options::client;
use sciurus_core::ids::JobId;
use sciurus_job_master::JobStatus;
use sciurus_job_master::failure::{FailureCause, Fault};
use sciurus_package::{PackageInfo, inspect};

use crate::dispatcher::{Dispatcher, JobSubmission, PackageRef, SubmitError};

/// The id of the one job where none is given: what Flink takes.
const DEFAULT_JOB_ID: JobId = JobId::from_bytes([0; 16]);

/// How the cluster's one job ended: Flink's `ApplicationStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplicationStatus {
    /// It finished, or the cluster was asked to stop.
    Succeeded,
    /// It failed.
    Failed,
    /// It was cancelled.
    Canceled,
    /// Nobody knows.
    Unknown,
}

impl ApplicationStatus {
    /// Returns the exit code that Flink's process has then; of 1443 and 1445 a shell sees the lower
    /// eight bits, as it does of Flink's.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Succeeded | Self::Canceled => 0,
            Self::Failed => (1443 % 256) as u8,
            Self::Unknown => (1445 % 256) as u8,
        }
    }
}

impl From<JobStatus> for ApplicationStatus {
    fn from(status: JobStatus) -> Self {
        match status {
            JobStatus::Finished => Self::Succeeded,
            JobStatus::Failed => Self::Failed,
            JobStatus::Canceled => Self::Canceled,
            _ => Self::Unknown,
        }
    }
}

/// The one job of a cluster.
#[derive(Clone, Debug)]
pub struct Application {
    /// Where its package is.
    pub source: ApplicationSource,
    /// Which job of the package.
    pub entry: Option<String>,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its id; without it Flink's default for such clusters, 32 zeros.
    pub job_id: Option<JobId>,
}

/// Where the package of the one job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplicationSource {
    /// A package or executable.
    Path(PathBuf),
    /// The package that has the job, in the first of these directories that has one.
    Directories(Vec<PathBuf>),
}

/// Says why the one job can't be found.
#[derive(Debug, thiserror::Error)]
pub enum ApplicationError {
    /// None of the directories has it.
    #[error(
        "no package with {} is in {}{}; name one by --jars or pipeline.jars",
        wanted(entry.as_deref()),
        paths(directories),
        found(packages)
    )]
    NotFound {
        /// The job that was looked for.
        entry: Option<String>,
        /// Where.
        directories: Vec<PathBuf>,
        /// The packages that are there.
        packages: Vec<String>,
    },
    /// It is not said which of several packages is meant.
    #[error(
        "there are several packages in {}: {}; say which job is meant, by --job-classname",
        directory.display(), packages.join(", ")
    )]
    Ambiguous {
        /// The directory.
        directory: PathBuf,
        /// The packages.
        packages: Vec<String>,
    },
}

fn wanted(entry: Option<&str>) -> String {
    entry.map_or_else(|| "a job".to_owned(), |entry| format!("the job '{entry}'"))
}

fn paths(directories: &[PathBuf]) -> String {
    let names: Vec<_> = directories.iter().map(|path| path.display().to_string()).collect();
    names.join(", ")
}

fn found(packages: &[String]) -> String {
    if packages.is_empty() {
        String::new()
    } else {
        format!("; what is there: {}", packages.join(", "))
    }
}

/// The one job, found.
pub(super) struct FoundApplication {
    package: PathBuf,
    entry: Option<String>,
    arguments: Vec<String>,
    job_id: JobId,
    stops_with_job: bool,
    shows_failure: bool,
}

impl Application {
    pub(super) fn find(
        self,
        configuration: &Configuration,
    ) -> Result<FoundApplication, super::StartError> {
        let (package, entry) = match self.source {
            ApplicationSource::Path(path) => (path, self.entry),
            ApplicationSource::Directories(directories) => find_package(directories, self.entry)?,
        };
        Ok(FoundApplication {
            package,
            entry,
            arguments: self.arguments,
            job_id: self.job_id.unwrap_or(DEFAULT_JOB_ID),
            stops_with_job: configuration.get(&client::SHUTDOWN_ON_APPLICATION_FINISH)?,
            shows_failure: configuration.get(&client::SUBMIT_FAILED_JOB_ON_APPLICATION_ERROR)?,
        })
    }
}

/// Finds the package that has a job, and what the job is called there: where the name is the
/// package's or its file's own, the package knows best what to run.
fn find_package(
    directories: Vec<PathBuf>,
    entry: Option<String>,
) -> Result<(PathBuf, Option<String>), ApplicationError> {
    let mut seen = Vec::new();
    for directory in &directories {
        let packages = packages_in(directory);
        seen.extend(packages.iter().map(|(path, _)| path.display().to_string()));
        let Some(entry) = &entry else {
            match packages.as_slice() {
                [] => continue,
                [(path, _)] => return Ok((path.clone(), None)),
                several => {
                    let packages = several.iter().map(|(path, _)| file_name(path)).collect();
                    let directory = directory.clone();
                    return Err(ApplicationError::Ambiguous { directory, packages });
                }
            }
        };
        if let Some((path, _)) = packages.iter().find(|(_, info)| info.entries.contains(entry)) {
            return Ok((path.clone(), Some(entry.clone())));
        }
        let is_named = |(path, info): &&(PathBuf, PackageInfo)| {
            let stem = path.file_stem().unwrap_or_default();
            info.name == *entry || file_name(path) == *entry || stem == entry.as_str()
        };
        if let Some((path, _)) = packages.iter().find(is_named) {
            return Ok((path.clone(), None));
        }
    }
    Err(ApplicationError::NotFound { entry, directories, packages: seen })
}

fn packages_in(directory: &Path) -> Vec<(PathBuf, PackageInfo)> {
    let files = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut packages: Vec<_> = files
        .map(|file| file.path())
        .filter(|path| path.is_file())
        // What is no package isn't meant.
        .filter_map(|path| inspect(&path).ok().map(|info| (path, info)))
        .collect();
    packages.sort_by(|(a, _), (b, _)| a.cmp(b));
    packages
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

impl FoundApplication {
    /// Runs the job, and has the cluster stop after it where it is to.
    pub(super) async fn run(self, dispatcher: &Dispatcher) {
        let id = self.job_id;
        let name = file_name(&self.package);
        let submission = JobSubmission {
            package: PackageRef::Path(self.package),
            entry: self.entry,
            arguments: self.arguments,
            configuration: Configuration::new(),
            job_id: Some(id),
        };
        let status = match dispatcher.submit(submission).await {
            // An earlier JobManager had accepted it, and it runs again already.
            Ok(_) | Err(SubmitError::DuplicateJob(_)) => match dispatcher.job(id) {
                Some(job) => job.ended().await.into(),
                None => ApplicationStatus::Unknown,
            },
            Err(error) => {
                tracing::error!("the job of {name} can't be run: {error}");
                if self.shows_failure {
                    let cause = match &error {
                        SubmitError::Main(error) => error.to_cause(),
                        _ => FailureCause::new(Fault::User, "ApplicationError", error.to_string()),
                    };
                    dispatcher.show_failed(id, &name, cause);
                }
                ApplicationStatus::Failed
            }
        };
        if self.stops_with_job {
            dispatcher.stop_with(status);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn executable(directory: &Path, name: &str) -> PathBuf {
        let path = directory.join(name);
        std::fs::copy(std::env::current_exe().unwrap(), &path).unwrap();
        path
    }

    #[test]
    fn the_only_package_or_the_one_of_the_name_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let [usrlib, lib] = ["usrlib", "lib"].map(|name| directory.path().join(name));
        std::fs::create_dir_all(&lib).unwrap();
        let directories = || vec![usrlib.clone(), lib.clone()];
        let error = find_package(directories(), None).unwrap_err().to_string();
        assert!(error.starts_with("no package with a job is in "), "{error}");
        let first = executable(&lib, "first");
        std::fs::write(lib.join("notes.txt"), "no package").unwrap();
        assert_eq!(find_package(directories(), None).unwrap(), (first.clone(), None));
        executable(&lib, "second.jar");
        let error = find_package(directories(), None).unwrap_err().to_string();
        assert!(error.contains("first, second.jar; say which job is meant"), "{error}");
        let found = find_package(directories(), Some("second".to_owned())).unwrap();
        assert_eq!(found, (lib.join("second.jar"), None));
        let error = find_package(directories(), Some("third".to_owned())).unwrap_err();
        assert!(error.to_string().contains("the job 'third'"), "{error}");
    }

    #[test]
    fn exit_codes_are_flink_s_as_a_shell_sees_them() {
        assert_eq!(ApplicationStatus::from(JobStatus::Finished).exit_code(), 0);
        assert_eq!(ApplicationStatus::from(JobStatus::Failed).exit_code(), 163);
        assert_eq!(ApplicationStatus::from(JobStatus::Canceled).exit_code(), 0);
    }
}

//! Knows the jobs: accepts, finds and cancels them. What the REST API and clients ask.

mod accept;
mod archive;
mod ended;
mod submission;

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use sciurus_core::clock::{Clock, SystemClock};
use sciurus_core::config::Configuration;
use sciurus_core::ids::{JobId, LeaderId, TaskManagerId};
use sciurus_core::time::Timestamp;
use sciurus_job_master::JobStatus;
use sciurus_logging::{LevelError, Levels, parse_levels};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::blobs::BlobStore;
use crate::ha::HaStore;
use crate::inbox::JobEvent;
use crate::job::{Job, JobServices};
use crate::job_manager::ApplicationStatus;
use crate::metrics::ProcessMetrics;
use crate::packages::PackageStore;
use crate::resource_manager::SlotCounts;
use crate::settings::Settings;
use crate::task_managers::{FileError, FileRequest, FileStream, LogFile, TaskManagerInfo};
use archive::JobTable;

pub use submission::{CancelError, JobSubmission, PackageRef, PlannedJob, SubmitError};

/// Knows the jobs and what they run on. Clones are the same.
#[derive(Clone)]
pub struct Dispatcher(Arc<Inner>);

struct Inner {
    configuration: Configuration,
    settings: Settings,
    started_at: Timestamp,
    services: JobServices,
    blobs: Arc<BlobStore>,
    packages: PackageStore,
    ha: Option<HaStore>,
    log_dir: PathBuf,
    levels: Option<Levels>,
    jobs: Mutex<JobTable<Arc<Job>>>,
    /// Jobs that are about to be accepted.
    accepting: Mutex<HashSet<JobId>>,
    /// Jobs that were cancelled before they were run again.
    cancelled_early: Mutex<HashSet<JobId>>,
    /// Cancelled once no more jobs are taken.
    closing: CancellationToken,
    shutdown: watch::Sender<Option<ApplicationStatus>>,
    process: ProcessMetrics,
}

/// What a dispatcher is made of.
pub(crate) struct DispatcherParts {
    pub(crate) configuration: Configuration,
    pub(crate) settings: Settings,
    pub(crate) services: JobServices,
    pub(crate) blobs: Arc<BlobStore>,
    pub(crate) packages: PackageStore,
    pub(crate) ha: Option<HaStore>,
    pub(crate) log_dir: PathBuf,
    pub(crate) levels: Option<Levels>,
}

impl Dispatcher {
    pub(crate) fn new(parts: DispatcherParts) -> Self {
        let DispatcherParts {
            configuration,
            settings,
            services,
            blobs,
            packages,
            ha,
            log_dir,
            levels,
        } = parts;
        let jobs = JobTable::new(settings.archive_capacity, settings.archive_expiration);
        Self(Arc::new(Inner {
            configuration,
            settings,
            started_at: SystemClock.now(),
            services,
            blobs,
            packages,
            ha,
            log_dir,
            levels,
            jobs: Mutex::new(jobs),
            accepting: Mutex::default(),
            cancelled_early: Mutex::default(),
            closing: CancellationToken::new(),
            shutdown: watch::Sender::new(None),
            process: ProcessMetrics::default(),
        }))
    }

    /// Returns the cluster's configuration.
    pub fn configuration(&self) -> &Configuration {
        &self.0.configuration
    }

    /// Returns what was read off the configuration.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Returns when the JobManager started, milliseconds since the epoch.
    pub fn started_at(&self) -> Timestamp {
        self.0.started_at
    }

    /// Returns the id of this life of the JobManager.
    pub fn leader_id(&self) -> LeaderId {
        self.0.services.task_managers.leader()
    }

    /// Returns all jobs that run or have ended not long ago.
    pub fn jobs(&self) -> Vec<Arc<Job>> {
        self.expire();
        self.0.jobs.lock().all()
    }

    /// Returns a job that runs or has ended not long ago.
    pub fn job(&self, id: JobId) -> Option<Arc<Job>> {
        self.expire();
        self.0.jobs.lock().get(id)
    }

    /// Forgets the jobs that ended too long ago, and what they have printed.
    fn expire(&self) {
        let expired = self.0.jobs.lock().expire(SystemClock.now());
        for job in expired {
            let _ = std::fs::remove_file(job.coordinator_log());
        }
    }

    /// Asks a job to stop; the job's status tells when it has.
    ///
    /// # Errors
    /// [`CancelError`] where there is no such job, or it has ended.
    pub fn cancel(&self, id: JobId) -> Result<(), CancelError> {
        let job = self.job(id).ok_or(CancelError::NotFound(id))?;
        let status = job.status();
        if status.is_terminal() {
            return Err(CancelError::AlreadyTerminal { job: id, status });
        }
        if status == JobStatus::Initializing {
            // A job that was found again may not run yet: it hears of it as soon as it does.
            self.0.cancelled_early.lock().insert(id);
            if self.0.services.ports.get(id).is_none() {
                return Ok(());
            }
            self.0.cancelled_early.lock().remove(&id);
        }
        match self.0.services.ports.get(id) {
            Some(port) => port.inbox.tell(JobEvent::CancelRequested),
            // It has ended this very moment.
            None => job.cancel(),
        }
        Ok(())
    }

    /// Returns all TaskManagers that are registered.
    pub fn task_managers(&self) -> Vec<TaskManagerInfo> {
        self.0.services.task_managers.list()
    }

    /// Returns a TaskManager that is registered.
    pub fn task_manager(&self, id: &TaskManagerId) -> Option<TaskManagerInfo> {
        self.0.services.task_managers.get(id)
    }

    /// Returns how many slots there are.
    pub fn slots(&self) -> SlotCounts {
        self.0.services.resources.counts()
    }

    /// Lists a TaskManager's files.
    ///
    /// # Errors
    /// [`FileError`] where it is lost or doesn't answer.
    pub async fn list_files(
        &self,
        task_manager: &TaskManagerId,
    ) -> Result<Vec<LogFile>, FileError> {
        self.0.services.task_managers.list_files(task_manager).await
    }

    /// Reads a TaskManager's file.
    ///
    /// # Errors
    /// [`FileError`] where it is lost, doesn't answer or has no such file.
    pub async fn read_file(
        &self,
        task_manager: &TaskManagerId,
        file: &FileRequest,
    ) -> Result<FileStream, FileError> {
        self.0.services.task_managers.read_file(task_manager, file).await
    }

    /// Returns what the JobManager logs; `None` where that can't be told.
    pub fn log_level(&self) -> Option<String> {
        self.0.levels.as_ref().map(Levels::current)
    }

    /// Changes what the JobManager, all TaskManagers and all processes of jobs log: those that are
    /// there, and those that come.
    ///
    /// # Errors
    /// [`LevelError`] where the text makes no sense; nothing changes then.
    pub fn set_log_level(&self, directives: &str) -> Result<(), LevelError> {
        match &self.0.levels {
            Some(levels) => levels.set(directives)?,
            None => drop(parse_levels(directives)?),
        }
        tracing::info!("changed what is logged to {directives}");
        self.0.services.task_managers.set_log_level(directives);
        Ok(())
    }

    /// Returns the uploaded packages.
    pub fn packages(&self) -> &PackageStore {
        &self.0.packages
    }

    /// Returns the directory of the logs.
    pub fn log_dir(&self) -> &std::path::Path {
        &self.0.log_dir
    }

    /// Returns the JobManager's metrics by Flink's names.
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let mut gauges = self.0.process.gauges(self.0.settings.memory_bytes);
        let slots = self.slots();
        let running = self.jobs().iter().filter(|job| job.status() == JobStatus::Running).count();
        let own = [
            ("taskSlotsTotal", f64::from(slots.total)),
            ("taskSlotsAvailable", f64::from(slots.available)),
            ("numRegisteredTaskManagers", self.0.services.task_managers.len() as f64),
            ("numRunningJobs", running as f64),
        ];
        gauges.extend(own.map(|(name, value)| (name.to_owned(), value)));
        gauges
    }

    /// Asks the whole cluster to stop, as `DELETE /cluster` does.
    pub fn request_shutdown(&self) {
        self.stop_with(ApplicationStatus::Succeeded);
    }

    /// Tells whether the cluster stops, or has been asked to.
    pub(crate) fn is_closing(&self) -> bool {
        self.0.closing.is_cancelled() || self.0.shutdown.borrow().is_some()
    }

    pub(crate) fn stop_with(&self, status: ApplicationStatus) {
        self.0.shutdown.send_if_modified(|asked| {
            let is_first = asked.is_none();
            asked.get_or_insert(status);
            is_first
        });
    }

    /// Waits until the cluster is asked to stop.
    pub(crate) async fn shutdown_requested(&self) -> ApplicationStatus {
        let mut asked = self.0.shutdown.subscribe();
        match asked.wait_for(Option::is_some).await {
            Ok(status) => status.unwrap_or(ApplicationStatus::Unknown),
            // The sender is this value's own.
            Err(_) => ApplicationStatus::Unknown,
        }
    }

    /// Takes no more jobs, and gives up those that run.
    pub(crate) async fn close(&self) {
        self.0.closing.cancel();
        let jobs = self.jobs();
        for job in &jobs {
            job.suspend();
        }
        for job in jobs {
            // Nobody runs a job yet that was found again and not reached so far.
            let is_run = self.0.services.ports.get(job.id()).is_some();
            if is_run || job.status() != JobStatus::Initializing {
                job.ended().await;
            }
        }
    }
}

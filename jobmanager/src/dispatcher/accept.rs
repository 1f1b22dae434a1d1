//! From a submission to a job that runs.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sciurus_core::clock::{Clock, SystemClock};
use sciurus_core::config::Configuration;
use sciurus_core::config::options::cluster;
use sciurus_core::graph::{JobGraph, JobType};
use sciurus_core::ids::{ExecutionGraphId, JobId};
use sciurus_core::time::Timestamp;
use sciurus_job_master::failure::FailureCause;
use sciurus_job_master::rescale::Scheduler;
use sciurus_job_master::restart::{NoRestart, RestartStrategy, RestartStrategySettings};
use sciurus_job_master::{Event, JobMaster, JobMasterOptions, JobStatus};
use sciurus_package::{
    ExtractOptions, PackageError, PackageInfo, PackageKind, Platform, extract, inspect,
};
use tracing::Instrument;

use super::{Dispatcher, JobSubmission, PackageRef, PlannedJob, SubmitError};
use crate::blobs::Blob;
use crate::coordinator::{Coordinator, Executable, Part, Plan, launch};
use crate::ha::StoredJob;
use crate::inbox::{Inbox, Letters};
use crate::job::{
    CheckpointSetup, Job, JobCheckpoints, JobServices, Runner, Submitted, WorkerPackage,
    coordinator_log,
};
use crate::packages::blocking;

/// The key by which Flink's operator says which id the job is to have.
const JOB_ID_KEY: &str = "$internal.pipeline.job-id";

/// How often it is tried to run a job again that an earlier JobManager had accepted, and the pause
/// between two tries.
const RECOVERY_TRIES: u32 = 4;
const RECOVERY_PAUSE: Duration = Duration::from_secs(1);

/// A submission whose package is there.
struct Prepared {
    blob: Blob,
    executable: Executable,
    entry: Option<String>,
    arguments: Vec<String>,
}

/// A job that is accepted and about to run.
struct Accepted {
    plan: Plan,
    coordinator: Option<Coordinator>,
    restart_strategy: Box<dyn RestartStrategy>,
    checkpoints: CheckpointSetup,
    scheduler: Scheduler,
    submitted: Submitted,
    prepared: Prepared,
    inbox: Inbox,
    letters: Letters,
    services: JobServices,
}

/// Keeps others from taking the same id meanwhile.
struct Reserved<'a> {
    id: JobId,
    accepting: &'a Mutex<HashSet<JobId>>,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.accepting.lock().remove(&self.id);
    }
}

impl Dispatcher {
    /// Accepts a job: it runs, or waits for slots, once this returns. Goes on where whoever asked
    /// has gone away.
    ///
    /// # Errors
    /// [`SubmitError`] where the job can't be run.
    pub async fn submit(&self, submission: JobSubmission) -> Result<JobId, SubmitError> {
        let dispatcher = self.clone();
        let accept = async move {
            let accept = dispatcher.accept(submission, SystemClock.now(), None);
            tokio::select! {
                accepted = accept => accepted,
                () = dispatcher.0.closing.cancelled() => Err(SubmitError::ShuttingDown),
            }
        };
        match self.0.services.tasks.spawn(accept).await {
            Ok(accepted) => accepted,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(SubmitError::ShuttingDown),
            },
        }
    }

    /// Asks a job's `main` what the job is, without running it.
    ///
    /// # Errors
    /// [`SubmitError`] where the job couldn't be run either.
    pub async fn plan(&self, submission: JobSubmission) -> Result<PlannedJob, SubmitError> {
        let id = submission.job_id.unwrap_or_else(JobId::random);
        let prepared = self.prepare(submission, id).await?;
        let (inbox, _letters) = Inbox::new();
        let tasks = &self.0.services.tasks;
        let (plan, _) = launch(&prepared.executable, Part::Planner, 0, inbox, tasks).await?;
        // Nothing of it will run.
        let _ = tokio::fs::remove_file(&prepared.executable.log).await;
        let Plan { graph, configuration } = plan;
        Ok(PlannedJob { graph, configuration })
    }

    /// Finds the jobs that were accepted by an earlier JobManager, and shows them from now on.
    pub(crate) async fn find_stored(&self) -> Vec<(StoredJob, PathBuf)> {
        let Some(ha) = self.0.ha.clone() else { return Vec::new() };
        let found = blocking(move || ha.load()).await;
        for (stored, _) in &found {
            let job = self.unknown_job(stored.id, &stored.package, |_| ());
            self.0.jobs.lock().insert(stored.id, job);
        }
        found
    }

    /// Runs the jobs again that were found, one after the other, until the JobManager stops.
    pub(crate) async fn recover(&self, found: Vec<(StoredJob, PathBuf)>) {
        let all = async {
            for (stored, package) in found {
                self.recover_job(stored, package).await;
            }
        };
        tokio::select! {
            biased;
            () = self.0.closing.cancelled() => {}
            () = all => {}
        }
    }

    async fn recover_job(&self, stored: StoredJob, package: PathBuf) {
        let (id, name) = (stored.id, stored.package.clone());
        tracing::info!(job = %id, "the job was accepted by an earlier JobManager: it runs again");
        let submission = JobSubmission {
            package: PackageRef::Path(package),
            entry: stored.entry.clone(),
            arguments: stored.arguments.clone(),
            configuration: stored.configuration.clone(),
            job_id: Some(id),
        };
        for tries_left in (0..RECOVERY_TRIES).rev() {
            let (submission, submitted_at) = (submission.clone(), stored.submitted_at);
            let error = match self.accept(submission, submitted_at, Some(stored.clone())).await {
                Ok(_) => {
                    if self.0.cancelled_early.lock().remove(&id) {
                        let _ = self.cancel(id);
                    }
                    return;
                }
                Err(SubmitError::ShuttingDown) => return,
                Err(error) => error,
            };
            // What has nothing to do with the program may pass, and it was accepted once.
            if tries_left > 0 && error.may_pass() {
                tracing::warn!(job = %id, "a job of {name} can't be run again yet: {error}");
                tokio::time::sleep(RECOVERY_PAUSE).await;
                continue;
            }
            tracing::error!(job = %id, "a job of {name} can't be run again: {error}");
            self.0.cancelled_early.lock().remove(&id);
            // Whoever waits for it is to see what became of it.
            self.show_failed(id, &name, error.to_cause());
            // Where the cluster is at fault the next JobManager tries again.
            if error.is_of_submission() {
                self.forget(id).await;
            }
            return;
        }
    }

    /// Shows a job that failed before anybody knew what it is.
    pub(crate) fn show_failed(&self, id: JobId, name: &str, cause: FailureCause) {
        let now = SystemClock.now();
        let job = self.unknown_job(id, name, |master| {
            master.handle(Event::GlobalFailure(cause), now);
        });
        let mut jobs = self.0.jobs.lock();
        if let Some(earlier) = jobs.get(id) {
            earlier.follow(&job);
        }
        jobs.insert(id, job);
        jobs.end(id, now);
    }

    /// Makes a job of which nobody knows yet what it is.
    fn unknown_job(&self, id: JobId, name: &str, prepare: impl FnOnce(&mut JobMaster)) -> Arc<Job> {
        let graph = JobGraph {
            job_name: name.to_owned(),
            job_type: JobType::Streaming,
            vertices: Vec::new(),
            edges: Vec::new(),
        };
        let now = SystemClock.now();
        let options = JobMasterOptions::default();
        let mut master = JobMaster::new(id, graph, Box::new(NoRestart), options, now);
        prepare(&mut master);
        let submitted =
            Submitted { package: name.to_owned(), entry: None, arguments: Vec::new(), at: now };
        let (inbox, _letters) = Inbox::new();
        let log = coordinator_log(&self.0.log_dir, id);
        let configuration = self.0.configuration.clone();
        let resources = self.0.services.resources.clone();
        Arc::new(Job::new(master, submitted, configuration, log, inbox, resources))
    }

    async fn accept(
        &self,
        submission: JobSubmission,
        submitted_at: Timestamp,
        stored: Option<StoredJob>,
    ) -> Result<JobId, SubmitError> {
        let id = submission.job_id.map_or_else(|| job_id(&submission.configuration), Ok)?;
        let _reserved = self.reserve(id, stored.is_some())?;
        let to_store = submission.clone();
        let prepared = self.prepare(submission, id).await?;
        let name = match &stored {
            Some(stored) => stored.package.clone(),
            None => file_name(prepared.blob.path()),
        };
        let (inbox, letters) = Inbox::new();
        let tasks = &self.0.services.tasks;
        let (plan, coordinator) =
            launch(&prepared.executable, Part::Coordinator, 1, inbox.clone(), tasks).await?;
        let checkpoints = {
            let (configuration, ha) = (plan.configuration.clone(), self.0.ha.clone());
            let tmp_dir = self.0.settings.tmp_dir.clone();
            let is_found = stored.is_some();
            let read =
                move || CheckpointSetup::read(&configuration, id, ha.as_ref(), is_found, &tmp_dir);
            blocking(read).await?
        };
        checkpoints.check(&plan.graph)?;
        let scheduler = Scheduler::from_configuration(&plan.configuration)?;
        let is_checkpointed = checkpoints.options.interval.is_some();
        let restart_strategy =
            RestartStrategySettings::from_configuration(&plan.configuration, is_checkpointed)?
                .build(fastrand::Rng::new())?;
        let mut services = self.0.services.clone();
        services.task_cancellation_timeout =
            plan.configuration.get(&cluster::TASK_CANCELLATION_TIMEOUT)?;
        if self.0.closing.is_cancelled() {
            return Err(SubmitError::ShuttingDown);
        }
        if stored.is_none() {
            self.store(id, &to_store, &prepared, &name, submitted_at).await?;
        }
        let submitted = Submitted {
            package: name,
            entry: prepared.entry.clone(),
            arguments: prepared.arguments.clone(),
            at: submitted_at,
        };
        self.start(Accepted {
            plan,
            coordinator,
            restart_strategy,
            checkpoints,
            scheduler,
            submitted,
            prepared,
            inbox,
            letters,
            services,
        });
        Ok(id)
    }

    /// Reserves an id; that of a job that is found again is known already.
    fn reserve(&self, id: JobId, is_found: bool) -> Result<Reserved<'_>, SubmitError> {
        if self.0.closing.is_cancelled() {
            return Err(SubmitError::ShuttingDown);
        }
        let mut accepting = self.0.accepting.lock();
        if (!is_found && self.job(id).is_some()) || !accepting.insert(id) {
            return Err(SubmitError::DuplicateJob(id));
        }
        Ok(Reserved { id, accepting: &self.0.accepting })
    }

    /// Finds the package, keeps it and takes the executable out of it.
    async fn prepare(&self, submission: JobSubmission, id: JobId) -> Result<Prepared, SubmitError> {
        let (blobs, packages) = (self.0.blobs.clone(), self.0.packages.clone());
        let (options, package) = (self.0.settings.installed.clone(), submission.package);
        let (blob, info, executable) = blocking(move || {
            let (blob, info) = match package {
                PackageRef::Uploaded(id) => {
                    let found = packages.open(&id)?;
                    let (package, blob) = found.ok_or(SubmitError::UnknownPackage(id))?;
                    (blob, package.info)
                }
                PackageRef::Path(path) => {
                    let inspected = inspect(&path);
                    let info = inspected
                        .map_err(|error| SubmitError::Package { name: file_name(&path), error })?;
                    (blobs.add(&path)?, info.into())
                }
            };
            let of_package = |error| SubmitError::Package { name: file_name(blob.path()), error };
            info.check_platform(&Platform::current()).map_err(of_package)?;
            let executable = executable_of(&blob, &info, &options).map_err(of_package)?;
            Ok::<_, SubmitError>((blob, info, executable))
        })
        .await?;
        let entry = submission.entry.or_else(|| info.entry.clone());
        if let Some(entry) = &entry
            && !info.entries.is_empty()
            && !info.entries.contains(entry)
        {
            return Err(SubmitError::UnknownEntry {
                package: info.name.clone(),
                entry: entry.clone(),
                entries: info.entries.clone(),
            });
        }
        let mut configuration = self.0.configuration.clone();
        configuration.merge(&submission.configuration);
        let arguments: Vec<String> = entry.iter().chain(&submission.arguments).cloned().collect();
        Ok(Prepared {
            executable: Executable {
                path: executable,
                arguments,
                job: id,
                configuration,
                log: coordinator_log(&self.0.log_dir, id),
                tmp_dir: self.0.blobs.directory().to_owned(),
                timeout: self.0.settings.plan_timeout,
                log_level: self.0.services.task_managers.log_level(),
            },
            blob,
            entry,
            arguments: submission.arguments,
        })
    }

    async fn store(
        &self,
        id: JobId,
        submission: &JobSubmission,
        prepared: &Prepared,
        name: &str,
        submitted_at: Timestamp,
    ) -> Result<(), SubmitError> {
        let Some(ha) = self.0.ha.clone() else { return Ok(()) };
        let job = StoredJob {
            id,
            package: name.to_owned(),
            sha256: prepared.blob.sha256().to_string(),
            entry: prepared.entry.clone(),
            arguments: prepared.arguments.clone(),
            configuration: submission.configuration.clone(),
            submitted_at,
        };
        let package = prepared.blob.path().to_owned();
        Ok(blocking(move || ha.put(&job, &package)).await?)
    }

    /// Forgets a job that was kept for another JobManager.
    async fn forget(&self, id: JobId) {
        let Some(ha) = self.0.ha.clone() else { return };
        if let Err(error) = blocking(move || ha.remove(id)).await {
            tracing::error!(job = %id, "the job has ended, yet will be run again: {error}");
        }
    }

    fn start(&self, accepted: Accepted) {
        let Accepted { plan, coordinator, restart_strategy, submitted, prepared, .. } = accepted;
        let (inbox, letters, services) = (accepted.inbox, accepted.letters, accepted.services);
        let id = prepared.executable.job;
        let settings = &self.0.settings;
        let options = JobMasterOptions {
            execution_graph_id: ExecutionGraphId::random(),
            slot_request_timeout: settings.slot_request_timeout,
            attempts_history_size: settings.attempts_history_size,
            exception_history_size: settings.exception_history_size,
            checkpointing: accepted.checkpoints.options,
            initial: accepted.checkpoints.initial,
            scheduler: accepted.scheduler,
        };
        let now = SystemClock.now();
        let master = JobMaster::new(id, plan.graph, restart_strategy, options, now);
        let log = prepared.executable.log.clone();
        let resources = self.0.services.resources.clone();
        let configured = plan.configuration.clone();
        let job = Job::new(master, submitted, plan.configuration, log, inbox.clone(), resources);
        let shown = self.0.jobs.lock().get(id);
        let job = match shown {
            Some(earlier) => job.in_place_of(&earlier),
            None => job,
        };
        let job = Arc::new(job);
        // All that is logged of the job has its id.
        let span = tracing::info_span!("job", job = %id);
        span.in_scope(|| tracing::info!("job '{}' was accepted", job.name()));
        services.ports.insert(id, job.port());
        self.0.jobs.lock().insert(id, job.clone());
        // Who closes the dispatcher meanwhile finds the job, or is found here.
        if self.0.closing.is_cancelled() {
            job.suspend();
        }
        let package = WorkerPackage {
            sha256: prepared.blob.sha256().0,
            size_bytes: prepared.blob.size_bytes(),
            name: job.submitted().package.clone(),
            entry: prepared.entry,
            arguments: prepared.arguments,
        };
        let executable = prepared.executable;
        let (checkpoints, cleanup) = JobCheckpoints::new(
            id,
            accepted.checkpoints.store,
            accepted.checkpoints.retained,
            (self.0.ha.clone(), configured),
            inbox,
            services.tasks.clone(),
        );
        let end_note = checkpoints.end_note();
        let runner = Runner::new(
            job.clone(),
            letters,
            services.clone(),
            package,
            executable,
            coordinator,
            checkpoints,
        );
        let dispatcher = self.clone();
        let run = services.tasks.spawn(runner.run().instrument(span.clone()));
        services.tasks.spawn(cleanup.run().instrument(span.clone()));
        let follow_up = async move {
            if let Err(error) = run.await {
                // A defect: others must not suffer for it.
                tracing::error!("the job's runner has failed: {error}");
                dispatcher.0.services.ports.remove(id);
                dispatcher.0.services.resources.remove_job(id);
            }
            if job.with_master(JobMaster::status).is_globally_terminal() {
                if dispatcher.0.ha.is_some()
                    && let Err(error) = blocking(move || end_note.write()).await
                {
                    tracing::warn!("{error}");
                }
                dispatcher.forget(id).await;
            }
            dispatcher.0.jobs.lock().end(id, SystemClock.now());
            dispatcher.expire();
            job.tell_end();
            // The package goes with the job.
            drop(prepared.blob);
        };
        services.tasks.spawn(follow_up.instrument(span));
    }

    /// Waits until a job has ended; `None` where there is none.
    pub async fn job_ended(&self, id: JobId, timeout: Duration) -> Option<JobStatus> {
        let job = self.job(id)?;
        match tokio::time::timeout(timeout, job.ended()).await {
            Ok(status) => Some(status),
            Err(_) => Some(job.status()),
        }
    }
}

fn job_id(configuration: &Configuration) -> Result<JobId, SubmitError> {
    match configuration.text(JOB_ID_KEY) {
        None => Ok(JobId::random()),
        Some(text) => text.parse().map_err(|error: sciurus_core::ids::ParseHexIdError| {
            SubmitError::JobId { text: text.to_owned(), error }
        }),
    }
}

/// Takes the executable out of a package, once.
fn executable_of(
    blob: &Blob,
    info: &PackageInfo,
    options: &ExtractOptions,
) -> Result<PathBuf, PackageError> {
    if info.kind == PackageKind::Executable {
        return Ok(blob.path().to_owned());
    }
    let platform = Platform::current();
    let folder = blob.directory().join("bin");
    if let (PackageKind::Package, Some(executable)) =
        (&info.kind, info.executables.iter().find(|found| found.platform == platform))
    {
        let name = Path::new(&executable.path).file_name().map(|name| folder.join(name));
        if let Some(path) = name.filter(|path| path.exists()) {
            return Ok(path);
        }
    }
    std::fs::create_dir_all(&folder).map_err(|source| PackageError::Io {
        action: "make",
        path: folder.clone(),
        source,
    })?;
    extract(blob.path(), &platform, &folder, options)
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

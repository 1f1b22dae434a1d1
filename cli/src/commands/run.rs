//! `run`: submits a job and, attached, follows it to its end.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use sciurus_core::config::Configuration;
use sciurus_core::config::options::{client as client_options, rest};
use sciurus_core::ids::JobId;
use serde_json::json;

use super::progress::Progress;
use super::submit::{job_settings, parallelism, upload};
use super::{connect, output};
use crate::Error;
use crate::arguments::{ClaimMode, Run};
use crate::process::signals;
use crate::rest::answers::{
    Accumulator, Accumulators, ExecutionResult, FailureCause, JobResult, RunRequest, Submitted,
};
use crate::rest::{Client, RestError};

/// Shortest and longest time between two questions for the end.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(200)];

/// What a command ends with that was interrupted from the keyboard, as shells have it.
const INTERRUPTED: u8 = 130;

/// Submits a job and waits for its end, unless detached.
pub fn run(arguments: &Run) -> Result<ExitCode, Error> {
    let (client, configuration) = connect(&arguments.target)?;
    let interrupts = Interrupts::watch()?;
    let job = submit(&client, &configuration, arguments)?;
    interrupts.is_submitted.store(true, Ordering::SeqCst);
    let json = arguments.target.json;
    if !json {
        output::print(format!("Job has been submitted with JobID {job}"))?;
    }
    if arguments.detached {
        if json {
            output::print_json(&json!({ "jobid": job.to_string() }))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let cancels = arguments.shutdown_on_attached_exit
        || configuration.get(&client_options::SHUTDOWN_ON_ATTACHED_EXIT)?;
    let retries = Retries::of(&configuration)?;
    let attached = Attached { client, job, cancels, retries, interrupts };
    match attached.follow()? {
        Some(result) => attached.tell(&result, json).map(|()| ExitCode::SUCCESS),
        None => Ok(ExitCode::from(INTERRUPTED)),
    }
}

fn submit(client: &Client, configuration: &Configuration, arguments: &Run) -> Result<JobId, Error> {
    let submission = &arguments.submission;
    let request = RunRequest {
        entry_class: submission.entry.as_deref(),
        program_args_list: submission.job_arguments(),
        parallelism: parallelism(submission, configuration)?,
        allow_non_restored_state: submission.recovery.allow_non_restored_state.then_some(true),
        savepoint_path: submission.recovery.from_savepoint.as_deref(),
        claim_mode: submission.recovery.claim_mode.map(ClaimMode::as_str),
        flink_configuration: job_settings(&arguments.target)?,
    };
    let package = upload(client, submission)?;
    let path = format!("/jars/{package}/run");
    let submitted = client.post::<Submitted>(&path, &request);
    // The job has its own hold on the package. If it can't be taken off the list, it stays there.
    let deleted = client.delete(&format!("/jars/{package}"));
    let Submitted { jobid } = submitted?;
    if let Err(error) = deleted {
        eprintln!("warning: the uploaded package {package} stays with the JobManager: {error}");
    }
    jobid.parse().map_err(|_| {
        let reason = format!("'{jobid}' is no job id");
        let address = client.address().clone();
        RestError::NotUnderstood { address, method: "POST", path, reason }.into()
    })
}

/// How often a question that found nobody is repeated: the JobManager may be restarting.
#[derive(Clone, Copy)]
struct Retries {
    attempts: u32,
    delay: Duration,
}

impl Retries {
    fn of(configuration: &Configuration) -> Result<Self, Error> {
        Ok(Self {
            attempts: configuration.get(&rest::RETRY_MAX_ATTEMPTS)?,
            delay: configuration.get(&rest::RETRY_DELAY)?,
        })
    }
}

/// A job that the command waits for.
struct Attached {
    client: Client,
    job: JobId,
    cancels: bool,
    retries: Retries,
    interrupts: Interrupts,
}

/// Tells whether the command is interrupted once it has submitted the job; before that, an interrupt
/// ends it at once.
struct Interrupts {
    received: Receiver<()>,
    is_submitted: Arc<AtomicBool>,
}

impl Interrupts {
    fn watch() -> Result<Self, Error> {
        let (interrupt, received) = mpsc::sync_channel(1);
        let is_submitted = Arc::new(AtomicBool::new(false));
        let submitted = Arc::clone(&is_submitted);
        signals::watch(move || {
            if !submitted.load(Ordering::SeqCst) {
                std::process::exit(i32::from(INTERRUPTED));
            }
            // If one is waiting already, another says nothing new.
            let _ = interrupt.try_send(());
        })?;
        Ok(Self { received, is_submitted })
    }

    /// Waits and tells whether the command has been interrupted meanwhile.
    fn within(&self, pause: Duration) -> bool {
        match self.received.recv_timeout(pause) {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => {
                thread::sleep(pause);
                false
            }
        }
    }
}

impl Attached {
    /// Returns the job's result, or `None` if the command was interrupted and the job goes on.
    fn follow(&self) -> Result<Option<JobResult>, Error> {
        let mut progress = Progress::new();
        let started = Instant::now();
        let mut pause = PAUSES[0];
        let mut left = self.retries.attempts;
        let mut is_cancelled = false;
        let path = format!("/jobs/{}/execution-result", self.job);
        loop {
            match self.client.get::<ExecutionResult>(&path) {
                Ok(ExecutionResult { status, result: Some(result) }) if status.is_completed() => {
                    progress.finish();
                    return Ok(Some(result));
                }
                Ok(_) => left = self.retries.attempts,
                Err(RestError::Unreachable { .. } | RestError::Broken { .. }) if left > 0 => {
                    left -= 1;
                    pause = self.retries.delay;
                }
                Err(error) => return Err(error.into()),
            }
            progress.update(&self.client, self.job, started.elapsed());
            if self.interrupts.within(pause) {
                if !self.cancels || is_cancelled {
                    progress.finish();
                    self.leave();
                    return Ok(None);
                }
                self.client.patch(&format!("/jobs/{}?mode=cancel", self.job))?;
                is_cancelled = true;
            }
            pause = (pause * 2).min(PAUSES[1]);
        }
    }

    fn leave(&self) {
        let Self { job, client, .. } = self;
        eprintln!(
            "The job goes on. 'sciurus cancel -m {} {job}' ends it; with -sae, interrupting the \
             command does.",
            client.address()
        );
    }

    fn tell(&self, result: &JobResult, json: bool) -> Result<(), Error> {
        match result.application_status.as_str() {
            "SUCCEEDED" => {}
            "CANCELED" => return Err(Error::JobCancelled { job: self.job }),
            status => {
                let reason = result.failure_cause.as_ref().map(FailureCause::message);
                let reason = reason.unwrap_or_else(|| format!("it ended as {status}"));
                return Err(Error::JobFailed { job: self.job, reason });
            }
        }
        // What it counted is worth having, but its lack is no failure.
        let accumulators =
            self.client.get::<Accumulators>(&format!("/jobs/{}/accumulators", self.job));
        let accumulators = accumulators.map(|found| found.user).unwrap_or_default();
        if json {
            return output::print_json(&json!({
                "jobid": self.job.to_string(),
                "status": "FINISHED",
                "net-runtime": result.net_runtime,
                "accumulators": accumulators,
            }));
        }
        output::print("Program execution finished")?;
        output::print(format!("Job with JobID {} has finished.", self.job))?;
        output::print(format!("Job Runtime: {} ms", result.net_runtime))?;
        if !accumulators.is_empty() {
            output::print("Accumulator Results: ")?;
        }
        for accumulator in accumulators {
            let Accumulator { name, kind, value } = accumulator;
            output::print(format!("- {name} ({kind}): {value}"))?;
        }
        output::print("")
    }
}

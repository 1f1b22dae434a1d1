//! A job's process on a cluster: the same `main` as by hand, started by a manager.
//!
//! Such a process finds [`VARIABLE`] in its environment and a socket as its standard input, reads
//! its part off the socket when the first environment is made ([`current`]), and plays it when the
//! job is executed ([`JobProcess::run`]), which then never returns. A planner says what the job is;
//! a [`coordinator`] runs the enumerators of the job's sources beside; a [`worker`] runs tasks.
//! Where the socket ends the process does, too. The messages are in `runtime/rpc/proto`.

mod coordinator;
mod init;
mod logging;
mod manager;
mod worker;

use std::env;
use std::process;
use std::sync::OnceLock;
use std::time::Duration;

use sciurus_core::config::Configuration;
use sciurus_core::graph::JobGraph;
use sciurus_engine::deployment::TaskSettings;
use sciurus_engine::program::Program;
use sciurus_job_master::failure::{FailureCause, Fault};
use sciurus_rpc::convert::configuration_texts;
use sciurus_rpc::proto::{self, from_job};
use sciurus_rpc::{PROTOCOL_VERSION, framing};

use crate::error::JobError;
use init::{Init, InitError, Role};
use manager::Manager;

/// The variable whose presence says that a process may belong to a manager. Its value is the
/// version of the protocol that the manager speaks.
const VARIABLE: &str = "SCIURUS_JOB_PROCESS";

/// How long the manager's first message may take.
const INIT_TIMEOUT: Duration = Duration::from_secs(60);

/// The exit code of a process that was asked for something that it can't do; the manager is told
/// what.
const EXIT_REFUSED: i32 = 2;

/// The exit code of a process that can't speak with its manager.
const EXIT_NO_MANAGER: i32 = 3;

/// A process that belongs to a manager.
pub(crate) struct JobProcess {
    manager: Manager,
    init: Init,
}

/// A job, ready to be planned or run.
pub(crate) struct DescribedJob {
    pub(crate) graph: JobGraph,
    pub(crate) program: Program,
    pub(crate) settings: TaskSettings,
    pub(crate) configuration: Configuration,
}

/// Returns the part that this process plays on a cluster; `None` where it was started by hand.
///
/// Whoever calls it first waits for the manager. A process that can't begin ends.
pub(crate) fn current() -> Option<&'static JobProcess> {
    static CURRENT: OnceLock<Option<JobProcess>> = OnceLock::new();
    CURRENT.get_or_init(JobProcess::detect).as_ref()
}

impl JobProcess {
    fn detect() -> Option<Self> {
        env::var_os(VARIABLE)?;
        let manager = match Manager::take_standard_input() {
            // Started by hand from within a process of a cluster's job, whose environment it has.
            Ok(None) => return None,
            Ok(Some(manager)) => manager,
            Err(error) => {
                eprintln!("error: the socket to the manager cannot be used: {error}");
                process::exit(EXIT_NO_MANAGER);
            }
        };
        let init =
            manager.receive(Some(INIT_TIMEOUT)).map_err(InitError::from).and_then(Init::read);
        match init {
            Ok(init) => Some(Self { manager, init }),
            Err(error) => refuse(&manager, error.cause()),
        }
    }

    /// Returns what the environment's configuration begins with.
    pub(crate) fn configuration(&self) -> &Configuration {
        &self.init.configuration
    }

    /// Plays the part with the job that the program describes, or tells the manager why there is
    /// none, and ends the process.
    pub(crate) fn run(&self, job: Result<DescribedJob, JobError>) -> ! {
        let job = match job {
            Ok(job) => job,
            Err(error) => refuse(&self.manager, cause_of_refusal(&error)),
        };
        match &self.init.role {
            Role::Planner => {
                self.send_plan(&job);
                process::exit(0)
            }
            Role::Coordinator => {
                logging::install(&job.configuration);
                tracing::info!("coordinating job '{}' ({})", job.graph.job_name, self.init.job_id);
                self.send_plan(&job);
                coordinator::run(&self.manager, job)
            }
            Role::Worker(init) => {
                logging::install(&job.configuration);
                worker::run(&self.manager, self.init.job_id, init, job)
            }
        }
    }

    fn send_plan(&self, job: &DescribedJob) {
        let job_graph = match serde_json::to_vec(&job.graph) {
            Ok(json) if json.len() < framing::MAX_MESSAGE_BYTES / 2 => json,
            Ok(json) => {
                let text = format!("the job's graph is too large: {} bytes as text", json.len());
                let cause = FailureCause::new(Fault::User, "JobGraphTooLarge", text);
                refuse(&self.manager, cause.not_retriable())
            }
            Err(error) => {
                let text = format!("the job's graph cannot be written: {error}");
                refuse(&self.manager, FailureCause::new(Fault::Bug, "Defect", text))
            }
        };
        send(
            &self.manager,
            from_job::Message::Plan(proto::JobPlan {
                protocol: PROTOCOL_VERSION,
                job_graph: job_graph.into(),
                configuration: configuration_texts(&job.configuration),
            }),
        );
    }
}

/// Sends the manager a message; where the manager is gone the process ends.
fn send(manager: &Manager, message: from_job::Message) {
    if let Err(error) = manager.send(message) {
        tracing::error!("the connection to the manager is lost: {error}");
        process::exit(EXIT_NO_MANAGER)
    }
}

/// Tells the manager why this process can't do its part, and ends it.
fn refuse(manager: &Manager, cause: FailureCause) -> ! {
    eprintln!("error: {}", cause.message);
    // Where the manager is gone nobody wants to know.
    let _ = manager.send(from_job::Message::Refused(cause.into()));
    process::exit(EXIT_REFUSED)
}

/// Describes why there is no job to run: running the program again would find the same.
fn cause_of_refusal(error: &JobError) -> FailureCause {
    let kind = match error {
        JobError::Graph(_) => "GraphError",
        JobError::Configuration(_) | JobError::RestartStrategy(_) => "ConfigError",
        JobError::Parallelism(_) | JobError::ParallelismOverride { .. } => "ParallelismOverride",
        JobError::Checkpoints(_) => "CheckpointSetup",
        JobError::MissingUid { .. } => "MissingUid",
        JobError::BackendNotThere => "BackendNotThere",
        JobError::UnboundedBatch => "UnboundedBatch",
        JobError::ForeignStream { .. } => "ForeignStream",
        JobError::CollectOnCluster => "CollectOnCluster",
        JobError::Failed { .. }
        | JobError::Cancelled { .. }
        | JobError::Refused { .. }
        | JobError::System { .. } => "JobError",
    };
    FailureCause::new(Fault::User, kind, error.to_string()).not_retriable()
}

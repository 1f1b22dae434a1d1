//! What a manager tells a process of a job first.

use std::path::PathBuf;
use std::time::Duration;

use sciurus_core::config::{Configuration, MemorySize};
use sciurus_core::ids::{GraphFingerprint, JobId, WorkerId};
use sciurus_job_master::failure::{FailureCause, Fault};
use sciurus_rpc::PROTOCOL_VERSION;
use sciurus_rpc::convert::{self, MessageError};
use sciurus_rpc::proto::{self, JobRole, to_job};

/// What a manager tells a process of a job first.
#[derive(Debug)]
pub(crate) struct Init {
    pub(crate) job_id: JobId,
    pub(crate) role: Role,
    /// What the environment's configuration begins with.
    pub(crate) configuration: Configuration,
}

/// Which part a process plays.
#[derive(Debug)]
pub(crate) enum Role {
    /// It says what the job is and ends.
    Planner,
    /// It says what the job is, and then runs the enumerators of its sources.
    Coordinator,
    /// It runs tasks.
    Worker(Box<WorkerInit>),
}

/// What a worker is told.
#[derive(Debug)]
pub(crate) struct WorkerInit {
    pub(crate) worker: WorkerId,
    /// Of the graph that it has to build.
    pub(crate) fingerprint: GraphFingerprint,
    pub(crate) task_manager: String,
    pub(crate) bind_host: String,
    pub(crate) data_ports: String,
    /// The ports under which others find those; empty where they are the same.
    pub(crate) advertised_data_ports: String,
    /// The host under which other workers find this one.
    pub(crate) host: String,
    /// What the process may take in all, where that is limited.
    pub(crate) memory_bytes: Option<u64>,
    /// How often it tells its metrics, where it does while tasks run.
    pub(crate) metrics_interval: Option<Duration>,
    /// For files of this process alone.
    pub(crate) scratch_directory: PathBuf,
    /// What state backends may take.
    pub(crate) managed_memory: MemorySize,
}

/// Why a process can't begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InitError {
    #[error(
        "the manager speaks version {manager} of the protocol with jobs, this executable version \
         {PROTOCOL_VERSION}: build the job with the version of Sciurus that the cluster runs, or \
         the other way round"
    )]
    Protocol { manager: u32 },
    #[error("the manager's first message is not the one that a process begins with")]
    NotInit,
    #[error("the manager's first message cannot be used: {0}")]
    Message(#[from] MessageError),
    #[error("the manager's first message did not come: {0}")]
    Socket(#[from] std::io::Error),
    #[error("the manager ended the connection before it said anything")]
    Ended,
}

impl InitError {
    /// Describes the error to the manager.
    pub(crate) fn cause(&self) -> FailureCause {
        let (fault, kind) = match self {
            Self::Protocol { .. } => (Fault::User, "ProtocolMismatch"),
            Self::NotInit | Self::Message(_) => (Fault::Bug, "MalformedMessage"),
            Self::Socket(_) | Self::Ended => (Fault::Environment, "ConnectionLost"),
        };
        FailureCause::new(fault, kind, self.to_string()).not_retriable()
    }
}

impl Init {
    /// Reads the first message.
    ///
    /// # Errors
    /// [`InitError`]: it is another one, of another version, or lacks something.
    pub(crate) fn read(message: Option<to_job::Message>) -> Result<Self, InitError> {
        let init = match message {
            Some(to_job::Message::Init(init)) => init,
            Some(_) => return Err(InitError::NotInit),
            None => return Err(InitError::Ended),
        };
        if init.protocol != PROTOCOL_VERSION {
            return Err(InitError::Protocol { manager: init.protocol });
        }
        let role = match init.role() {
            JobRole::Planner => Role::Planner,
            JobRole::Coordinator => Role::Coordinator,
            JobRole::Worker => {
                let worker = convert::required(init.worker, "part for workers")?;
                Role::Worker(Box::new(WorkerInit::read(worker)?))
            }
            JobRole::Unspecified => {
                let value = init.role.into();
                return Err(MessageError::Value { what: "role", value }.into());
            }
        };
        Ok(Self {
            job_id: convert::id(&init.job_id, "job id", JobId::from_bytes)?,
            role,
            configuration: convert::configuration(init.configuration),
        })
    }
}

impl WorkerInit {
    fn read(init: proto::WorkerInit) -> Result<Self, MessageError> {
        let interval = Duration::from_millis(init.metrics_interval_ms.into());
        Ok(Self {
            worker: convert::id(&init.worker, "worker id", WorkerId::from_bytes)?,
            fingerprint: convert::id(
                &init.fingerprint,
                "fingerprint",
                GraphFingerprint::from_bytes,
            )?,
            task_manager: init.task_manager,
            bind_host: init.bind_host,
            data_ports: init.data_ports,
            advertised_data_ports: init.advertised_data_ports,
            host: init.host,
            memory_bytes: Some(init.memory_bytes).filter(|bytes| *bytes > 0),
            metrics_interval: Some(interval).filter(|interval| !interval.is_zero()),
            scratch_directory: match init.scratch_directory.as_str() {
                "" => std::env::temp_dir(),
                directory => PathBuf::from(directory),
            },
            managed_memory: MemorySize::from_bytes(init.managed_memory_bytes),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker() -> proto::JobInit {
        proto::JobInit {
            protocol: PROTOCOL_VERSION,
            role: JobRole::Worker.into(),
            job_id: vec![1; 16].into(),
            configuration: [("parallelism.default".to_owned(), "2".to_owned())].into(),
            worker: Some(proto::WorkerInit {
                worker: vec![2; 16].into(),
                fingerprint: vec![3; 16].into(),
                ..proto::WorkerInit::default()
            }),
        }
    }

    fn read(init: proto::JobInit) -> Result<Init, InitError> {
        Init::read(Some(to_job::Message::Init(init)))
    }

    #[test]
    fn what_is_0_is_not_limited_and_not_told() {
        let init = read(worker()).unwrap();
        assert_eq!(init.configuration.text("parallelism.default"), Some("2"));
        let Role::Worker(worker) = init.role else { panic!() };
        assert_eq!((worker.memory_bytes, worker.metrics_interval), (None, None));
    }

    #[test]
    fn another_version_is_named() {
        let error = read(proto::JobInit { protocol: 7, ..worker() }).unwrap_err();
        assert!(error.to_string().contains("version 7"), "{error}");
        assert!(!error.cause().retriable);
    }

    #[test]
    fn what_is_missing_is_named() {
        let says = |init, part: &str| {
            let error = read(init).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        says(proto::JobInit { worker: None, ..worker() }, "lacks its part for workers");
        says(proto::JobInit { role: 0, ..worker() }, "role 0 has no meaning");
        says(proto::JobInit { job_id: vec![1].into(), ..worker() }, "job id has 1 bytes");
        let no_id = proto::WorkerInit { fingerprint: vec![3; 16].into(), ..Default::default() };
        says(proto::JobInit { worker: Some(no_id), ..worker() }, "worker id has 0 bytes");
        assert!(matches!(Init::read(None), Err(InitError::Ended)));
        let other = to_job::Message::Shutdown(proto::Shutdown {});
        assert!(matches!(Init::read(Some(other)), Err(InitError::NotInit)));
    }
}

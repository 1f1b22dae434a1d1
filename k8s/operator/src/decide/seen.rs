//! What is seen of a resource's cluster.

use std::collections::BTreeMap;

use crate::objects::ObjectKind;

/// All that is seen.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Milliseconds since the epoch.
    pub now: i64,
    /// The JobManager's Deployment.
    pub job_manager: Option<DeploymentSeen>,
    /// The TaskManagers' Deployment.
    pub task_manager: Option<DeploymentSeen>,
    /// All objects of the resource, with what they were made from.
    pub objects: BTreeMap<(ObjectKind, String), String>,
    /// All pods of the resource.
    pub pods: Vec<PodSeen>,
    /// What the JobManager answers.
    pub rest: RestSeen,
    /// How the operation of the status's progress stands; `None` where the JobManager knows none.
    pub operation: Option<OperationSeen>,
    /// How the savepoint that a nonce asked for stands.
    pub savepoint: Option<OperationSeen>,
    /// How the checkpoint that a nonce asked for stands.
    pub checkpoint: Option<OperationSeen>,
    /// How the present hook stands.
    pub hook: HookSeen,
    /// The session cluster of a session job.
    pub session: Option<SessionSeen>,
    /// How many session jobs name this cluster.
    pub session_jobs: usize,
    /// Why an action that was decided last time could not be done.
    pub failure: Option<String>,
}

/// A Deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentSeen {
    /// How many pods it shall have.
    pub replicas: i32,
    /// How many are ready.
    pub ready: i32,
    /// Whether its pods are as it says now.
    pub is_current: bool,
    /// Why no pods can be made.
    pub failure: Option<String>,
    /// Whether somebody has changed it since it was applied.
    pub has_drifted: bool,
}

/// A pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodSeen {
    /// Its name.
    pub name: String,
    /// `jobmanager`, `taskmanager` or `hook`.
    pub component: String,
    /// Whether it is ready.
    pub is_ready: bool,
    /// Whether it is ending.
    pub is_deleted: bool,
    /// Why it has no node.
    pub unschedulable: Option<String>,
    /// Why a container doesn't run: a reason and a message.
    pub waiting: Option<(String, String)>,
    /// The image of that container.
    pub image: String,
    /// How a container ended last.
    pub terminated: Option<Terminated>,
    /// How often a container was started again.
    pub restarts: i32,
}

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terminated {
    /// In one word.
    pub reason: String,
    /// With which code.
    pub exit_code: i32,
    /// What it said last.
    pub message: String,
}

/// What a JobManager answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum RestSeen {
    /// It wasn't asked.
    #[default]
    NotAsked,
    /// It doesn't.
    Unreachable(String),
    /// It does.
    Answers {
        /// All of its jobs.
        jobs: Vec<JobSeen>,
        /// Why the resource's job failed last.
        failure: Option<String>,
        /// The checkpoints of the resource's job.
        checkpoints: Option<CheckpointsSeen>,
        /// What it says of itself.
        info: BTreeMap<String, String>,
    },
}

/// A job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobSeen {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: String,
    /// When it started, milliseconds since the epoch.
    pub start_time: i64,
    /// How many slots it lacks.
    pub missing_slots: u32,
}

impl JobSeen {
    /// Says whether a job in this state has ended for good.
    pub fn is_terminal(state: &str) -> bool {
        matches!(state, "FINISHED" | "FAILED" | "CANCELED")
    }
}

/// A job's checkpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckpointsSeen {
    /// Where the last complete one lies.
    pub latest: Option<String>,
    /// Where the last savepoint lies.
    pub latest_savepoint: Option<String>,
    /// Why the last one failed, if the last one did.
    pub failure: Option<String>,
}

/// An operation at a JobManager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperationSeen {
    /// It goes on.
    InProgress,
    /// It succeeded; a savepoint lies somewhere.
    Done(Option<String>),
    /// It failed.
    Failed(String),
}

/// A hook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HookSeen {
    /// It was not begun.
    #[default]
    NotBegun,
    /// It goes on.
    Running,
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed(String),
}

/// The session cluster of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionSeen {
    /// There is none of this name.
    Missing,
    /// It runs a job of its own.
    HasJob,
    /// It isn't ready.
    NotReady(String),
    /// It is.
    Ready,
}

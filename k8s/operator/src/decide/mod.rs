//! What to do about a resource: pure functions of what is wanted and what is seen.
//!
//! [`decide`] is given a resource and everything that was seen of its cluster, and returns the
//! status to write and the actions to do after that. All that has to be remembered is in the status,
//! which is written before any action is done. Actions may be done any number of times. So it does
//! not matter when an operator stops and which one goes on.

mod change;
mod conditions;
mod delete;
mod hooks;
mod live;
mod observe;
mod problems;
mod seen;
mod snapshots;
mod stop;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

pub use change::{Change, change};
pub use hooks::{HookList, HookRun, under_way};
pub use seen::{
    CheckpointsSeen, DeploymentSeen, HookSeen, JobSeen, Observed, OperationSeen, PodSeen, RestSeen,
    SessionSeen, Terminated,
};

use crate::model::{self, Kind, Launch, Model, Names, SpecError};
use crate::objects::{Object, ObjectKind};
use crate::resources::{ClusterSpec, FlinkSessionJobSpec, Status};

/// A resource.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Its kind and names.
    pub names: Names,
    /// Its specification's number.
    pub generation: i64,
    /// Whether it is to be deleted.
    pub is_deleted: bool,
    /// Whether it carries the operator's finalizer.
    pub has_finalizer: bool,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Its specification.
    pub spec: Value,
    /// Its status.
    pub status: Status,
}

impl Resource {
    /// Reads a specification of this resource: the present one, or one that was deployed.
    ///
    /// # Errors
    /// [`SpecError`] where it can't be used.
    pub fn read(&self, spec: &Value) -> Result<Model, SpecError> {
        let name = &self.names.name;
        let unreadable = |error: serde_json::Error| SpecError { problems: vec![error.to_string()] };
        match self.names.kind {
            Kind::FlinkSessionJob => {
                let spec = serde_json::from_value::<FlinkSessionJobSpec>(spec.clone());
                model::session_job(name, &spec.map_err(unreadable)?)
            }
            kind => {
                let spec = serde_json::from_value::<ClusterSpec>(spec.clone());
                model::cluster(kind, name, &self.annotations, &spec.map_err(unreadable)?)
            }
        }
    }

    /// Reads the specification that is deployed, if one is.
    pub fn deployed(&self) -> Option<Model> {
        let text = self.status.reconciliation_status.last_reconciled_spec.as_deref()?;
        let spec = serde_json::from_str::<Value>(text).ok()?;
        self.read(&spec).ok()
    }
}

/// What decisions depend on besides the resource and what is seen.
#[derive(Clone, Debug)]
pub struct Defaults {
    /// The image where none is asked for, or Apache's.
    pub image: String,
}

/// Something to do, after the status was written.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Applies an object.
    Apply(Box<Object>),
    /// Deletes an object.
    Delete(ObjectKind, String),
    /// Cancels a job.
    Cancel {
        /// The job.
        job: String,
    },
    /// Stops a job with a savepoint, or takes one.
    Savepoint {
        /// The job.
        job: String,
        /// The operation's id.
        trigger: String,
        /// Where it goes.
        directory: Option<String>,
        /// Whether the job ends with it.
        stops: bool,
    },
    /// Takes a checkpoint.
    Checkpoint {
        /// The job.
        job: String,
        /// The operation's id.
        trigger: String,
    },
    /// Changes a job's parallelism.
    Rescale {
        /// The job.
        job: String,
        /// The operation's id.
        trigger: String,
        /// How many subtasks each vertex is to have.
        parallelism: u32,
    },
    /// Runs a job on a session cluster.
    Submit {
        /// What.
        job: Box<model::Job>,
        /// How.
        launch: Launch,
    },
    /// Does a hook.
    Hook(Box<HookRun>),
}

/// Something that the user is told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whether something went wrong.
    pub is_warning: bool,
    /// What, in one word.
    pub reason: &'static str,
    /// What, for people.
    pub message: String,
}

/// Says what becomes of the finalizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finalizer {
    /// It is as it shall be.
    Keep,
    /// It is added before anything is made.
    Add,
    /// It is removed: nothing is left.
    Remove,
}

/// What is to be done about a resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The status to write first.
    pub status: Status,
    /// What becomes of the finalizer, then.
    pub finalizer: Finalizer,
    /// What to do then, in this order.
    pub actions: Vec<Action>,
    /// What to tell the user.
    pub events: Vec<Event>,
    /// When to look again, if nothing changes before.
    pub next: Duration,
}

/// Decides what to do about a resource.
pub fn decide(resource: &Resource, seen: &Observed, defaults: &Defaults) -> Decision {
    let mut decider = Decider {
        resource,
        seen,
        defaults,
        status: resource.status.clone(),
        finalizer: Finalizer::Keep,
        actions: Vec::new(),
        events: Vec::new(),
        error: None,
        waits_for: None,
        model: resource.read(&resource.spec),
    };
    let deployed = resource.deployed();
    decider.observe(deployed.as_ref());
    if resource.is_deleted {
        decider.delete(deployed.as_ref());
    } else {
        decider.live(deployed);
    }
    decider.conclude()
}

/// A decision while it is made.
struct Decider<'a> {
    resource: &'a Resource,
    seen: &'a Observed,
    defaults: &'a Defaults,
    status: Status,
    finalizer: Finalizer,
    actions: Vec<Action>,
    events: Vec<Event>,
    /// What is wrong, the first of all that is found.
    error: Option<String>,
    /// What is waited for, where nothing is wrong.
    waits_for: Option<String>,
    model: Result<Model, SpecError>,
}

impl Decider<'_> {
    fn tell(&mut self, reason: &'static str, message: impl Into<String>) {
        self.events.push(Event { is_warning: false, reason, message: message.into() });
    }

    fn warn(&mut self, reason: &'static str, message: impl Into<String>) {
        self.events.push(Event { is_warning: true, reason, message: message.into() });
    }

    /// Takes note of what is wrong; what was found first is told.
    fn complain(&mut self, message: impl Into<String>) {
        self.error.get_or_insert(message.into());
    }

    fn wait_for(&mut self, what: impl Into<String>) {
        self.waits_for.get_or_insert(what.into());
    }

    /// Returns the id of the next operation at the JobManager.
    fn next_trigger(&mut self) -> String {
        self.status.progress.triggers += 1;
        self.resource.names.trigger_id(self.status.progress.triggers)
    }

    /// Returns the start that is deployed.
    fn launch(&self) -> Launch {
        let progress = &self.status.progress;
        Launch {
            job_id: self.resource.names.job_id(progress.launches),
            savepoint: self.status.job_status.upgrade_savepoint_path.clone(),
            claims_savepoint: progress.claims_savepoint,
            image: progress.image.clone().unwrap_or_else(|| self.defaults.image.clone()),
        }
    }
}

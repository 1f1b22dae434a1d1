//! A world for decisions: an API server, a JobManager and storage, as far as decisions can tell.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::decide::{
    Action, CheckpointsSeen, Decision, Defaults, DeploymentSeen, Event, Finalizer, HookSeen,
    JobSeen, Observed, OperationSeen, PodSeen, Resource, RestSeen, decide, under_way,
};
use crate::model::{Kind, Names};
use crate::objects::{ObjectKind, hook_job_name};
use crate::resources::{LifecycleState, Status};

/// What a job is in the world.
#[derive(Clone, Debug, Default)]
pub struct Job {
    pub state: String,
    /// How much it has done, which is all of its state.
    pub count: u64,
    /// What it started from.
    pub from: Option<String>,
    pub checkpoint: Option<String>,
}

/// A world with one `FlinkJob`.
pub struct World {
    pub resource: Resource,
    pub now: i64,
    /// All objects, with what they were made from.
    pub objects: BTreeMap<(ObjectKind, String), String>,
    /// The JobManager's Deployment's template, and how long it has existed.
    pub template: Option<(Value, i64)>,
    pub task_managers: i32,
    /// The job of the JobManager, by its id.
    pub job: Option<(String, Job)>,
    pub operations: BTreeMap<String, OperationSeen>,
    /// What lies in storage: how much a job had done.
    pub storage: BTreeMap<String, u64>,
    pub jobs: BTreeMap<String, HookSeen>,
    pub is_unreachable: bool,
    pub cannot_take_savepoints: bool,
    pub pods: Vec<PodSeen>,
    pub events: Vec<Event>,
    /// All starts, each with what the job had done then.
    pub starts: Vec<(String, u64)>,
    pub is_gone: bool,
    /// What the job had done at its last checkpoint, or the savepoint that it was stopped with: that
    /// much must not be done again.
    pub durable: u64,
}

pub fn spec(mode: &str) -> Value {
    json!({
        "image": "flink:1.16",
        "flinkVersion": "v1_16",
        "flinkConfiguration": {
            "execution.checkpointing.interval": "1 s",
            "execution.checkpointing.dir": "file:///data/cp",
            "execution.checkpointing.savepoint-dir": "file:///data/sp",
        },
        "jobManager": {
            "replicas": 1,
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        },
        "taskManager": {"replicas": 2},
        "job": {
            "jarFile": "local:///opt/flink/examples/streaming/WordCount.jar",
            "parallelism": 2,
            "upgradeMode": mode,
        },
    })
}

impl World {
    pub fn new(spec: Value) -> Self {
        let names = Names {
            kind: Kind::FlinkJob,
            name: "job".to_owned(),
            namespace: "flink".to_owned(),
            uid: "00000000-0000-0000-0000-00000000a000".to_owned(),
        };
        let resource = Resource {
            names,
            generation: 1,
            is_deleted: false,
            has_finalizer: false,
            annotations: BTreeMap::new(),
            spec,
            status: Status::default(),
        };
        Self {
            resource,
            now: 1_000_000,
            objects: BTreeMap::new(),
            template: None,
            task_managers: 0,
            job: None,
            operations: BTreeMap::new(),
            storage: BTreeMap::new(),
            jobs: BTreeMap::new(),
            is_unreachable: false,
            cannot_take_savepoints: false,
            pods: Vec::new(),
            events: Vec::new(),
            starts: Vec::new(),
            is_gone: false,
            durable: 0,
        }
    }

    pub fn change(&mut self, change: impl FnOnce(&mut Value)) {
        change(&mut self.resource.spec);
        self.resource.generation += 1;
    }

    pub fn lifecycle(&self) -> LifecycleState {
        self.resource.status.lifecycle_state.unwrap()
    }

    pub fn condition(&self, type_: &str) -> (String, String) {
        let conditions = &self.resource.status.conditions;
        let found = conditions.iter().find(|condition| condition.type_ == type_).unwrap();
        (found.status.clone(), found.message.clone())
    }

    pub fn see(&self) -> Observed {
        let deployment = |replicas, ready: bool| DeploymentSeen {
            replicas,
            ready: if ready { replicas } else { 0 },
            is_current: true,
            ..DeploymentSeen::default()
        };
        let is_up = self.job.is_some() && !self.is_unreachable;
        let status = &self.resource.status;
        let operation =
            |id: &Option<String>| self.operations.get(id.as_ref()?).cloned().filter(|_| is_up);
        let hook = under_way(&self.resource, &defaults()).map(|run| {
            let name = hook_job_name(&self.resource.names, run.list.name(), &run.hook, run.run);
            self.jobs.get(&name).cloned().unwrap_or_default()
        });
        Observed {
            now: self.now,
            job_manager: self.template.as_ref().map(|_| deployment(1, self.job.is_some())),
            task_manager: self
                .objects
                .contains_key(&(ObjectKind::Deployment, "job-taskmanager".to_owned()))
                .then(|| deployment(self.task_managers, true)),
            objects: self.objects.clone(),
            pods: self.pods.clone(),
            rest: if is_up { self.answers() } else { RestSeen::Unreachable("no".to_owned()) },
            operation: operation(&status.progress.trigger_id),
            savepoint: operation(&status.job_status.savepoint_info.trigger_id),
            checkpoint: operation(&status.job_status.checkpoint_info.trigger_id),
            hook: hook.unwrap_or_default(),
            ..Observed::default()
        }
    }

    fn answers(&self) -> RestSeen {
        let (id, job) = self.job.as_ref().unwrap();
        let seen = JobSeen {
            id: id.clone(),
            name: "WordCount".to_owned(),
            state: job.state.clone(),
            ..JobSeen::default()
        };
        let latest = job.checkpoint.clone();
        let checkpoints = CheckpointsSeen { latest, ..CheckpointsSeen::default() };
        RestSeen::Answers {
            jobs: vec![seen],
            failure: (job.state == "FAILED").then(|| "no such package".to_owned()),
            checkpoints: Some(checkpoints),
            info: BTreeMap::new(),
        }
    }

    /// Decides, writes the status, and does the first of the actions.
    pub fn reconcile(&mut self, actions_done: usize) -> Decision {
        let decision = decide(&self.resource, &self.see(), &defaults());
        self.resource.status = decision.status.clone();
        self.resource.has_finalizer |= decision.finalizer == Finalizer::Add;
        self.events.extend(decision.events.clone());
        for action in decision.actions.iter().take(actions_done) {
            self.act(action.clone());
        }
        if decision.finalizer == Finalizer::Remove {
            self.is_gone = true;
        }
        decision
    }

    /// Lets a second pass, with all that happens in it, and reconciles.
    pub fn tick(&mut self) -> Decision {
        self.pass();
        self.reconcile(usize::MAX)
    }

    pub fn pass(&mut self) {
        self.now += 1_000;
        if self.job.is_none() && self.template.is_some() {
            self.start_job_manager();
        }
        let Some((id, job)) = &mut self.job else { return };
        if job.state == "CREATED" && self.task_managers > 0 {
            job.state = "RUNNING".to_owned();
        }
        if job.state == "RUNNING" {
            job.count += 10;
            if job.count.is_multiple_of(20) {
                let folder = format!("file:///data/cp/{id}");
                job.checkpoint = Some(format!("{folder}/chk-{}", job.count));
                self.storage.insert(folder, job.count);
                self.durable = job.count;
            }
        }
    }

    /// Starts the JobManager's process: with the job as it was, if it had accepted it before.
    fn start_job_manager(&mut self) {
        let (template, _) = self.template.as_ref().unwrap();
        let arguments = &template["spec"]["containers"][0]["args"];
        let words: Vec<&str> =
            arguments.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
        let after = |option: &str| {
            let at = words.iter().position(|word| *word == option)?;
            Some((*words.get(at + 1)?).to_owned())
        };
        let id = after("--job-id").unwrap();
        let from = after("--fromSavepoint");
        let own = format!("file:///data/cp/{id}");
        let count = match (self.storage.get(&own), &from) {
            (Some(count), _) => *count,
            (None, Some(from)) => *self
                .storage
                .get(from)
                .unwrap_or_else(|| panic!("the job is to start from {from}, which isn't there")),
            (None, None) => 0,
        };
        self.starts.push((id.clone(), count));
        // What it was restored from is told, too.
        let checkpoint = self.storage.contains_key(&own).then(|| format!("{own}/chk-{count}"));
        let job = Job { state: "CREATED".to_owned(), count, from, checkpoint };
        self.operations.clear();
        self.job = Some((id, job));
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Apply(object) => {
                let key = (object.kind, object.name.clone());
                self.objects.insert(key, object.fingerprint.clone());
                if object.kind == ObjectKind::Job {
                    self.jobs.insert(object.name.clone(), HookSeen::Running);
                }
                if object.name == "job" && object.kind == ObjectKind::Deployment {
                    let template = object.body["spec"]["template"].clone();
                    if self.template.as_ref().is_none_or(|(old, _)| *old != template) {
                        // The old pod goes first.
                        self.job = None;
                        self.template = Some((template, self.now));
                    }
                }
                if object.name == "job-taskmanager" && object.kind == ObjectKind::Deployment {
                    self.task_managers =
                        i32::try_from(object.body["spec"]["replicas"].as_i64().unwrap()).unwrap();
                }
            }
            Action::Delete(kind, name) => {
                if kind == ObjectKind::Deployment && name == "job" {
                    self.template = None;
                    self.job = None;
                } else if kind == ObjectKind::Deployment {
                    self.task_managers = 0;
                }
                self.objects.remove(&(kind, name));
            }
            Action::Hook(run) => {
                let name = hook_job_name(&self.resource.names, run.list.name(), &run.hook, run.run);
                self.jobs.entry(name).or_insert(HookSeen::Running);
            }
            _ if self.is_unreachable || self.job.is_none() => {}
            Action::Cancel { job } => {
                let (id, own) = self.job.as_mut().unwrap();
                if *id == job && !JobSeen::is_terminal(&own.state) {
                    own.state = "CANCELED".to_owned();
                }
            }
            Action::Savepoint { job, trigger, stops, directory } => {
                let (id, own) = self.job.as_mut().unwrap();
                if *id != job || self.operations.contains_key(&trigger) {
                    return;
                }
                if own.state != "RUNNING" || self.cannot_take_savepoints {
                    let failed = OperationSeen::Failed("it can't".to_owned());
                    self.operations.insert(trigger, failed);
                    return;
                }
                let path = format!("{}/savepoint-{trigger}", directory.unwrap());
                self.storage.insert(path.clone(), own.count);
                self.operations.insert(trigger, OperationSeen::Done(Some(path)));
                if stops {
                    own.state = "FINISHED".to_owned();
                    self.durable = own.count;
                }
            }
            Action::Checkpoint { trigger, .. } | Action::Rescale { trigger, .. } => {
                self.operations.insert(trigger, OperationSeen::Done(None));
            }
            Action::Submit { .. } => {}
        }
    }

    /// Lets time pass until something holds.
    pub fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        for _ in 0..200 {
            self.tick();
            if holds(self) {
                return;
            }
        }
        panic!("{what} never was; the status is {:#?}", self.resource.status);
    }

    pub fn until_stable(&mut self) {
        self.until("a stable job", |world| {
            world.lifecycle() == LifecycleState::Stable
                && world.resource.status.job_status.state.as_deref() == Some("RUNNING")
        });
    }
}

pub fn defaults() -> Defaults {
    Defaults { image: "sciurus:0.1.0".to_owned() }
}

//! What all reconciliations share.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::events::{Recorder, Reporter};
use kube::{Api, core::ObjectMeta};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::http::Http;
use super::metrics::Metrics;
use crate::Options;
use crate::decide::{Defaults, HookSeen};
use crate::model::Kind;
use crate::objects::ObjectKind;
use crate::resources::{GROUP, VERSION};

/// The name under which the operator applies objects and writes events.
pub const OPERATOR: &str = "sciurus-operator";

/// How many of these one resource may have in memory.
const MAX_HOOKS: usize = 64;

/// What all reconciliations share.
pub struct Context {
    pub client: Client,
    pub http: Http,
    pub options: Options,
    pub defaults: Defaults,
    pub metrics: Arc<Metrics>,
    pub recorder: Recorder,
    /// What is remembered of each resource, by its uid. All of it can be lost.
    memories: Mutex<HashMap<String, Memory>>,
}

/// What is remembered of a resource.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Why the last action that failed did.
    pub failure: Option<String>,
    /// How often in a row actions failed.
    pub failures: u32,
    /// The objects that there were when they were last listed, with what they were made from.
    pub objects: Option<Listed>,
    /// The generations of Deployments as they were applied, by their names.
    pub applied: BTreeMap<String, i64>,
    /// How HTTP calls of hooks went, by their runs.
    pub hooks: BTreeMap<(&'static str, i64, String), HookSeen>,
    /// The state in which it was last seen, for metrics.
    pub state: Option<(Kind, &'static str)>,
}

/// Objects that were listed.
#[derive(Clone, Debug)]
pub struct Listed {
    /// When.
    pub at: Instant,
    /// All of them, with what they were made from.
    pub objects: BTreeMap<(ObjectKind, String), String>,
    /// Where the REST API is.
    pub rest_ip: Option<String>,
    /// How the resource's Jobs went, by their names.
    pub jobs: BTreeMap<String, HookSeen>,
}

impl Context {
    pub fn new(client: Client, http: Http, options: Options, metrics: Arc<Metrics>) -> Self {
        let reporter =
            Reporter { controller: OPERATOR.to_owned(), instance: Some(options.identity.clone()) };
        let recorder = Recorder::new(client.clone(), reporter);
        let defaults = Defaults { image: options.image.clone() };
        let memories = Mutex::default();
        Self { client, http, options, defaults, metrics, recorder, memories }
    }

    /// Returns what is remembered of a resource.
    pub fn memory(&self, uid: &str) -> Memory {
        self.memories.lock().get(uid).cloned().unwrap_or_default()
    }

    /// Changes what is remembered of a resource.
    pub fn remember(&self, uid: &str, change: impl FnOnce(&mut Memory)) {
        let mut memories = self.memories.lock();
        let memory = memories.entry(uid.to_owned()).or_default();
        change(memory);
        while memory.hooks.len() > MAX_HOOKS {
            memory.hooks.pop_first();
        }
    }

    /// Forgets a resource that is gone.
    pub fn forget(&self, uid: &str) {
        self.memories.lock().remove(uid);
    }

    /// Returns how many resources of each kind are in each state.
    pub fn states(&self) -> BTreeMap<(Kind, &'static str), u64> {
        let mut states = BTreeMap::new();
        for memory in self.memories.lock().values() {
            if let Some(state) = memory.state {
                *states.entry(state).or_default() += 1;
            }
        }
        states
    }

    /// Returns how long to wait after so many failures in a row.
    pub fn pause(failures: u32) -> Duration {
        Duration::from_secs(1 << failures.min(6)).min(Duration::from_secs(60))
    }

    /// Returns the API of a kind of objects in a namespace.
    pub fn objects(&self, kind: ObjectKind, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &object_resource(kind))
    }
}

/// Describes a kind of objects to the client.
pub fn object_resource(kind: ObjectKind) -> ApiResource {
    let (group, version, name, plural) = kind.api();
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, name), plural)
}

/// Describes a kind of resources to the client.
pub fn resource_kind(kind: Kind) -> ApiResource {
    let gvk = GroupVersionKind::gvk(GROUP, VERSION, kind.name());
    ApiResource::from_gvk_with_plural(&gvk, &format!("{}s", kind.lower_name()))
}

/// Says whether an object belongs to the resource with this uid.
pub fn belongs_to(meta: &ObjectMeta, uid: &str) -> bool {
    meta.owner_references.iter().flatten().any(|owner| owner.uid == uid)
}

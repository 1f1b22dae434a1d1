//! The loop: see, decide, write the status, do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::join_all;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::DynamicObject;
use kube::core::PartialObjectMeta;
use kube::runtime::controller::{Action, Config, Controller};
use kube::runtime::events::{Event, EventType};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use kube::{Api, Client, Resource as _, ResourceExt};
use serde::de::DeserializeOwned;

use super::context::{Context, resource_kind};
use super::{act, look, stored};
use crate::decide::{self, Decision, Finalizer, Resource};
use crate::model::Kind;
use crate::objects::{KIND_LABEL, MANAGED_BY, fingerprint};
use crate::resources::LifecycleState;

/// How many resources of a kind are dealt with at once.
const CONCURRENCY: u16 = 8;

/// How long after a failure to speak with the API server it is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// The longest text of an event, in bytes.
const MAX_EVENT_BYTES: usize = 1000;

/// Runs the controllers of all kinds; doesn't end by itself.
pub async fn run_all(context: &Arc<Context>) {
    let namespaces: Vec<Option<String>> = if context.options.namespaces.is_empty() {
        vec![None]
    } else {
        context.options.namespaces.iter().cloned().map(Some).collect()
    };
    let controllers = namespaces
        .iter()
        .flat_map(|namespace| Kind::ALL.map(|kind| run(context.clone(), kind, namespace.clone())));
    join_all(controllers).await;
}

fn all_or_one<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

async fn run(context: Arc<Context>, kind: Kind, namespace: Option<String>) {
    let client = &context.client;
    let namespace = namespace.as_deref();
    let resource = resource_kind(kind);
    let api: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let (managed_by, operator) = MANAGED_BY;
    let labels = format!("{managed_by}={operator},{KIND_LABEL}={}", kind.lower_name());
    let ours = watcher::Config::default().labels(&labels);
    let mut controller = Controller::new_with(api, watcher::Config::default(), resource.clone())
        .with_config(Config::default().concurrency(CONCURRENCY));
    // All else is listed from time to time; each watch is a connection.
    if kind != Kind::FlinkSessionJob {
        controller = watches::<Pod>(controller, client, namespace, &ours, kind);
        controller = watches::<Deployment>(controller, client, namespace, &ours, kind);
    }
    controller
        .run(
            move |object, context| reconcile(kind, object, context),
            |_, error, context: Arc<Context>| {
                context.metrics.failed();
                tracing::warn!("{error}");
                Action::requeue(RETRY)
            },
            context.clone(),
        )
        .for_each(|_| std::future::ready(()))
        .await;
}

/// Looks at a resource when one of its objects changes; of objects only the metadata is kept.
fn watches<K>(
    controller: Controller<DynamicObject>,
    client: &Client,
    namespace: Option<&str>,
    ours: &watcher::Config,
    kind: Kind,
) -> Controller<DynamicObject>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + Send
        + Sync
        + DeserializeOwned
        + 'static,
{
    let api: Api<PartialObjectMeta<K>> = all_or_one(client, namespace);
    controller.watches(api, ours.clone(), move |object: PartialObjectMeta<K>| {
        let name = object.labels().get("app")?.clone();
        let found = ObjectRef::<DynamicObject>::new_with(&name, resource_kind(kind));
        Some(found.within(&object.namespace()?))
    })
}

async fn reconcile(
    kind: Kind,
    object: Arc<DynamicObject>,
    context: Arc<Context>,
) -> Result<Action, kube::Error> {
    let began = Instant::now();
    let namespace = object.namespace().unwrap_or_default();
    let api = stored::api(context.client.clone(), kind, &namespace);
    // What is cached may be older than what was written last.
    let Some(object) = api.get_opt(&object.name_any()).await? else {
        context.forget(&object.uid().unwrap_or_default());
        return Ok(Action::await_change());
    };
    let Some(resource) = stored::read(kind, &object) else { return Ok(Action::await_change()) };
    let seen = look::look(&context, &resource).await?;
    let decision = decide::decide(&resource, &seen, &context.defaults);
    let next = carry_out(&context, &api, object, &resource, decision).await;
    context.metrics.reconciled(kind, began.elapsed());
    next
}

/// Carries a decision out: the finalizer that guards what is made, the status, then the actions.
async fn carry_out(
    context: &Context,
    api: &Api<DynamicObject>,
    mut object: DynamicObject,
    resource: &Resource,
    decision: Decision,
) -> Result<Action, kube::Error> {
    let names = &resource.names;
    let Decision { status, finalizer, actions, events, next } = decision;
    if finalizer == Finalizer::Add {
        object = or_conflict(stored::write_finalizer(api, &object, finalizer).await)?;
    }
    if status != resource.status {
        object = or_conflict(stored::write_status(api, &object, names.kind, &status).await)?;
    }
    tell(context, &object, resource, events).await;
    let state = status.lifecycle_state.map(LifecycleState::name);
    context.remember(&names.uid, |memory| {
        memory.state = state.map(|state| (names.kind, state));
    });
    let has_actions = !actions.is_empty();
    for action in actions {
        if let Err(error) = act::act(context, resource, action).await {
            context.metrics.failed();
            tracing::warn!("{} {}/{}: {error}", names.kind.name(), names.namespace, names.name);
            let mut pause = RETRY;
            context.remember(&names.uid, |memory| {
                memory.failure = Some(error.to_string());
                pause = Context::pause(memory.failures);
                memory.failures += 1;
                memory.objects = None;
            });
            return Ok(Action::requeue(pause));
        }
    }
    context.remember(&names.uid, |memory| {
        memory.failure = None;
        memory.failures = 0;
        if has_actions {
            memory.objects = None;
        }
    });
    if finalizer == Finalizer::Remove {
        or_conflict(stored::write_finalizer(api, &object, finalizer).await)?;
        context.forget(&names.uid);
        return Ok(Action::await_change());
    }
    Ok(Action::requeue(if has_actions { next.min(AFTER_ACTIONS) } else { next }))
}

/// When to see what actions have led to.
const AFTER_ACTIONS: Duration = Duration::from_secs(1);

/// That somebody else wrote the resource meanwhile is no failure: it is looked at again.
fn or_conflict<T>(result: kube::Result<T>) -> kube::Result<T> {
    if let Err(kube::Error::Api(status)) = &result
        && status.is_conflict()
    {
        tracing::debug!("{}", status.message);
    }
    result
}

/// Writes events, which are for people: nothing depends on them.
async fn tell(
    context: &Context,
    object: &DynamicObject,
    resource: &Resource,
    events: Vec<decide::Event>,
) {
    let reference = object.object_ref(&resource_kind(resource.names.kind));
    for event in events {
        let mut note = event.message;
        if note.len() > MAX_EVENT_BYTES {
            let end = (0..=MAX_EVENT_BYTES).rev().find(|at| note.is_char_boundary(*at));
            note.truncate(end.unwrap_or_default());
        }
        let written = context
            .recorder
            .publish(
                &Event {
                    type_: if event.is_warning { EventType::Warning } else { EventType::Normal },
                    reason: event.reason.to_owned(),
                    // Events that differ in the note alone would be counted as the first of them.
                    action: format!("{}-{}", event.reason, fingerprint(&note)),
                    note: Some(note),
                    secondary: None,
                },
                &reference,
            )
            .await;
        if let Err(error) = written {
            tracing::warn!("an event can't be written: {error}");
        }
    }
}

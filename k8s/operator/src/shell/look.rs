//! Seeing a resource's cluster.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ContainerState, Pod};
use k8s_openapi::jiff::Timestamp;
use kube::api::{DynamicObject, ListParams};
use kube::{Api, ResourceExt};
use serde_json::Value;
use tokio::time::Instant;

use super::context::{Context, Listed, Memory, belongs_to};
use super::job_manager::{JobManager, JobManagerError};
use super::session;
use crate::decide::{
    DeploymentSeen, HookSeen, JobSeen, Observed, PodSeen, Resource, RestSeen, Terminated, under_way,
};
use crate::model::names::REST_PORT;
use crate::model::{Kind, Names};
use crate::objects::{FINGERPRINT, KIND_LABEL, ObjectKind, hook_job_name};
use crate::resources::{LifecycleState, Stage};

/// How long a list of objects is good for where nothing changes.
const LIST_LIFE: Duration = Duration::from_secs(60);

/// Sees all that a decision about a resource depends on.
///
/// # Errors
/// What the API server says; that a JobManager doesn't answer is something that is seen.
pub async fn look(context: &Context, resource: &Resource) -> kube::Result<Observed> {
    let names = &resource.names;
    let memory = context.memory(&names.uid);
    let mut seen = Observed {
        now: Timestamp::now().as_millisecond(),
        failure: memory.failure.clone(),
        ..Observed::default()
    };
    let listed = list(context, resource, &memory).await?;
    seen.objects.clone_from(&listed.objects);
    let job_manager = if names.kind == Kind::FlinkSessionJob {
        let (session, host) = session::find(context, resource).await?;
        seen.session = session;
        host
    } else {
        look_at_deployments(context, names, &memory, &mut seen).await?;
        if resource.is_deleted {
            seen.session_jobs = session::jobs_of(context, names).await?;
        }
        listed.rest_ip.clone().filter(|_| seen.job_manager.is_some())
    };
    if let Some(host) = job_manager {
        let job_manager = JobManager::new(context.http.clone(), &host, REST_PORT);
        ask(&job_manager, resource, &mut seen).await;
    }
    if let Some(run) = under_way(resource, &context.defaults) {
        let list = run.list.name();
        seen.hook = if run.hook.job.is_some() {
            let name = hook_job_name(names, list, &run.hook, run.run);
            listed.jobs.get(&name).cloned().unwrap_or_default()
        } else {
            let key = (list, run.run, run.hook.name.clone());
            memory.hooks.get(&key).cloned().unwrap_or_default()
        };
    }
    Ok(seen)
}

fn selector(names: &Names) -> ListParams {
    let labels = format!("app={},{KIND_LABEL}={}", names.name, names.kind.lower_name());
    ListParams::default().labels(&labels)
}

/// Lists a resource's objects, or remembers them where nothing happens.
async fn list(context: &Context, resource: &Resource, memory: &Memory) -> kube::Result<Listed> {
    let names = &resource.names;
    let is_calm = resource.status.lifecycle_state == Some(LifecycleState::Stable)
        && under_way(resource, &context.defaults).is_none()
        && resource.status.observed_generation == Some(resource.generation)
        && !resource.is_deleted;
    if let Some(listed) = &memory.objects
        && is_calm
        && listed.at.elapsed() < LIST_LIFE
    {
        return Ok(listed.clone());
    }
    let mut listed = Listed {
        at: Instant::now(),
        objects: BTreeMap::new(),
        rest_ip: None,
        jobs: BTreeMap::new(),
    };
    for kind in ObjectKind::ALL {
        if names.kind == Kind::FlinkSessionJob && kind != ObjectKind::Job {
            continue;
        }
        let found = context.objects(kind, &names.namespace).list(&selector(names)).await?;
        for object in found.items {
            if !belongs_to(&object.metadata, &names.uid) {
                continue;
            }
            let name = object.name_any();
            if kind == ObjectKind::Service && name == names.rest() {
                listed.rest_ip = cluster_ip(&object);
            }
            if kind == ObjectKind::Job {
                listed.jobs.insert(name.clone(), job(&object));
            }
            let fingerprint = object.annotations().get(FINGERPRINT).cloned().unwrap_or_default();
            listed.objects.insert((kind, name), fingerprint);
        }
    }
    context.remember(&names.uid, |memory| memory.objects = Some(listed.clone()));
    Ok(listed)
}

/// Returns the address of a Service within the cluster.
pub fn cluster_ip(service: &DynamicObject) -> Option<String> {
    let ip = service.data.get("spec")?.get("clusterIP")?.as_str()?;
    (!ip.is_empty() && ip != "None").then(|| ip.to_owned())
}

/// Says how a Job went.
fn job(job: &DynamicObject) -> HookSeen {
    let conditions = job.data.get("status").and_then(|status| status.get("conditions"));
    let conditions = conditions.and_then(Value::as_array).into_iter().flatten();
    for condition in conditions {
        let text = |key: &str| condition.get(key).and_then(Value::as_str).unwrap_or_default();
        if text("status") != "True" {
            continue;
        }
        match text("type") {
            "Complete" => return HookSeen::Succeeded,
            "Failed" => {
                let message = format!("the Job {}: {}", job.name_any(), text("message"));
                return HookSeen::Failed(message);
            }
            _ => {}
        }
    }
    HookSeen::Running
}

async fn look_at_deployments(
    context: &Context,
    names: &Names,
    memory: &Memory,
    seen: &mut Observed,
) -> kube::Result<()> {
    let deployments: Api<Deployment> = Api::namespaced(context.client.clone(), &names.namespace);
    for deployment in deployments.list(&selector(names)).await?.items {
        if !belongs_to(&deployment.metadata, &names.uid) {
            continue;
        }
        let name = deployment.name_any();
        let applied = memory.applied.get(&name).copied();
        let fingerprint = deployment.annotations().get(FINGERPRINT).cloned().unwrap_or_default();
        seen.objects.insert((ObjectKind::Deployment, name.clone()), fingerprint);
        let found = deployment_seen(&deployment, applied);
        if name == names.job_manager() {
            seen.job_manager = Some(found);
        } else if name == names.task_manager() {
            seen.task_manager = Some(found);
        }
    }
    seen.objects.retain(|(kind, name), _| {
        let is_there = match name {
            name if name == names.job_manager() => seen.job_manager.is_some(),
            name if *name == names.task_manager() => seen.task_manager.is_some(),
            _ => false,
        };
        *kind != ObjectKind::Deployment || is_there
    });
    let pods: Api<Pod> = Api::namespaced(context.client.clone(), &names.namespace);
    let pods = pods.list(&selector(names)).await?;
    seen.pods = pods.items.iter().map(pod).collect();
    Ok(())
}

fn deployment_seen(deployment: &Deployment, applied: Option<i64>) -> DeploymentSeen {
    let spec = deployment.spec.as_ref();
    let replicas = spec.and_then(|spec| spec.replicas).unwrap_or(1);
    let generation = deployment.metadata.generation.unwrap_or_default();
    let Some(status) = &deployment.status else {
        return DeploymentSeen { replicas, ..DeploymentSeen::default() };
    };
    let conditions = status.conditions.iter().flatten();
    let failure = conditions
        .filter(|condition| condition.type_ == "ReplicaFailure" && condition.status == "True")
        .find_map(|condition| condition.message.clone());
    DeploymentSeen {
        replicas,
        ready: status.ready_replicas.unwrap_or_default(),
        is_current: status.observed_generation.unwrap_or_default() >= generation
            && status.updated_replicas.unwrap_or_default() >= replicas,
        failure,
        has_drifted: applied.is_some_and(|applied| applied != generation),
    }
}

/// Tells of a pod what keeps it from running.
fn pod(pod: &Pod) -> PodSeen {
    let mut seen = PodSeen {
        name: pod.name_any(),
        component: pod.labels().get("component").cloned().unwrap_or_default(),
        is_deleted: pod.metadata.deletion_timestamp.is_some(),
        ..PodSeen::default()
    };
    let Some(status) = &pod.status else { return seen };
    for condition in status.conditions.iter().flatten() {
        match (condition.type_.as_str(), condition.status.as_str()) {
            ("Ready", "True") => seen.is_ready = true,
            ("PodScheduled", "False") => {
                seen.unschedulable = condition.message.clone().or(condition.reason.clone());
            }
            _ => {}
        }
    }
    let containers = status.init_container_statuses.iter().chain(&status.container_statuses);
    for container in containers.flatten() {
        seen.restarts += container.restart_count;
        let waiting = container.state.as_ref().and_then(|state| state.waiting.as_ref());
        if let Some(waiting) = waiting {
            let reason = waiting.reason.clone().unwrap_or_default();
            seen.waiting = Some((reason, waiting.message.clone().unwrap_or_default()));
            seen.image.clone_from(&container.image);
        }
        let mut ended = [&container.state, &container.last_state].into_iter().flatten();
        seen.terminated = ended.find_map(terminated).or(seen.terminated);
    }
    seen
}

fn terminated(state: &ContainerState) -> Option<Terminated> {
    let ended = state.terminated.as_ref()?;
    Some(Terminated {
        reason: ended.reason.clone().unwrap_or_default(),
        exit_code: ended.exit_code,
        message: ended.message.clone().unwrap_or_default(),
    })
}

/// Asks the JobManager.
async fn ask(job_manager: &JobManager, resource: &Resource, seen: &mut Observed) {
    match ask_all(job_manager, resource, seen).await {
        Ok(rest) => seen.rest = rest,
        Err(error) => seen.rest = RestSeen::Unreachable(error.to_string()),
    }
}

async fn ask_all(
    job_manager: &JobManager,
    resource: &Resource,
    seen: &mut Observed,
) -> Result<RestSeen, JobManagerError> {
    let status = &resource.status;
    let jobs = job_manager.jobs().await?;
    let info =
        if status.cluster_info.is_empty() { job_manager.info().await? } else { BTreeMap::new() };
    let (mut failure, mut checkpoints) = (None, None);
    let job = status.job_status.job_id.as_deref();
    let job = job.and_then(|id| jobs.iter().find(|job| job.id == id));
    if let Some(JobSeen { id, state, .. }) = job {
        if ["FAILED", "FAILING", "RESTARTING"].contains(&state.as_str()) {
            failure = job_manager.failure(id).await?;
        }
        checkpoints = job_manager.checkpoints(id).await?;
        let progress = &status.progress;
        if let Some(trigger) = &progress.trigger_id {
            let is_stopping =
                matches!(progress.stage, Some(Stage::Stopping | Stage::StoppingForDeletion));
            let kind = if is_stopping { "savepoints" } else { "rescale" };
            seen.operation = job_manager.operation(id, kind, trigger).await?;
        }
        let status = &status.job_status;
        if let Some(trigger) = &status.savepoint_info.trigger_id {
            seen.savepoint = job_manager.operation(id, "savepoints", trigger).await?;
        }
        if let Some(trigger) = &status.checkpoint_info.trigger_id {
            seen.checkpoint = job_manager.operation(id, "checkpoints", trigger).await?;
        }
    }
    Ok(RestSeen::Answers { jobs, failure, checkpoints, info })
}

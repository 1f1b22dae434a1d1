//! Doing what was decided.

use std::time::Duration;

use hyper::Method;
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use super::context::{Context, OPERATOR, belongs_to};
use super::http::{Call, HttpError};
use super::job_manager::{JobManager, JobManagerError};
use super::{look, session};
use crate::decide::{Action, HookRun, HookSeen, Resource};
use crate::model::Kind;
use crate::model::names::REST_PORT;
use crate::objects::{Object, ObjectKind, hook_job};
use crate::resources::HttpHookSpec;

/// Says why something couldn't be done.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// The API server refuses, or doesn't answer.
    #[error("can't {action} {kind} {name}: {source}")]
    Api {
        /// What should be done.
        action: &'static str,
        /// To what.
        kind: &'static str,
        /// To which.
        name: String,
        /// What the API server says.
        source: Box<kube::Error>,
    },
    /// The name of an object is taken.
    #[error(
        "the {kind} {name} exists and belongs to something else: delete it, or give the resource \
         another name"
    )]
    Taken {
        /// The object's kind.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// There is no way to the JobManager.
    #[error("the JobManager can't be found")]
    NoJobManager,
    /// The JobManager refuses, or doesn't answer.
    #[error("can't {action}: {source}")]
    JobManager {
        /// What should be done.
        action: &'static str,
        /// Why not.
        source: JobManagerError,
    },
}

/// Does one thing. All may be done any number of times.
///
/// # Errors
/// [`ActError`] where it couldn't be done; it is decided anew then.
pub async fn act(context: &Context, resource: &Resource, action: Action) -> Result<(), ActError> {
    let (what, done) = match action {
        Action::Apply(object) => return apply(context, resource, &object).await,
        Action::Delete(kind, name) => return delete(context, resource, kind, &name).await,
        Action::Hook(run) => return hook(context, resource, *run).await,
        Action::Cancel { job } => {
            ("cancel the job", job_manager(context, resource).await?.cancel(&job).await)
        }
        Action::Savepoint { job, trigger, directory, stops } => {
            let what =
                if stops { "stop the job with a savepoint" } else { "take a savepoint of the job" };
            let job_manager = job_manager(context, resource).await?;
            (what, job_manager.savepoint(&job, &trigger, directory.as_deref(), stops).await)
        }
        Action::Checkpoint { job, trigger } => {
            let job_manager = job_manager(context, resource).await?;
            ("take a checkpoint of the job", job_manager.checkpoint(&job, &trigger).await)
        }
        Action::Rescale { job, trigger, parallelism } => {
            let job_manager = job_manager(context, resource).await?;
            ("change the job's parallelism", job_manager.rescale(&job, &trigger, parallelism).await)
        }
        Action::Submit { job, launch } => {
            ("run the job", job_manager(context, resource).await?.submit(&job, &launch).await)
        }
    };
    done.map_err(|source| ActError::JobManager { action: what, source })
}

async fn job_manager(context: &Context, resource: &Resource) -> Result<JobManager, ActError> {
    let names = &resource.names;
    let failed = |source: kube::Error| ActError::Api {
        action: "find",
        kind: "Service",
        name: names.rest(),
        source: Box::new(source),
    };
    let host = if names.kind == Kind::FlinkSessionJob {
        session::find(context, resource).await.map_err(failed)?.1
    } else {
        let services = context.objects(ObjectKind::Service, &names.namespace);
        let service = services.get_opt(&names.rest()).await.map_err(failed)?;
        service.as_ref().and_then(look::cluster_ip)
    };
    let host = host.ok_or(ActError::NoJobManager)?;
    Ok(JobManager::new(context.http.clone(), &host, REST_PORT))
}

async fn apply(context: &Context, resource: &Resource, object: &Object) -> Result<(), ActError> {
    let names = &resource.names;
    let (_, _, kind, _) = object.kind.api();
    let failed = |source: kube::Error| ActError::Api {
        action: "apply",
        kind,
        name: object.name.clone(),
        source: Box::new(source),
    };
    let api = context.objects(object.kind, &names.namespace);
    let found = api.get_opt(&object.name).await.map_err(failed)?;
    if found.is_some_and(|found| !belongs_to(&found.metadata, &names.uid)) {
        return Err(ActError::Taken { kind, name: object.name.clone() });
    }
    let parameters = PatchParams::apply(OPERATOR).force();
    let applied = api.patch(&object.name, &parameters, &Patch::Apply(&object.body)).await;
    let applied = applied.map_err(failed)?;
    if object.kind == ObjectKind::Deployment
        && let Some(generation) = applied.metadata.generation
    {
        context.remember(&names.uid, |memory| {
            memory.applied.insert(applied.name_any(), generation);
        });
    }
    Ok(())
}

async fn delete(
    context: &Context,
    resource: &Resource,
    kind: ObjectKind,
    name: &str,
) -> Result<(), ActError> {
    let api = context.objects(kind, &resource.names.namespace);
    match api.delete(name, &DeleteParams::background()).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        Err(source) => Err(ActError::Api {
            action: "delete",
            kind: kind.api().2,
            name: name.to_owned(),
            source: Box::new(source),
        }),
    }
}

async fn hook(context: &Context, resource: &Resource, run: HookRun) -> Result<(), ActError> {
    let names = &resource.names;
    let list = run.list.name();
    let job = hook_job(names, list, &run.hook, run.run, &run.image, run.timeout_seconds);
    if let Some(job) = job {
        return apply(context, resource, &job).await;
    }
    let Some(http) = &run.hook.http else { return Ok(()) };
    let seen = match call(context, resource, &run, http).await {
        Ok(status) if (200..300).contains(&status) => HookSeen::Succeeded,
        Ok(status) => HookSeen::Failed(format!("{} answers with status {status}", http.url)),
        Err(error) => HookSeen::Failed(error.to_string()),
    };
    context.remember(&names.uid, |memory| {
        memory.hooks.insert((list, run.run, run.hook.name), seen);
    });
    Ok(())
}

async fn call(
    context: &Context,
    resource: &Resource,
    run: &HookRun,
    http: &HttpHookSpec,
) -> Result<u16, HttpError> {
    let names = &resource.names;
    let method = http.method.as_deref().unwrap_or("POST");
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|error| HttpError::Request { url: http.url.clone(), reason: error.to_string() })?;
    let description = || {
        let status = &resource.status.job_status;
        let description = json!({
            "hook": run.hook.name,
            "event": run.list.name(),
            "kind": names.kind.name(),
            "namespace": names.namespace,
            "name": names.name,
            "jobId": status.job_id,
            "jobState": status.state,
        });
        description.to_string()
    };
    let mut headers: Vec<_> =
        http.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    if http.body.is_none() {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    let call = Call {
        method,
        url: &http.url,
        headers: &headers,
        body: http.body.clone().unwrap_or_else(description).into_bytes(),
        timeout: Duration::from_secs(u64::from(run.timeout_seconds.unsigned_abs())),
    };
    context.http.send(call).await.map(|answer| answer.status)
}

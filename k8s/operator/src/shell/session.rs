//! Session clusters and their jobs.

use kube::Api;
use kube::api::{DynamicObject, ListParams};
use serde_json::Value;

use super::context::{Context, resource_kind};
use super::look::cluster_ip;
use super::stored;
use crate::decide::{Resource, SessionSeen};
use crate::model::{Kind, Names};
use crate::objects::ObjectKind;

/// The kinds that a session job's cluster may be of, the likelier first.
const CLUSTERS: [Kind; 2] = [Kind::FlinkDeployment, Kind::FlinkCluster];

/// Finds the session cluster of a session job, and where its REST API is.
///
/// # Errors
/// What the API server says.
pub async fn find(
    context: &Context,
    resource: &Resource,
) -> kube::Result<(Option<SessionSeen>, Option<String>)> {
    let names = &resource.names;
    let Some(name) = resource.spec.get("deploymentName").and_then(Value::as_str) else {
        return Ok((None, None));
    };
    for kind in CLUSTERS {
        let api = stored::api(context.client.clone(), kind, &names.namespace);
        let Some(cluster) = api.get_opt(name).await? else { continue };
        let at = |path: &str| cluster.data.pointer(path).filter(|value| !value.is_null());
        if at("/spec/job").is_some() {
            return Ok((Some(SessionSeen::HasJob), None));
        }
        let text = |path: &str| at(path).and_then(Value::as_str);
        if text("/status/jobManagerDeploymentStatus") != Some("READY") {
            let why = text("/status/error").or(text("/status/lifecycleState"));
            let why = why.unwrap_or("it isn't deployed").to_owned();
            return Ok((Some(SessionSeen::NotReady(why)), None));
        }
        let services = context.objects(ObjectKind::Service, &names.namespace);
        let of_cluster = Names { kind, name: name.to_owned(), ..names.clone() };
        let service = services.get_opt(&of_cluster.rest()).await?;
        return Ok((Some(SessionSeen::Ready), service.as_ref().and_then(cluster_ip)));
    }
    Ok((Some(SessionSeen::Missing), None))
}

/// Counts the session jobs that name a cluster.
///
/// # Errors
/// What the API server says.
pub async fn jobs_of(context: &Context, names: &Names) -> kube::Result<usize> {
    let resource = resource_kind(Kind::FlinkSessionJob);
    let api: Api<DynamicObject> =
        Api::namespaced_with(context.client.clone(), &names.namespace, &resource);
    let jobs = api.list(&ListParams::default()).await?;
    let names_it = |job: &&DynamicObject| {
        job.data.pointer("/spec/deploymentName").and_then(Value::as_str) == Some(&names.name)
    };
    Ok(jobs.items.iter().filter(names_it).count())
}

//! Resources as the API server has them.

use kube::api::{DynamicObject, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use super::context::{OPERATOR, resource_kind};
use crate::decide::{Finalizer, Resource};
use crate::model::{Kind, Names};
use crate::resources::{FINALIZER, GROUP, Status, VERSION};

/// Reads a resource; `None` where it is none that a decision can be made about.
pub fn read(kind: Kind, object: &DynamicObject) -> Option<Resource> {
    let names =
        Names { kind, name: object.name_any(), namespace: object.namespace()?, uid: object.uid()? };
    let status = object.data.get("status").cloned().unwrap_or_else(|| json!({}));
    // What isn't understood was written by another version: it is observed anew.
    let status = serde_json::from_value::<Status>(status).unwrap_or_default();
    Some(Resource {
        names,
        generation: object.metadata.generation.unwrap_or_default(),
        is_deleted: object.metadata.deletion_timestamp.is_some(),
        has_finalizer: object.finalizers().iter().any(|name| name == FINALIZER),
        annotations: object.annotations().clone(),
        spec: object.data.get("spec").cloned().unwrap_or(Value::Null),
        status,
    })
}

/// Writes a resource's status, if nobody has written the resource since it was read.
///
/// # Errors
/// What the API server says, a conflict among it.
pub async fn write_status(
    api: &Api<DynamicObject>,
    read: &DynamicObject,
    kind: Kind,
    status: &Status,
) -> kube::Result<DynamicObject> {
    let body = json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": kind.name(),
        "metadata": {
            "name": read.name_any(),
            "resourceVersion": read.resource_version(),
        },
        "status": status,
    });
    let parameters = PatchParams::apply(OPERATOR).force();
    api.patch_status(&read.name_any(), &parameters, &Patch::Apply(&body)).await
}

/// Adds or removes the finalizer, if nobody has written the resource since it was read.
///
/// # Errors
/// What the API server says, a conflict among it.
pub async fn write_finalizer(
    api: &Api<DynamicObject>,
    read: &DynamicObject,
    change: Finalizer,
) -> kube::Result<DynamicObject> {
    let others = read.finalizers().iter().filter(|name| *name != FINALIZER).cloned();
    let own = (change == Finalizer::Add).then(|| FINALIZER.to_owned());
    let finalizers: Vec<String> = others.chain(own).collect();
    let body = json!({ "metadata": {
        "finalizers": finalizers,
        "resourceVersion": read.resource_version(),
    }});
    api.patch(&read.name_any(), &PatchParams::default(), &Patch::Merge(&body)).await
}

/// Returns the API of a kind of resources in a namespace.
pub fn api(client: kube::Client, kind: Kind, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client, namespace, &resource_kind(kind))
}

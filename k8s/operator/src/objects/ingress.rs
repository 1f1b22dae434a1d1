//! The Ingress of the REST API.

use serde_json::json;

use super::{Object, ObjectKind, merge, object};
use crate::model::Names;
use crate::model::names::REST_PORT;
use crate::resources::IngressSpec;

pub(super) fn ingress(names: &Names, spec: &IngressSpec) -> Object {
    let template = spec.template.as_deref().unwrap_or_default();
    let address =
        template.replace("{{name}}", &names.name).replace("{{namespace}}", &names.namespace);
    let address = address.split_once("://").map_or(address.as_str(), |(_, address)| address);
    let (host, path) = address.split_once('/').unwrap_or((address, ""));
    let mut rule = json!({ "http": { "paths": [{
        "path": format!("/{path}"),
        "pathType": if path.is_empty() { "Prefix" } else { "ImplementationSpecific" },
        "backend": { "service": { "name": names.rest(), "port": { "number": REST_PORT } } },
    }]}});
    if !host.is_empty() {
        merge::lay_over(&mut rule, &json!({ "host": host }));
    }
    let mut body = json!({
        "metadata": { "annotations": spec.annotations, "labels": spec.labels },
        "spec": { "rules": [rule] },
    });
    if let Some(class) = &spec.class_name {
        merge::lay_over(&mut body, &json!({ "spec": { "ingressClassName": class } }));
    }
    if !spec.tls.is_empty() {
        merge::lay_over(&mut body, &json!({ "spec": { "tls": spec.tls } }));
    }
    object(ObjectKind::Ingress, names, names.rest(), "jobmanager", &body)
}

//! Laying one object over another, as Kubernetes merges pod templates.

use serde_json::Value;

/// How the items of a list are told apart, and whether items of the same name are merged.
struct Items {
    key: &'static str,
    are_merged: bool,
}

/// Returns how Kubernetes merges the lists of a field; others are replaced as a whole.
fn items(field: &str) -> Option<Items> {
    let (key, are_merged) = match field {
        "containers" | "initContainers" => ("name", true),
        "volumeMounts" => ("mountPath", true),
        // Each has one value or source, which isn't to be mixed with another.
        "env" | "volumes" | "imagePullSecrets" => ("name", false),
        "ports" => ("containerPort", true),
        _ => return None,
    };
    Some(Items { key, are_merged })
}

/// The ways to probe a container or to tell it something, of which there is one at a time.
const HANDLERS: [&str; 5] = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"];

/// Returns whether a field has one of several handlers.
fn has_handler(field: &str) -> bool {
    matches!(field, "readinessProbe" | "livenessProbe" | "startupProbe" | "postStart" | "preStop")
}

/// Lays `layer` over `base`: objects are merged, lists of containers, volumes, mounts and variables
/// are merged item by item, all else is replaced.
pub fn lay_over(base: &mut Value, layer: &Value) {
    lay_field_over("", base, layer);
}

fn lay_field_over(field: &str, base: &mut Value, layer: &Value) {
    match (base, layer) {
        (Value::Object(base), Value::Object(layer)) => {
            let is_handler = |key: &str| HANDLERS.contains(&key);
            if has_handler(field) && layer.keys().any(|key| is_handler(key)) {
                base.retain(|key, _| !is_handler(key) || layer.contains_key(key));
            }
            for (key, value) in layer {
                match base.get_mut(key) {
                    Some(below) => lay_field_over(key, below, value),
                    None => {
                        base.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(base), Value::Array(layer)) => match items(field) {
            Some(items) => lay_items_over(&items, base, layer),
            None => base.clone_from(layer),
        },
        (base, layer) => *base = layer.clone(),
    }
}

fn lay_items_over(items: &Items, base: &mut Vec<Value>, layer: &[Value]) {
    for item in layer {
        let is_same = |below: &&mut Value| {
            item.get(items.key).is_some() && below.get(items.key) == item.get(items.key)
        };
        match base.iter_mut().find(is_same) {
            Some(below) if items.are_merged => lay_over(below, item),
            Some(below) => *below = item.clone(),
            None => base.push(item.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_probe_has_one_way_to_ask() {
        let mut base = json!({"readinessProbe": {
            "httpGet": {"path": "/readyz", "port": 8081}, "periodSeconds": 1,
        }});
        let layer = json!({"readinessProbe": {"httpGet": {"path": "/"}, "timeoutSeconds": 9}});
        lay_over(&mut base, &layer);
        let expected = json!({"readinessProbe": {
            "httpGet": {"path": "/", "port": 8081}, "periodSeconds": 1, "timeoutSeconds": 9,
        }});
        assert_eq!(base, expected);
        lay_over(&mut base, &json!({"readinessProbe": {"exec": {"command": ["true"]}}}));
        let expected = json!({"readinessProbe": {
            "exec": {"command": ["true"]}, "periodSeconds": 1, "timeoutSeconds": 9,
        }});
        assert_eq!(base, expected);
    }

    #[test]
    fn containers_are_merged_by_name_and_mounts_by_path() {
        let mut base = json!({"containers": [{
            "name": "main",
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        }]});
        lay_over(
            &mut base,
            &json!({"containers": [
            {"name": "side", "image": "x"},
            {
                "name": "main",
                "env": [{"name": "B", "valueFrom": {"fieldRef": {}}}],
                "volumeMounts": [{"name": "own", "mountPath": "/tmp"}],
                "args": ["a"],
            },
        ], "hostNetwork": true}),
        );
        assert_eq!(
            base,
            json!({"containers": [
            {
                "name": "main",
                "env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"fieldRef": {}}}],
                "volumeMounts": [{"name": "own", "mountPath": "/tmp"}],
                "args": ["a"],
            },
            {"name": "side", "image": "x"},
        ], "hostNetwork": true})
        );
    }

    #[test]
    fn volumes_and_other_lists_are_replaced() {
        let mut base = json!({
            "args": ["a", "b"],
            "volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "emptyDir": {}}],
        });
        lay_over(
            &mut base,
            &json!({
                "args": ["c"],
                "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "x"}}],
            }),
        );
        assert_eq!(
            base,
            json!({
                "args": ["c"],
                "volumes": [
                    {"name": "v", "persistentVolumeClaim": {"claimName": "x"}},
                    {"name": "w", "emptyDir": {}},
                ],
            })
        );
    }
}

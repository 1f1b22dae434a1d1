//! The configuration's `ConfigMap`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{Object, ObjectKind, object};
use crate::model::Names;

/// The file that holds the settings.
const FILE: &str = "config.yaml";

pub(super) fn config_map(
    names: &Names,
    configuration: &BTreeMap<String, String>,
    files: &BTreeMap<String, String>,
) -> Object {
    let mut text = String::new();
    for (key, value) in configuration {
        // A text in JSON is one in YAML.
        let _ = writeln!(text, "{key}: {}", Value::from(value.as_str()));
    }
    let mut data: Map<String, Value> =
        files.iter().map(|(name, content)| (name.clone(), content.as_str().into())).collect();
    data.insert(FILE.to_owned(), text.into());
    let name = names.config_map();
    object(ObjectKind::ConfigMap, names, name, "configuration", &json!({ "data": data }))
}

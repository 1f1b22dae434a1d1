//! The charts' values: what their files say is what their schemas and the documentation say.

mod file;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::repository;
use file::{Entry, read};

const INTRODUCTION: &str = "\
# Values of the Helm charts

<!-- Generated from the charts' values.yaml. To write it anew:
     UPDATE_DOCS=1 cargo test -p sciurus-e2e --test charts -->

[Kubernetes](kubernetes.md) tells how the charts are used. A value of another name or kind than these is refused.
";

/// The charts that have values, by their names.
fn charts() -> Vec<(String, PathBuf)> {
    let folder = repository().join("k8s/helm");
    let mut charts: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("values.yaml").exists())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path))
        .collect();
    charts.sort();
    charts
}

fn entries(chart: &Path) -> Vec<Entry> {
    read(&std::fs::read_to_string(chart.join("values.yaml")).unwrap())
}

fn markdown() -> String {
    let mut out = INTRODUCTION.to_owned();
    for (name, path) in charts() {
        // Writing to a string can't fail.
        let _ = write!(out, "\n## {name}\n\n| Value | Default | Description |\n|---|---|---|\n");
        for Entry { key, default, description, .. } in entries(&path) {
            let default = default.map(|text| format!("`{text}`")).unwrap_or_default();
            let _ = writeln!(out, "| `{key}` | {default} | {description} |");
        }
    }
    out
}

#[test]
fn values_docs_are_what_the_files_say() {
    let path = repository().join("docs/helm-values.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, markdown()).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == markdown(),
        "docs/helm-values.md is not what the values say; to write it anew: \
         UPDATE_DOCS=1 cargo test -p sciurus-e2e --test charts"
    );
}

#[test]
fn every_value_is_described() {
    for (name, path) in charts() {
        for entry in entries(&path) {
            let text = &entry.description;
            assert!(text.len() > 5 && text.ends_with('.'), "{name}: {}: '{text}'", entry.key);
            assert!(!text.contains('|'), "{name}: {}", entry.key);
        }
    }
}

#[test]
fn every_value_has_a_schema_and_no_schema_is_without_a_value() {
    for (name, path) in charts() {
        let text = std::fs::read_to_string(path.join("values.schema.json")).unwrap();
        let schema: Value = serde_json::from_str(&text).unwrap();
        let mut known = BTreeSet::new();
        properties(&schema, "", &mut known);
        // Helm's own, which it gives every chart.
        known.remove("global");
        let values: BTreeSet<_> = entries(&path).into_iter().map(|entry| entry.key).collect();
        assert_eq!(values, known, "{name}: values.yaml (left) and values.schema.json (right)");
    }
}

fn properties(schema: &Value, prefix: &str, found: &mut BTreeSet<String>) {
    for (key, schema) in schema["properties"].as_object().into_iter().flatten() {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        if schema.get("properties").is_some() {
            let closed = schema["additionalProperties"] == false;
            assert!(closed, "the schema of {path} lets misspelt names pass");
        }
        properties(schema, &path, found);
        found.insert(path);
    }
}

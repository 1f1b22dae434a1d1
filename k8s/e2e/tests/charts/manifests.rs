//! The manifests for kustomize, which are rendered from the chart.

use crate::helm::Helm;
use crate::repository;

/// Folder, name of the cluster, and values of each set of manifests.
const SETS: [(&str, &str, &[&str]); 3] = [
    ("session", "flink-session", &["--set", "taskManager.replicaCount=2"]),
    (
        "application",
        "flink-application",
        &[
            "--set",
            "taskManager.replicaCount=2,job.parallelism=2,\
             job.jar=local:///opt/flink/examples/streaming/WordCount.jar",
        ],
    ),
    ("edge", "flink-edge", &["--set", "edge.enabled=true"]),
];

const HEADER: &str = "\
# Rendered from the chart k8s/helm/sciurus. To write it anew:
#   UPDATE_MANIFESTS=1 cargo test -p sciurus-e2e --test charts manifests
";

/// What only Helm needs.
const OF_HELM: [&str; 4] =
    ["helm.sh/chart:", "app.kubernetes.io/managed-by:", "# Source:", "checksum/config:"];

fn without_helm(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines() {
        let is_rest = line.trim().is_empty() || OF_HELM.iter().any(|own| line.contains(own));
        if !is_rest {
            lines.push(line);
        } else if line.contains("checksum/config:") {
            // The annotation was the only one.
            lines.pop_if(|last| last.trim() == "annotations:");
        }
    }
    lines.dedup_by(|next, last| next == last && last.trim() == "---");
    let text = lines.join("\n");
    format!("{HEADER}{}\n", text.trim_start_matches("---\n"))
}

#[test]
fn manifests_are_what_the_chart_renders() {
    let Some(helm) = Helm::find() else { return };
    for (folder, name, values) in SETS {
        let rendered = helm.template(name, &[values, &["--skip-tests"]].concat()).unwrap();
        let expected = without_helm(&rendered);
        let path = repository().join("k8s/manifests").join(folder).join("cluster.yaml");
        if std::env::var_os("UPDATE_MANIFESTS").is_some() {
            std::fs::write(&path, &expected).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == expected,
            "{} is not what the chart renders; to write it anew: \
             UPDATE_MANIFESTS=1 cargo test -p sciurus-e2e --test charts manifests",
            path.display()
        );
    }
}

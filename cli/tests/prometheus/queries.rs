//! Alerts and the dashboard ask for what there is, and alerts do what they say.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::tools::{find, monitoring};

/// Returns the names of Flink's or of ours that a query asks for.
fn names_in(text: &str) -> BTreeSet<String> {
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let words = text.split(|character| !is_part(character));
    words.filter(|word| word.starts_with("flink_")).map(str::to_owned).collect()
}

fn known() -> BTreeSet<String> {
    sciurus_metrics::catalog::names().collect()
}

#[test]
fn alerts_ask_for_metrics_that_are_exposed() {
    let alerts = fs::read_to_string(monitoring().join("alerts.yaml")).unwrap();
    let asked = names_in(&alerts);
    assert!(asked.len() > 10);
    let unknown: Vec<_> = asked.difference(&known()).cloned().collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn the_dashboard_asks_for_metrics_that_are_exposed() {
    let dashboard = fs::read_to_string(monitoring().join("dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let known = known();
    let mut asked = BTreeSet::new();
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{}", panel["title"]);
        for target in targets {
            let names = names_in(target["expr"].as_str().unwrap());
            assert!(!names.is_empty(), "{target}");
            asked.extend(names);
        }
    }
    asked.extend(names_in(&dashboard["templating"].to_string()));
    asked.extend(names_in(&dashboard["annotations"].to_string()));
    let unknown: Vec<_> = asked.difference(&known).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let rows = panels.iter().filter(|panel| panel["type"] == "row");
    let rows: Vec<_> = rows.map(|row| row["title"].as_str().unwrap()).collect();
    for row in ["Latency and event time", "Back pressure", "Checkpoints", "Restarts", "Memory"] {
        assert!(rows.contains(&row), "{rows:?}");
    }
}

#[test]
fn the_dashboards_queries_can_be_read_by_prometheus() {
    let Some(promtool) = find("promtool") else { return };
    let dashboard = fs::read_to_string(monitoring().join("dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let targets = dashboard["panels"].as_array().unwrap().iter();
    let targets = targets.filter_map(|panel| panel["targets"].as_array()).flatten();
    // As recording rules, since promtool reads those.
    let rules: Vec<_> = targets
        .map(|target| {
            let query = target["expr"].as_str().unwrap().replace("$__rate_interval", "1m");
            serde_json::json!({ "record": "x", "expr": query })
        })
        .collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    let rules = serde_json::json!({ "groups": [{ "name": "dashboard", "rules": rules }] });
    fs::write(file.path(), rules.to_string()).unwrap();
    let mut command = Command::new(promtool);
    command.args(["check", "rules", "--lint=none"]).arg(file.path());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn alerts_fire_and_keep_quiet_as_their_tests_say() {
    let Some(promtool) = find("promtool") else { return };
    for arguments in [["check", "rules", "alerts.yaml"], ["test", "rules", "alerts_test.yaml"]] {
        let mut command = Command::new(&promtool);
        let output = command.args(arguments).current_dir(monitoring()).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said));
    }
    // None is left out.
    let read = |name: &str| fs::read_to_string(monitoring().join(name)).unwrap();
    let (alerts, tests) = (read("alerts.yaml"), read("alerts_test.yaml"));
    let alerts = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    for alert in alerts {
        for course in ["fires", "keeps quiet"] {
            assert!(tests.contains(&format!("- name: {alert} {course}")), "{alert} {course}");
        }
    }
}

#[test]
fn the_charts_alerts_are_these() {
    let folder = monitoring();
    let chart = folder.join("../helm/sciurus/files/alerts.yaml");
    let alerts = fs::read_to_string(folder.join("alerts.yaml")).unwrap();
    if std::env::var_os("UPDATE_MANIFESTS").is_some() {
        fs::write(&chart, &alerts).unwrap();
    }
    let is_same = fs::read_to_string(&chart).is_ok_and(|copy| copy == alerts);
    assert!(is_same, "copy k8s/monitoring/alerts.yaml to {}", chart.display());
}

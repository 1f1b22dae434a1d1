//! Failures can be read by Flink's own classes. Needs a JVM and Flink's jars: those of
//! `FLINK_HOME`, or where the test of the real command line has put them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::cluster::Cluster;
use super::http::{get, post};

/// Finds Flink's classes.
fn flink_dist() -> Option<PathBuf> {
    let home = std::env::var_os("FLINK_HOME").map(PathBuf::from);
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let cache = cache.map(|cache| cache.join("sciurus/flink-2.3.0"));
    home.into_iter().chain(cache).find_map(|directory| find_below(&directory, 6))
}

fn find_below(directory: &Path, depth: u32) -> Option<PathBuf> {
    let entries: Vec<PathBuf> =
        std::fs::read_dir(directory).ok()?.flatten().map(|entry| entry.path()).collect();
    let is_dist = |path: &&PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("flink-dist-") && path.extension().is_some_and(|e| e == "jar")
    };
    if let Some(found) = entries.iter().find(is_dist) {
        return Some(found.clone());
    }
    let mut folders = entries.iter().filter(|path| depth > 0 && path.is_dir());
    folders.find_map(|folder| find_below(folder, depth - 1))
}

#[test]
fn a_failure_s_cause_is_a_throwable_for_java() {
    let Some(dist) = flink_dist() else {
        println!("skipped: there are no jars of Flink 2.3.0; set FLINK_HOME");
        return;
    };
    if Command::new("java").arg("-version").output().is_err() {
        println!("skipped: there is no java");
        return;
    }
    let cluster = Cluster::start();
    let savepoints = format!("/jobs/{}/savepoints", "f".repeat(32));
    let trigger = post(cluster.rest(), &savepoints, &json!({})).json();
    let trigger = trigger["request-id"].as_str().unwrap();
    let status = get(cluster.rest(), &format!("{savepoints}/{trigger}")).json();
    let cause = &status["operation"]["failure-cause"];
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata/ReadThrowable.java");
    let output = Command::new("java")
        .arg("-cp")
        .arg(dist)
        .arg(program)
        .arg(cause["serialized-throwable"].as_str().unwrap())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[0], cause["class"].as_str().unwrap());
    assert!(lines[1].contains("Could not find Flink job (ffff"), "{printed}");
    assert_eq!(lines[2], cause["stack-trace"].as_str().unwrap());
}

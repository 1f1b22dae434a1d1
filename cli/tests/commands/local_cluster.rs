//! `cluster start`, `status` and `stop`.

use std::fs;
use std::net::TcpListener;

use serde_json::Value;

use crate::support::{LocalCluster, run, start_command};

#[test]
fn a_cluster_starts_shows_itself_and_stops_without_a_trace() {
    let cluster = LocalCluster::start(2, 2, &[]);
    let status = run(cluster.cluster_command("status").arg("--json"));
    assert_eq!(status.code, Some(0), "{status:?}");
    let shown: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(shown["overview"]["taskmanagers"], 2);
    assert_eq!(shown["overview"]["slots-total"], 4);
    let processes = shown["processes"].as_array().unwrap();
    let names: Vec<_> = processes.iter().map(|process| process["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["jobmanager", "taskmanager-1", "taskmanager-2"]);
    let pids: Vec<_> = processes.iter().map(|process| process["pid"].as_u64().unwrap()).collect();

    let stopped = run(&mut cluster.cluster_command("stop"));
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
    assert!(stopped.stdout.starts_with("Stopped jobmanager ("), "{stopped:?}");
    assert!(!stopped.stderr.contains("killed"), "{stopped:?}");
    for pid in pids {
        assert!(!fs::exists(format!("/proc/{pid}/exe")).unwrap(), "{pid} still runs");
    }
    let status = run(&mut cluster.cluster_command("status"));
    assert_eq!(status.code, Some(1));
    assert!(status.stderr.contains("'sciurus cluster start' starts one"), "{}", status.stderr);
}

#[test]
fn a_second_cluster_in_the_same_directory_is_refused() {
    let cluster = LocalCluster::start(1, 1, &[]);
    let second = run(&mut start_command(cluster.directory(), 1, 1, &[]));
    assert_eq!(second.code, Some(1));
    assert!(second.stderr.contains("a cluster runs already: jobmanager ("), "{}", second.stderr);
    assert_eq!(run(&mut cluster.cluster_command("status")).code, Some(0));
}

#[test]
fn a_taken_port_is_named_with_the_setting_to_change() {
    let taken = TcpListener::bind(("localhost", 0)).unwrap();
    let setting = format!("rest.port={}", taken.local_addr().unwrap().port());
    let directory = tempfile::tempdir().unwrap();
    let refused = run(&mut start_command(directory.path(), 1, 1, &[&setting]));
    assert_eq!(refused.code, Some(1));
    let expected = "(rest.port): Address already in use";
    assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    assert!(!fs::exists(directory.path().join("cluster.json")).unwrap());
}

#[test]
fn a_process_that_ends_at_once_is_told_with_its_last_words_and_nothing_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let setting = "taskmanager.memory.process.size=1k";
    let failed = run(&mut start_command(directory.path(), 1, 1, &[setting]));
    assert_eq!(failed.code, Some(1));
    assert!(failed.stderr.contains("taskmanager-1 ended at once"), "{}", failed.stderr);
    assert!(failed.stderr.contains("memory"), "{}", failed.stderr);
    assert!(!fs::exists(directory.path().join("cluster.json")).unwrap());
}

#[test]
fn a_cluster_that_lost_a_process_is_not_well_and_can_be_stopped() {
    let cluster = LocalCluster::start(1, 1, &[]);
    let status = run(cluster.cluster_command("status").arg("--json"));
    let shown: Value = serde_json::from_str(&status.stdout).unwrap();
    let pid = i32::try_from(shown["processes"][1]["pid"].as_i64().unwrap()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let status = crate::support::wait_for("the process to be gone", || {
        let status = run(&mut cluster.cluster_command("status"));
        (status.code == Some(1)).then_some(status)
    });
    assert!(status.stdout.contains("has ended"), "{status:?}");
    assert_eq!(run(&mut cluster.cluster_command("stop")).code, Some(0));
}

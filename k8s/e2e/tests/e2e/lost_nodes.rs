//! Whatever is deleted, killed or cut off: a job with checkpoints on a claim bills each click once.

use std::collections::BTreeMap;

use sciurus_e2e::{Kubernetes, LONG, Test, test, wait_for};
use serde_json::Value;

use crate::failures::{TASK_MANAGERS, VALUES, bill, nodes_of, wait_for_progress};
use crate::session::{Session, VOLUME};

pub fn tests() -> Vec<Test> {
    vec![test!(pods_are_deleted_and_nodes_are_lost).on_testbed()]
}

const JOB_MANAGER: &str = "component=jobmanager";

/// The TaskManagers that work for a job: pods, and the nodes they are on.
fn at_work(session: &Session<'_>, job: &str) -> Vec<(String, String)> {
    let managers = session.task_managers_of(job);
    let mut pods = session.space.ready_pods(TASK_MANAGERS);
    pods.retain(|pod| {
        let address = format!("{}:", pod["status"]["podIP"].as_str().unwrap_or_default());
        managers.iter().any(|manager| manager.starts_with(&address))
    });
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    pods.iter()
        .map(|pod| (text(&pod["metadata"]["name"]), text(&pod["spec"]["nodeName"])))
        .collect()
}

/// A node without the JobManager and the shell whose TaskManager works for the job.
fn node_that_works(session: &Session<'_>, job: &str) -> String {
    let mut others: Vec<String> = nodes_of(session, JOB_MANAGER).into_values().collect();
    others
        .push(session.space.kubectl(&["get", "pod", "shell", "-ojsonpath={.spec.nodeName}"]).ok());
    let at_work = at_work(session, job);
    let found = at_work.iter().find(|(_, node)| !others.contains(node));
    found.unwrap_or_else(|| panic!("{at_work:?} work, not on {others:?}")).1.clone()
}

/// Has a job go on without a node that works for it, which comes back afterwards.
fn lose_a_node(
    session: &Session<'_>,
    job: &str,
    kubernetes: &Kubernetes,
    lose: impl Fn(&Kubernetes, &str),
    bring_back: impl Fn(&Kubernetes, &str),
) {
    let node = node_that_works(session, job);
    lose(kubernetes, &node);
    wait_for("the node is lost", LONG, || (!kubernetes.is_node_ready(&node)).then_some(()));
    wait_for_progress(session, job);
    bring_back(kubernetes, &node);
    kubernetes.wait_for_nodes();
}

/// Compares what two runs billed, and says what was lost or billed twice.
fn assert_same_bills(found: &[String], expected: &[String]) {
    let mut counts = BTreeMap::<&str, i64>::new();
    for line in found {
        *counts.entry(line).or_default() += 1;
    }
    for line in expected {
        *counts.entry(line).or_default() -= 1;
    }
    counts.retain(|_, count| *count != 0);
    let some: Vec<_> = counts.iter().take(10).collect();
    assert!(counts.is_empty(), "{} bills differ (too often, or lacking): {some:?}", counts.len());
    assert!(!expected.is_empty());
}

fn pods_are_deleted_and_nodes_are_lost(kubernetes: &Kubernetes) {
    const CLICKS: u64 = 60_000;
    let session = Session::install(kubernetes, "e2e-failures", &VALUES);
    let (folder, undisturbed) = (format!("{VOLUME}/bills"), format!("{VOLUME}/undisturbed"));
    let reference = bill(&session, CLICKS, None, &undisturbed);
    session.wait_for_state(&reference, "FINISHED");
    let job = bill(&session, CLICKS, Some(300), &folder);
    wait_for_progress(&session, &job);

    // What runs there goes on, and writes to the same volume: it must not be taken for the job's.
    lose_a_node(&session, &job, kubernetes, Kubernetes::partition_node, Kubernetes::heal_node);
    session.wait_until_ready();
    wait_for_progress(&session, &job);

    let (task_manager, _) = at_work(&session, &job).remove(0);
    session.space.kubectl(&["delete", "pod", &task_manager]).ok();
    session.wait_until_ready();
    wait_for_progress(&session, &job);

    let job_manager = nodes_of(&session, JOB_MANAGER).into_keys().next().unwrap();
    session.space.kubectl(&["delete", "pod", &job_manager]).ok();
    session.wait_until_ready();
    wait_for_progress(&session, &job);

    lose_a_node(&session, &job, kubernetes, Kubernetes::kill_node, Kubernetes::start_node);

    session.wait_for_state(&job, "FINISHED");
    assert_same_bills(&session.lines_of(&folder), &session.lines_of(&undisturbed));
}

//! Names, types and labels are those of Flink's own reporter, as it was recorded.

use std::collections::{BTreeMap, BTreeSet};

use sciurus_harness::{LONG, wait_for};
use sciurus_metrics::catalog::{GROUPS, LACKING};

use crate::text::{Family, parse};
use crate::{Exposing, scrape, start};

/// What Flink 2.3.0 exposed of `ReferenceJob`, each family with one sample of each kind.
const OF_FLINK: [&str; 2] = [
    include_str!("../../../runtime/metrics/testdata/flink-2.3.0/jobmanager.prom"),
    include_str!("../../../runtime/metrics/testdata/flink-2.3.0/taskmanager.prom"),
];

/// What `ReferenceJob` itself counts.
const OF_ITS_USER: [&str; 6] =
    ["language_said", "lineRate", "lines", "seen", "sizes", "words_long"];

/// How long records take.
const LATENCY: &str =
    "taskmanager_job_task_latency_source_id_operator_id_operator_subtask_index_latency";

/// What the job that is run here counts itself.
const OF_OUR_USER: [&str; 2] = ["alerts", "eventRate"];

/// What is only there for sources that know how much they will read.
const SOMETIMES: &str = "flink_jobmanager_job_inputBytesTotal";

fn of_flink() -> BTreeMap<String, Family> {
    let families = OF_FLINK.into_iter().flat_map(parse).collect();
    without_users(families, &OF_ITS_USER)
}

/// Leaves out what a job's own functions count.
fn without_users(
    mut families: BTreeMap<String, Family>,
    users: &[&str],
) -> BTreeMap<String, Family> {
    families.retain(|name, _| {
        let operator = name.strip_prefix("flink_taskmanager_job_task_operator_");
        operator.is_none_or(|name| !users.contains(&name))
    });
    families
}

/// Runs a job with checkpoints and ends another, and returns what is exposed meanwhile.
fn exposed() -> (Exposing, BTreeMap<String, Family>) {
    let settings = [
        "execution.checkpointing.interval=200 ms",
        "metrics.latency.interval=50 ms",
        "state.backend.type=rocksdb",
    ];
    let exposing = start(1, 4, &settings);
    let cluster = &exposing.cluster;
    let ended = cluster.submit(&[], &["state_machine", "--discard"]);
    cluster.wait_until_all_run(&ended);
    cluster.cancel(&ended);
    cluster.wait_for_state(&ended, "CANCELED");
    let job = cluster.submit(&["-p", "2"], &["state_machine", "--discard"]);
    cluster.wait_until_all_run(&job);
    let families = wait_for("records and checkpoints to be counted", LONG, || {
        let mut families = parse(&scrape(&exposing.job_manager));
        families.extend(parse(&scrape(&exposing.task_managers[0])));
        let counts = |name: &str| {
            let samples = families.get(name).map_or(&[][..], |family| &family.samples);
            samples.iter().any(|(_, _, value)| value.parse::<f64>().unwrap() > 0.0)
        };
        let all = [
            "jobmanager_job_numberOfCompletedCheckpoints",
            "taskmanager_job_task_numRecordsIn",
            "taskmanager_job_Status_Sciurus_Process_Resident",
        ];
        let latency = format!("flink_{LATENCY}");
        let all_count = all.iter().all(|name| counts(&format!("flink_{name}")));
        (all_count && families.contains_key(&latency)).then_some(families)
    });
    (exposing, families)
}

#[test]
fn names_types_and_labels_are_those_of_flinks_reporter() {
    let (_exposing, ours) = exposed();
    let ours = without_users(ours, &OF_OUR_USER);
    let theirs = of_flink();
    for (name, family) in &ours {
        let Some(reference) = theirs.get(name) else { continue };
        assert_eq!((&family.kind, &family.help), (&reference.kind, &reference.help), "{name}");
        let differing: Vec<_> = family.labels.difference(&reference.labels).collect();
        assert!(differing.is_empty(), "{name}: {differing:?} and not {:?}", reference.labels);
    }
    // What isn't there is said to be missing, with a reason, and no more than that.
    let missing: BTreeSet<_> = theirs.keys().filter(|name| !ours.contains_key(*name)).collect();
    let is_said = |name: &str| LACKING.iter().any(|lacking| lacking.is(name));
    let unsaid: Vec<_> = missing.iter().filter(|name| !is_said(name)).collect();
    assert!(unsaid.is_empty(), "neither exposed nor said to be missing: {unsaid:?}");
    for lacking in LACKING {
        assert!(missing.iter().any(|name| lacking.is(name)), "{} isn't missing", lacking.name);
        assert!(!ours.keys().any(|name| lacking.is(name)), "{} is exposed", lacking.name);
    }
    let native: BTreeSet<_> = ours.keys().filter(|name| !theirs.contains_key(*name)).collect();
    assert!(native.iter().all(|name| name.starts_with("flink_")), "{native:?}");

    // The catalogue is what is exposed.
    let mut listed: BTreeMap<String, BTreeSet<BTreeSet<String>>> = BTreeMap::new();
    for group in GROUPS {
        let labels: BTreeSet<String> = group.labels.iter().map(|&label| label.to_owned()).collect();
        for name in group.names() {
            listed.entry(name).or_default().insert(labels.clone());
        }
        for (name, (_, origin, _)) in group.names().zip(group.families) {
            let is_flinks = *origin == sciurus_metrics::catalog::Origin::Flink;
            assert_eq!(theirs.contains_key(&name), is_flinks, "{name}: {origin:?}");
        }
    }
    for (name, family) in &ours {
        assert_eq!(Some(&family.labels), listed.get(name), "{name} in the catalogue");
    }
    let absent: Vec<_> =
        listed.keys().filter(|name| !ours.contains_key(*name) && *name != SOMETIMES).collect();
    assert!(absent.is_empty(), "listed and not exposed: {absent:?}");
}

#[test]
fn values_are_those_of_the_rest_api() {
    let (exposing, families) = exposed();
    let value = |name: &str, label: (&str, &str)| {
        let samples = &families[name].samples;
        let found = samples.iter().find(|(_, labels, _)| labels[label.0] == label.1);
        found.unwrap_or_else(|| panic!("{name}: {samples:?}")).2.parse::<f64>().unwrap()
    };
    let host = ("host", "127_0_0_1");
    assert!((value("flink_jobmanager_taskSlotsTotal", host) - 4.0).abs() < 0.1);
    assert!((value("flink_jobmanager_taskSlotsAvailable", host) - 2.0).abs() < 0.1);
    assert!((value("flink_jobmanager_numRegisteredTaskManagers", host) - 1.0).abs() < 0.1);
    let ended = value("flink_jobmanager_job_endTimestamp", ("status", "CANCELED"));
    let task_manager = ("tm_id", "taskmanager_1");
    assert!(ended > 1.6e12, "{ended}");
    assert!(value("flink_taskmanager_job_Status_Sciurus_Process_Resident", task_manager) > 1e6);
    assert!(value("flink_taskmanager_Status_JVM_Memory_Heap_Used", task_manager) > 1e6);
    assert!(
        (value("flink_taskmanager_Status_JVM_Memory_Heap_Max", task_manager) - 1e9).abs() < 1e8
    );
    // A job that is over has no metrics but its end.
    let names: BTreeSet<_> = families["flink_jobmanager_job_uptime"]
        .samples
        .iter()
        .map(|(_, labels, _)| labels["job_name"].clone())
        .collect();
    assert_eq!(names.len(), 1, "{names:?}");
    drop(exposing);
}

#[test]
fn what_functions_count_is_exposed_and_in_the_rest_api() {
    let exposing = start(1, 2, &[]);
    let cluster = &exposing.cluster;
    let job = cluster.submit(&["-p", "2"], &["state_machine", "--discard", "--error-rate", "0.5"]);
    cluster.wait_until_all_run(&job);
    let name = "flink_taskmanager_job_task_operator_alerts";
    let samples = wait_for("alerts to be counted", LONG, || {
        let families = parse(&scrape(&exposing.task_managers[0]));
        let family = families.get(name)?;
        assert_eq!(family.kind, "gauge");
        assert!(families.contains_key("flink_taskmanager_job_task_operator_eventRate"));
        let count = |(_, _, value): &(_, _, String)| value.parse::<f64>().unwrap() > 0.0;
        (family.samples.iter().filter(|sample| count(sample)).count() == 2)
            .then(|| family.samples.clone())
    });
    let labels = &samples[0].1;
    assert_eq!(labels["operator_name"], "state_machine");
    let vertex = &labels["task_id"];
    let path = format!("/jobs/{job}/vertices/{vertex}/metrics?get=0.state-machine.alerts");
    wait_for("the REST API to show it", LONG, || {
        let shown = cluster.get(&path);
        (shown[0]["value"].as_str()?.parse::<u64>().unwrap() > 0).then_some(())
    });
}

//! The state machine's alerts, run as users run them.

mod common;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use common::{command, golden, run};

const EVENTS: [&str; 7] = ["state_machine", "--sleep", "0", "--count", "20000", "--seed", "7"];

fn alerts(arguments: &[&str]) -> Vec<String> {
    run(&[&EVENTS, arguments].concat()).successful().records()
}

#[test]
fn events_that_break_the_rules_are_alerts() {
    assert_eq!(alerts(&["-p", "1", "--error-rate", "0.001"]), golden("state_machine_1.txt"));
    // Other subtasks make other events.
    assert_eq!(alerts(&["-p", "3", "--error-rate", "0.001"]), golden("state_machine_3.txt"));
}

#[test]
fn alerts_are_about_transitions_that_the_machine_does_not_have() {
    let valid = ["Initial -> a", "Initial -> c", "W -> b", "X -> b", "X -> d", "Y -> e", "Z -> g"];
    let alerts = alerts(&["-p", "2", "--error-rate", "0.1"]);
    assert!(alerts.len() > 1000, "{}", alerts.len());
    for alert in alerts {
        let (address, transition) =
            alert.strip_prefix("ALERT ").unwrap().split_once(" : ").unwrap();
        assert!(address.parse::<std::net::Ipv4Addr>().is_ok(), "{alert}");
        assert!(!valid.contains(&transition), "{alert}");
    }
}

#[test]
fn events_that_keep_to_the_rules_are_no_alerts() {
    for (parallelism, mode) in [("1", "STREAMING"), ("4", "STREAMING"), ("2", "BATCH")] {
        assert_eq!(alerts(&["-p", parallelism, "--execution-mode", mode]), [""; 0]);
    }
}

#[test]
fn alerts_of_an_endless_stream_appear_as_they_are_raised() {
    let mut job = command(&["state_machine", "--error-rate", "1", "-p", "2"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(job.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    job.kill().unwrap();
    job.wait().unwrap();
    assert!(first.contains("> ALERT "), "{first}");
}

#[test]
fn mistakes_are_told_with_what_to_do() {
    let fails = |arguments: &[&str], parts: &[&str]| {
        run(&[&["state_machine"], arguments].concat()).fails_saying(parts);
    };
    fails(&["--error-rate", "2"], &["'2'", "--error-rate", "from 0 to 1"]);
    fails(&["--rps", "0"], &["'0'", "--rps"]);
    fails(&["--execution-mode", "BATCH"], &["BATCH", "never ends", "STREAMING"]);
}

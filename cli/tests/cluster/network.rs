//! Workers find each other over a network that is slow, or cut for a while.

use std::time::Duration;

use sciurus_harness::{Cluster, free_port};

use crate::executables;
use crate::proxy::Proxy;
use crate::word_count::{embedded, lines_of, write_text};

/// Runs a word count on three TaskManagers whose workers find each other through proxies, and
/// meanwhile does something to these.
fn word_count_through(delay: Duration, meanwhile: impl FnOnce(&Cluster, &str, &[Proxy])) {
    let mut cluster = Cluster::start(executables(), 0, 2, &[]);
    let proxies: Vec<Proxy> = (0..3)
        .map(|_| {
            let (port, bind_port) = (free_port(), free_port());
            let told = format!("taskmanager.data.port={port}");
            let bound = format!("taskmanager.data.bind-port={bind_port}");
            cluster.add_task_manager_with(&[&told, &bound]);
            Proxy::start(port, bind_port, delay)
        })
        .collect();
    cluster.wait_for_task_managers(3);
    let (input, output) = (cluster.folder().join("text"), cluster.folder().join("output"));
    write_text(&input, 8 << 20);
    let expected = embedded(&input, &cluster.folder().join("expected"));
    let (from, to) = (input.to_str().unwrap(), output.to_str().unwrap());
    let job = cluster.submit(&["-p6"], &["word_count", "--input", from, "--output", to]);
    meanwhile(&cluster, &job, &proxies);
    cluster.wait_for_state(&job, "FINISHED");
    assert!(lines_of(&output) == expected, "the results differ");
    let restarts = cluster.get(&format!("/jobs/{job}/metrics?get=numRestarts"));
    assert_eq!(restarts[0]["value"], "0", "the job was not to notice");
    cluster.wait_until_idle();
}

#[test]
fn delay_on_the_network_changes_nothing() {
    word_count_through(Duration::from_millis(20), |cluster, job, proxies| {
        cluster.wait_for_records(job);
        assert!(proxies.iter().any(Proxy::was_used), "the workers went another way");
    });
}

#[test]
fn a_connection_that_is_cut_for_a_second_goes_on_where_it_was() {
    word_count_through(Duration::ZERO, |cluster, job, proxies| {
        cluster.wait_for_records(job);
        let used = proxies.iter().find(|proxy| proxy.was_used()).expect("a proxy in use");
        used.cut(Duration::from_secs(1));
    });
}

//! Many jobs leave nothing behind.

use sciurus_harness::Cluster;
use sciurus_harness::processes::{open_files, resident_bytes, threads};

use crate::cluster;

/// What a manager holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    files: usize,
    threads: usize,
    bytes: u64,
}

fn held(cluster: &Cluster) -> Vec<Held> {
    let managers = cluster.task_managers.iter().chain([&cluster.job_manager]);
    let held = managers.map(|manager| Held {
        files: open_files(manager.pid()),
        threads: threads(manager.pid()),
        bytes: resident_bytes(manager.pid()),
    });
    held.collect()
}

fn assert_nothing_leaks(cluster: &Cluster, before: &[Held]) {
    for (before, after) in before.iter().zip(&held(cluster)) {
        // Some connections to REST may linger, and an allocator keeps some of what it had.
        assert!(after.files <= before.files + 4, "{before:?} {after:?}");
        // Threads that wait for disks stay for a while; one that a job leaves would be one of 20.
        assert!(after.threads <= before.threads + 12, "{before:?} {after:?}");
        assert!(after.bytes <= before.bytes + (12 << 20), "{before:?} {after:?}");
    }
}

fn files_below(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| if entry.path().is_dir() { files_below(&entry.path()) } else { 1 }).sum()
}

#[test]
fn fifty_jobs_in_a_row_leave_nothing_behind() {
    let cluster = cluster(2, 2);
    let run = |count: usize| {
        for n in 0..count {
            if n % 2 == 0 {
                let job = cluster.submit(&["-p4"], &["word_count", "--discard"]);
                cluster.wait_for_state(&job, "FINISHED");
            } else {
                let job = cluster.submit(&["-p4"], &["state_machine", "--discard"]);
                cluster.wait_until_all_run(&job);
                cluster.cancel(&job);
                cluster.wait_for_state(&job, "CANCELED");
            }
        }
        cluster.wait_until_idle();
    };
    run(10);
    let (before, files) = (held(&cluster), files_below(&cluster.folder().join("tmp")));
    run(40);
    assert_nothing_leaks(&cluster, &before);
    assert!(files_below(&cluster.folder().join("tmp")) <= files + 80, "packages pile up");
}

#[test]
fn twenty_jobs_at_once_run_and_are_cancelled() {
    let cluster = cluster(2, 20);
    let round = || {
        let submit = |_| cluster.submit(&["-p2"], &["state_machine", "--discard"]);
        let jobs: Vec<String> = (0..20).map(submit).collect();
        for job in &jobs {
            cluster.wait_until_all_run(job);
        }
        let overview = cluster.get("/overview");
        assert_eq!(overview["jobs-running"], 20, "{overview}");
        assert_eq!(overview["slots-available"], 0, "{overview}");
        for job in &jobs {
            cluster.cancel(job);
        }
        for job in &jobs {
            cluster.wait_for_state(job, "CANCELED");
        }
        cluster.wait_until_idle();
    };
    round();
    let before = held(&cluster);
    round();
    assert_nothing_leaks(&cluster, &before);
}

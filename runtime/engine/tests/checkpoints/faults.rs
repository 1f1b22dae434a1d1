use std::fs;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use sciurus_core::checkpoint::SnapshotKind;
use sciurus_engine::TaskError;

use crate::cluster::{Cluster, Options};
use crate::job::Job;

fn slow_cluster() -> Cluster {
    let job = Job { ballast: 200, ..Job::new(97, 20_000) };
    job.is_slow.store(true, Ordering::Relaxed);
    Cluster::new(job, Options::default())
}

#[test]
fn where_nothing_can_be_written_checkpoints_are_declined_and_the_job_goes_on() {
    let mut cluster = slow_cluster();
    // Nobody, whatever his rights, can make a folder where a file is.
    let place = cluster.folder.path().join("checkpoints");
    fs::write(&place, b"in the way").unwrap();
    let mut run = cluster.deploy([1, 1, 2, 1]);
    run.until("the tasks run and have state", |run| run.running.len() == 5);
    while run.declined.is_empty() {
        run.assert_no_failure();
        if run.pending.is_empty() {
            run.trigger(SnapshotKind::Checkpoint);
        }
        run.step(Duration::from_millis(20));
    }
    let (_, reason) = &run.declined[0];
    assert!(reason.contains("checkpoints/chk-"), "{reason}");
    run.until("what is left of it is over", |run| run.pending.is_empty());
    fs::remove_file(&place).unwrap();
    run.cluster.job.is_slow.store(false, Ordering::Relaxed);
    run.finish();
    cluster.job.assert_exactly_once();
}

#[test]
fn what_is_given_up_leaves_no_files() {
    let mut cluster = slow_cluster();
    let mut random = fastrand::Rng::with_seed(11);
    let mut run = cluster.deploy([2, 1, 2, 1]);
    for _ in 0..30 {
        let id = run.trigger(SnapshotKind::Checkpoint);
        for _ in 0..random.usize(0..12) {
            run.step(Duration::from_millis(1));
        }
        run.abort(id);
    }
    // Where those that were given up are still being written, it is declined.
    run.until("a checkpoint is complete", |run| {
        let pending = run.pending.keys().next().copied();
        match pending {
            Some(id) if run.declined.iter().any(|(declined, _)| *declined == id) => run.abort(id),
            Some(_) => {}
            None => {
                run.trigger(SnapshotKind::Checkpoint);
            }
        }
        !run.completed.is_empty()
    });
    run.kill();
    // Writers notice in a moment.
    let deadline = Instant::now() + Duration::from_secs(60);
    while !cluster.unreferenced().is_empty() {
        let left = cluster.unreferenced();
        assert!(Instant::now() < deadline, "left of what was given up: {left:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Damages the job's latest checkpoint and returns why the job can't be restored from it.
fn restore_of_damaged(damage: impl Fn(&std::path::Path)) -> TaskError {
    let mut cluster = slow_cluster();
    let mut run = cluster.deploy([1, 1, 1, 1]);
    run.until("there is state", |run| {
        if run.pending.is_empty() {
            run.trigger(SnapshotKind::Checkpoint);
        }
        run.completed.len() >= 3
    });
    run.kill();
    let latest = cluster.latest.clone().unwrap().id;
    let folder = cluster.folder.path().join(format!("checkpoints/chk-{latest}"));
    let largest = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let largest = largest.max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    damage(&largest);
    let mut run = cluster.deploy([1, 1, 1, 1]);
    let deadline = Instant::now() + Duration::from_secs(60);
    while run.failures.is_empty() {
        assert!(Instant::now() < deadline, "it is restored all the same");
        run.step(Duration::from_millis(20));
    }
    let error = run.failures[0].clone();
    run.kill();
    assert_eq!(error.unreadable_checkpoint(), Some(latest), "{error}");
    let name = largest.file_name().unwrap().to_str().unwrap().to_owned();
    assert!(error.to_string().contains(&name), "{error} doesn't name {name}");
    error
}

#[test]
fn damaged_checkpoints_are_told_from_other_failures_and_named() {
    restore_of_damaged(|path| fs::remove_file(path).unwrap());
    restore_of_damaged(|path| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    });
    restore_of_damaged(|path| {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    });
}

use std::sync::atomic::Ordering;
use std::time::Duration;

use sciurus_checkpoint::KeyedStateHandle;
use sciurus_core::checkpoint::{Alignment, SnapshotKind};

use crate::cluster::{Checkpoint, Cluster, Options, Run};
use crate::job::{Job, Parallelism, SINK, SOURCE};

/// Runs the job with so many kills at random moments, some of them in the midst of checkpoints, and
/// each time at another parallelism; then to its end.
fn run_with_kills(seed: u64, kills: usize, options: Options) {
    let mut random = fastrand::Rng::with_seed(seed);
    let job = Job::new(97, 40_000);
    job.is_slow.store(true, Ordering::Relaxed);
    let mut cluster = Cluster::new(job, options);
    let mut parallelism: Parallelism = [2, 2, 2, 2];
    for _ in 0..kills {
        let mut run = cluster.deploy(parallelism);
        let checkpoints = random.usize(0..4);
        run.until("some checkpoints are complete", |run| {
            trigger_at_random(run, &mut random, 1);
            run.completed.len() >= checkpoints || run.is_finished()
        });
        for _ in 0..random.usize(0..20) {
            run.step(Duration::from_millis(1));
        }
        run.assert_no_failure();
        run.kill();
        let is_fixed = cluster.latest.as_ref().is_some_and(Checkpoint::is_partly_finished);
        if !is_fixed {
            parallelism = std::array::from_fn(|_| random.u32(1..=3));
        }
    }
    cluster.job.is_slow.store(false, Ordering::Relaxed);
    cluster.deploy(parallelism).finish();
    cluster.job.assert_exactly_once();
}

/// Triggers checkpoints, so many at a time, and gives some of them up.
fn trigger_at_random(run: &mut Run<'_>, random: &mut fastrand::Rng, concurrent: usize) {
    if run.pending.len() < concurrent && !run.is_finished() {
        run.trigger(SnapshotKind::Checkpoint);
    } else if random.u32(0..200) == 0 {
        let newest = run.pending.keys().next_back().copied();
        if let Some(newest) = newest {
            run.abort(newest);
        }
    }
}

#[test]
fn each_row_counts_once_whenever_the_job_is_killed() {
    run_with_kills(1, 8, Options::default());
}

#[test]
fn each_row_counts_once_over_the_network_too() {
    run_with_kills(2, 6, Options { is_networked: true, ..Options::default() });
}

#[test]
fn without_back_pressure_and_with_large_channels_it_is_the_same() {
    run_with_kills(3, 5, Options { channel_bytes: 1 << 20, ..Options::default() });
}

#[test]
fn alignment_under_back_pressure_never_ends_in_a_deadlock() {
    // One batch fills a channel: whatever is held back for a barrier holds its producer back.
    let mut cluster =
        Cluster::new(Job::new(31, 30_000), Options { channel_bytes: 1, ..Options::default() });
    cluster.deploy([3, 2, 3, 2]).finish();
    cluster.job.assert_exactly_once();
    let options = Options { channel_bytes: 1, is_networked: true, ..Options::default() };
    let mut cluster = Cluster::new(Job::new(31, 30_000), options);
    cluster.deploy([3, 2, 3, 2]).finish();
    cluster.job.assert_exactly_once();
}

#[test]
fn several_checkpoints_at_a_time_end_one_another_or_are_complete() {
    let options = Options {
        configuration: vec![("execution.checkpointing.max-concurrent-checkpoints", "4")],
        ..Options::default()
    };
    let mut cluster = Cluster::new(Job::new(31, 30_000), options);
    let mut random = fastrand::Rng::with_seed(4);
    let mut run = cluster.deploy([2, 2, 2, 2]);
    run.until("all tasks finish", |run| {
        trigger_at_random(run, &mut random, 4);
        run.is_finished()
    });
    assert!(!run.completed.is_empty());
    run.kill();
    cluster.job.assert_exactly_once();
}

#[test]
fn at_least_once_loses_nothing_and_blocks_nothing() {
    let options = Options { alignment: Alignment::AtLeastOnce, ..Options::default() };
    let job = Job::new(31, 20_000);
    job.is_slow.store(true, Ordering::Relaxed);
    let mut cluster = Cluster::new(job, options);
    let mut run = cluster.deploy([2, 2, 2, 2]);
    for _ in 0..3 {
        run.checkpoint(SnapshotKind::Checkpoint);
    }
    run.kill();
    cluster.job.is_slow.store(false, Ordering::Relaxed);
    cluster.deploy([2, 2, 3, 1]).finish();
    let committed = cluster.job.results.committed.lock();
    let highest = |key: i64| {
        let rows = committed.values().flatten().filter(|row| row.0 == key);
        rows.map(|row| row.1).max().unwrap()
    };
    for key in 0..31 {
        let fed = 2 * (20_000_i64 - key + 30).div_euclid(31);
        assert!(highest(key) >= fed, "key {key}: {} of {fed}", highest(key));
    }
}

#[test]
fn a_finished_task_takes_part_and_is_not_run_again() {
    let mut cluster = Cluster::new(Job::new(31, 5_000), Options::default());
    let mut run = cluster.deploy([2, 1, 2, 2]);
    run.until("all data has ended", |run| run.data_ended.len() == 7);
    assert!(run.finished.is_empty(), "tasks stay for a last checkpoint");
    run.checkpoint(SnapshotKind::Checkpoint);
    run.until("the tasks finish", |run| run.is_finished());
    run.kill();
    cluster.job.assert_exactly_once();
    // A last checkpoint that isn't the last: the job failed behind it. Nothing is done again, and
    // what was pending is committed.
    cluster.job.results.committed.lock().clear();
    let mut run = cluster.deploy([2, 1, 3, 1]);
    run.until("all data has ended", |run| run.data_ended.len() == 7);
    run.kill();
    cluster.job.assert_exactly_once();
}

#[test]
fn checkpoints_go_on_when_some_tasks_have_finished() {
    let job = Job::new(31, 3_000);
    job.is_slow.store(true, Ordering::Relaxed);
    // Its readers share the numbers unevenly: the second has none.
    let mut cluster = Cluster::new(job, Options::default());
    let mut run = cluster.deploy([2, 2, 2, 2]);
    run.until("a checkpoint is complete", |run| {
        if run.pending.is_empty() {
            run.trigger(SnapshotKind::Checkpoint);
        }
        !run.completed.is_empty()
    });
    run.until("the sources finish", |run| {
        if run.pending.is_empty() && !run.is_finished() {
            run.trigger(SnapshotKind::Checkpoint);
        }
        (0..2).all(|subtask| run.finished.contains(&(SOURCE, subtask)))
    });
    run.kill();
    cluster.job.is_slow.store(false, Ordering::Relaxed);
    cluster.deploy([2, 2, 2, 2]).finish();
    cluster.job.assert_exactly_once();
    assert!(cluster.latest.is_some());
    assert_eq!(SINK, 3);
}

fn is_incremental(handle: Option<&KeyedStateHandle>) -> bool {
    matches!(handle, Some(KeyedStateHandle::Incremental { .. }))
}

#[test]
fn the_figures_of_a_checkpoint_are_real() {
    let job = Job { ballast: 2_000, ..Job::new(300, 20_000) };
    job.is_slow.store(true, Ordering::Relaxed);
    let mut cluster = Cluster::new(job, Options::default());
    let mut run = cluster.deploy([1, 1, 2, 1]);
    for _ in 0..4 {
        run.checkpoint(SnapshotKind::Checkpoint);
    }
    run.kill();
    let latest = cluster.latest.clone().unwrap();
    let mut counted = 0;
    for (subtask, acknowledgement) in &latest.acknowledgements {
        let (state, metrics) = (&acknowledgement.state, acknowledgement.metrics);
        if state.operators.values().all(|operator| !is_incremental(operator.keyed.as_ref())) {
            assert_eq!(metrics.written_bytes, state.bytes(), "all of it is new");
        }
        assert_eq!(metrics.persisted_bytes, 0);
        if subtask.0 == 2 {
            counted += state.bytes();
        }
        if subtask.0 == SOURCE {
            assert_eq!((metrics.alignment_ms, metrics.processed_bytes), (0, 0));
        }
    }
    // RocksDB compresses.
    let is_packed = std::env::var("SCIURUS_TEST_STATE_BACKEND").is_ok_and(|name| name == "rocksdb");
    let least = if is_packed { 10_000 } else { 100 * 2_000 };
    assert!(counted > least, "{counted} bytes for hundreds of keys");
    assert_eq!(cluster.unreferenced(), Vec::<String>::new());
}

#[test]
fn union_state_of_all_subtasks_reaches_each_at_the_same_parallelism_and_at_another() {
    let job = Job::new(31, 20_000);
    job.is_slow.store(true, Ordering::Relaxed);
    let mut cluster = Cluster::new(job, Options::default());
    for (parallelism, expected) in
        [([1, 3, 1, 1], vec![]), ([1, 3, 1, 1], vec![0, 1, 2]), ([1, 2, 1, 1], vec![0, 1, 2])]
    {
        cluster.job.results.told.lock().clear();
        let mut run = cluster.deploy(parallelism);
        run.checkpoint(SnapshotKind::Checkpoint);
        run.kill();
        let told = cluster.job.results.told.lock();
        let relays = if expected.is_empty() { 0 } else { 2 * parallelism[1] as usize };
        assert_eq!(*told, vec![expected; relays]);
    }
}

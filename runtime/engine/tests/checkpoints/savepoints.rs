use std::sync::atomic::Ordering;
use std::time::Duration;

use sciurus_core::checkpoint::{Ending, SavepointFormat, SnapshotKind};
use sciurus_engine::TaskError;

use crate::cluster::{Cluster, Options};
use crate::job::Job;

fn savepoint(ending: Option<Ending>) -> SnapshotKind {
    SnapshotKind::Savepoint { format: SavepointFormat::Canonical, ending }
}

fn slow_cluster(is_networked: bool) -> Cluster {
    let job = Job::new(31, 20_000);
    job.is_slow.store(true, Ordering::Relaxed);
    Cluster::new(job, Options { is_networked, ..Options::default() })
}

#[test]
fn a_job_is_suspended_with_a_savepoint_and_resumed() {
    for is_networked in [false, true] {
        let mut cluster = slow_cluster(is_networked);
        let mut run = cluster.deploy([2, 2, 2, 2]);
        run.checkpoint(SnapshotKind::Checkpoint);
        run.checkpoint(savepoint(Some(Ending::Suspend)));
        run.until("all tasks finish", |run| run.is_finished());
        assert!(run.data_ended.is_empty(), "no operator was finished");
        run.kill();
        assert!(cluster.job.results.relayed.lock().is_empty(), "no operator was finished");
        cluster.job.is_slow.store(false, Ordering::Relaxed);
        cluster.deploy([1, 3, 3, 1]).finish();
        cluster.job.assert_exactly_once();
    }
}

#[test]
fn a_job_is_drained_with_a_savepoint() {
    let mut cluster = slow_cluster(false);
    let mut run = cluster.deploy([2, 1, 2, 2]);
    run.checkpoint(SnapshotKind::Checkpoint);
    run.checkpoint(savepoint(Some(Ending::Drain)));
    run.until("all tasks finish", |run| run.is_finished());
    run.kill();
    // All that was read was worked off and committed, and nothing else.
    let relayed: i64 = cluster.job.results.relayed.lock().values().sum();
    let committed: usize = cluster.job.results.committed.lock().values().map(Vec::len).sum();
    assert!(relayed > 0 && relayed < 40_000);
    assert_eq!(committed as i64, relayed, "each number once by either way");
}

#[test]
fn a_savepoint_in_passing_commits_nothing_by_itself_and_the_job_goes_on() {
    let mut cluster = slow_cluster(false);
    let mut run = cluster.deploy([2, 1, 2, 2]);
    run.checkpoint(savepoint(None));
    run.cluster.job.is_slow.store(false, Ordering::Relaxed);
    run.finish();
    cluster.job.assert_exactly_once();
}

#[test]
fn a_job_goes_on_where_its_last_savepoint_fails() {
    let mut cluster = slow_cluster(true);
    let mut run = cluster.deploy([2, 1, 2, 2]);
    run.checkpoint(SnapshotKind::Checkpoint);
    for patience in [0, 3, 30] {
        let id = run.trigger(savepoint(Some(Ending::Suspend)));
        for _ in 0..patience {
            run.step(Duration::from_millis(1));
        }
        if run.completed.contains(&id) {
            break;
        }
        run.abort(id);
    }
    if run.completed.len() == 1 {
        run.cluster.job.is_slow.store(false, Ordering::Relaxed);
        run.finish();
    } else {
        run.kill();
        cluster.deploy([1, 1, 1, 1]).finish();
    }
    cluster.job.assert_exactly_once();
}

#[test]
fn a_job_that_was_to_be_drained_fails_where_the_savepoint_does_and_is_restored() {
    let mut cluster = slow_cluster(false);
    let mut run = cluster.deploy([1, 1, 1, 1]);
    run.checkpoint(SnapshotKind::Checkpoint);
    let id = run.trigger(savepoint(Some(Ending::Drain)));
    run.abort(id);
    while run.failures.is_empty() {
        assert!(run.step(Duration::from_secs(60)), "the source never fails");
    }
    let error = &run.failures[0];
    assert!(matches!(error, TaskError::StopFailed { savepoint } if *savepoint == id), "{error}");
    run.kill();
    cluster.job.is_slow.store(false, Ordering::Relaxed);
    cluster.deploy([1, 1, 1, 1]).finish();
    cluster.job.assert_exactly_once();
}

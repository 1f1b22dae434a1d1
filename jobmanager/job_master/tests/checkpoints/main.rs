//! Drives a job with checkpoints through everything that can happen to it, and compares what it has
//! committed with what it would have without any of that.
//!
//! Each seed makes a job, settings and a history of failures: of tasks, TaskManagers, the
//! JobManager and checkpoint storage, with users who take snapshots, stop, rescale and cancel.
//! `SCIURUS_SEEDS=100000` runs more seeds, `SCIURUS_SEED=17` that one.

#[cfg(test)]
#[path = "../seeds/mod.rs"]
mod seeds;
#[cfg(test)]
mod storage;
#[cfg(test)]
mod task;
#[cfg(test)]
mod world;

use seeds::{Named, SEEDS, seeds};
use world::World;

#[test]
fn whatever_happens_each_record_is_committed_once() {
    let seeds = seeds();
    let is_whole_run = seeds.end - seeds.start >= SEEDS;
    let mut seen = std::collections::BTreeMap::new();
    for seed in seeds {
        let named = Named(seed);
        for (what, times) in World::run(seed) {
            *seen.entry(what).or_insert(0) += times;
        }
        drop(named);
    }
    println!("{seen:?}");
    if is_whole_run {
        for what in [
            "FINISHED",
            "CANCELED",
            "completed",
            "failed",
            "restored",
            "rescaled",
            "savepoint",
            "stopped",
            "JobManager restarted",
            "unreadable",
            "late files",
        ] {
            assert!(seen.get(what).is_some_and(|times| *times > 0), "{what} has not been seen");
        }
    }
}

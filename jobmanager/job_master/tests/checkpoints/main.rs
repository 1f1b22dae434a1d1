//! Drives a job with checkpoints through everything that can happen to it, and compares what it has
//! committed with what it would have without any of that.
//!
//! Each seed makes a job, settings and a history of failures: of tasks, TaskManagers, the
//! JobManager and checkpoint storage, with users who take snapshots, stop, rescale and cancel.
//! `SCIURUS_SEEDS=100000` runs more seeds, `SCIURUS_SEED=17` that one.

#[cfg(test)]
mod storage;
#[cfg(test)]
mod task;
#[cfg(test)]
mod world;

use world::World;

const SEEDS: u64 = 2_000;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Names the seed of a run that panics.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the run with SCIURUS_SEED={} failed", self.0);
        }
    }
}

#[test]
fn whatever_happens_each_record_is_committed_once() {
    let seeds = match number("SCIURUS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SCIURUS_SEEDS").unwrap_or(SEEDS),
    };
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

//! Drives a job master through random interleavings of everything that can happen to it.
//!
//! Each seed makes a job, a restart strategy, a cluster and a history of failures. What must hold
//! always is asserted after every event, and that the job comes to an end once the failures stop.
//! `SCIURUS_SEEDS=100000` runs more seeds, `SCIURUS_SEED=17` that one.

#[cfg(test)]
#[path = "simulation/cluster.rs"]
mod cluster;
#[cfg(test)]
#[path = "simulation/jobs.rs"]
mod jobs;
#[cfg(test)]
mod seeds;

use cluster::Cluster;
use seeds::{Named, SEEDS, seeds};

#[test]
fn whatever_happens_jobs_come_to_their_end() {
    let seeds = seeds();
    let mut ends = std::collections::BTreeMap::new();
    let mut restarts = 0;
    let is_whole_run = seeds.end - seeds.start >= SEEDS;
    for seed in seeds {
        let named = Named(seed);
        let cluster = Cluster::run(seed);
        *ends.entry(cluster.master.status().name()).or_insert(0) += 1;
        restarts += cluster.master.restarts();
        drop(named);
    }
    println!("{ends:?}, {restarts} restarts");
    if is_whole_run {
        assert_eq!(ends.len(), 3, "jobs end in all ways, not only {ends:?}");
        assert!(restarts > SEEDS, "only {restarts} restarts");
    }
}

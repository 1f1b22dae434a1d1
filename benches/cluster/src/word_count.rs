//! What the way between processes costs: a word count embedded, and on two TaskManagers.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use sciurus_harness::processes::{cpu_seconds, cpu_seconds_of_own_children};
use sciurus_harness::{Cluster, Executables, Manager};

use crate::figure::{Figure, Figures};

/// Measures both, in turns.
pub fn measure(executables: &Executables, corpus: &Path, round: u32, figures: &mut Figures) {
    let (embedded, cluster) = if round.is_multiple_of(2) {
        let cluster = on_cluster(executables, corpus, figures);
        (embedded(executables, corpus), cluster)
    } else {
        let embedded = embedded(executables, corpus);
        (embedded, on_cluster(executables, corpus, figures))
    };
    figures.add(Figure::EmbeddedCpu, embedded);
    figures.add(Figure::ClusterCpu, cluster);
    figures.add(Figure::CpuRatio, cluster / embedded);
}

fn embedded(executables: &Executables, corpus: &Path) -> f64 {
    let before = cpu_seconds_of_own_children();
    let status = Command::new(&executables.examples)
        .args(["word_count", "-q", "-p", "2", "--discard", "--input"])
        .arg(corpus)
        .status()
        .unwrap();
    assert!(status.success(), "the embedded word count ended with {status}");
    cpu_seconds_of_own_children() - before
}

/// Managers and workers together, from the submission to the end.
fn on_cluster(executables: &Executables, corpus: &Path, figures: &mut Figures) -> f64 {
    let cluster = Cluster::start(executables.clone(), 2, 1, &[]);
    let managers: Vec<u32> =
        cluster.task_managers.iter().chain([&cluster.job_manager]).map(Manager::pid).collect();
    let used = || managers.iter().map(|&pid| cpu_seconds(pid)).sum::<f64>();
    let package = cluster.upload();
    let (before, started) = (used(), Instant::now());
    let corpus = corpus.to_str().unwrap();
    let arguments = ["word_count", "--discard", "--input", corpus];
    let job = cluster.run_uploaded(&package, 2, &arguments);
    cluster.wait_for_state(&job, "FINISHED");
    figures.add(Figure::ClusterWall, started.elapsed().as_secs_f64());
    cluster.wait_until_idle();
    used() - before
}

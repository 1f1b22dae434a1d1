//! How long a cluster takes to start, to deploy, to cancel and to recover.

use std::time::{Duration, Instant};

use sciurus_harness::processes::resident_bytes;
use sciurus_harness::{Cluster, Executables, LONG, wait_for};

use crate::figure::{Figure, Figures};

/// How long managers are left alone before they count as idle.
const IDLE: Duration = Duration::from_secs(2);

/// Settings of a job that starts again after a failure; else the defaults.
const RESTARTS: [&str; 2] = ["-p4", "-Drestart-strategy.type=fixed-delay"];

/// Measures everything once.
pub fn measure(executables: &Executables, figures: &mut Figures) {
    let started = Instant::now();
    let mut cluster = Cluster::start(executables.clone(), 0, 2, &[]);
    figures.add(Figure::RestAnswers, ms(started));

    for count in 1..=3 {
        let started = Instant::now();
        cluster.add_task_manager();
        cluster.wait_for_task_managers(count);
        figures.add(Figure::Registered, ms(started));
    }
    std::thread::sleep(IDLE);
    figures.add(Figure::IdleJobManager, mb(cluster.job_manager.pid()));
    for task_manager in &cluster.task_managers {
        figures.add(Figure::IdleTaskManager, mb(task_manager.pid()));
    }

    let package = cluster.upload();
    for _ in 0..3 {
        let started = Instant::now();
        let job = cluster.run_uploaded(&package, 4, &["state_machine", "--discard"]);
        cluster.wait_until_all_run(&job);
        figures.add(Figure::AllRunning, ms(started));
        let started = Instant::now();
        cluster.cancel(&job);
        cluster.wait_for_state(&job, "CANCELED");
        figures.add(Figure::Cancelled, ms(started));
    }

    let job = cluster.submit(&RESTARTS, &["state_machine", "--discard"]);
    cluster.wait_until_all_run(&job);
    let busy = (0..3).find(|&n| !cluster.workers_of(n).is_empty()).unwrap();
    let started = Instant::now();
    cluster.task_managers[busy].kill();
    wait_for("a restart", LONG, || {
        let metric = cluster.get(&format!("/jobs/{job}/metrics?get=numRestarts"));
        (metric[0]["value"].as_str()? != "0").then_some(())
    });
    cluster.wait_until_all_run(&job);
    figures.add(Figure::AllRunningAgain, ms(started));
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn mb(pid: u32) -> f64 {
    resident_bytes(pid) as f64 / 1e6
}

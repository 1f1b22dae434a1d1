//! Processes are killed in the midst of a job.

use std::path::PathBuf;
use std::process::Command;

use crate::word_count::lines_of;
use crate::{cluster, executables};
use sciurus_harness::processes::{is_alive, signal};
use sciurus_harness::{Cluster, LONG, wait_for};

const RESTARTS: [&str; 4] = [
    "-Drestart-strategy.type=fixed-delay",
    "-Drestart-strategy.fixed-delay.attempts=10",
    "-Drestart-strategy.fixed-delay.delay=100 ms",
    "-p2",
];

/// A job of so many events a second: it takes five seconds however fast the machine is. It makes the
/// same alerts each time.
const EVENTS: [&str; 8] =
    ["state_machine", "--error-rate", "0.2", "--count", "30000", "--seed", "7", "--rps"];

/// A job that takes some seconds, what it has to give, and where.
struct LongRun {
    job: String,
    output: PathBuf,
    expected: Vec<String>,
}

impl LongRun {
    fn start(cluster: &Cluster) -> Self {
        let (output, expected) =
            (cluster.folder().join("output"), cluster.folder().join("expected"));
        let status = Command::new(executables().examples)
            .args(EVENTS)
            .args(["1000000", "-q", "-p2", "--output"])
            .arg(&expected)
            .status()
            .unwrap();
        assert!(status.success());
        let arguments = [&EVENTS[..], &["6000", "--output", output.to_str().unwrap()]].concat();
        let job = cluster.submit(&RESTARTS, &arguments);
        cluster.wait_until_all_run(&job);
        cluster.wait_for_records(&job);
        Self { job, output, expected: lines_of(&expected) }
    }

    fn finishes_right(&self, cluster: &Cluster) {
        cluster.wait_for_state(&self.job, "FINISHED");
        let lines = lines_of(&self.output);
        assert_eq!(lines.len(), self.expected.len());
        assert!(lines == self.expected, "the results differ");
        cluster.wait_until_idle();
    }

    fn restarts(&self, cluster: &Cluster) -> u64 {
        let metric = cluster.get(&format!("/jobs/{}/metrics?get=numRestarts", self.job));
        metric[0]["value"].as_str().unwrap().parse().unwrap()
    }

    fn root_cause(&self, cluster: &Cluster) -> String {
        cluster.get(&format!("/jobs/{}/exceptions", self.job)).to_string()
    }
}

#[test]
fn a_killed_worker_s_job_starts_again_and_finishes_right() {
    let cluster = cluster(2, 1);
    let run = LongRun::start(&cluster);
    signal(cluster.workers_of(0)[0], "KILL");
    wait_for("a restart", LONG, || (run.restarts(&cluster) > 0).then_some(()));
    let cause = run.root_cause(&cluster);
    assert!(cause.contains("signal 9"), "{cause}");
    run.finishes_right(&cluster);
}

#[test]
fn a_killed_task_manager_s_tasks_go_elsewhere() {
    let mut cluster = cluster(3, 1);
    let run = LongRun::start(&cluster);
    let busy = (0..3).find(|&n| !cluster.workers_of(n).is_empty()).unwrap();
    let workers = cluster.workers_of(busy);
    cluster.task_managers[busy].kill();
    wait_for("its workers to end", LONG, || {
        workers.iter().all(|&worker| !is_alive(worker)).then_some(())
    });
    cluster.wait_for_task_managers(2);
    run.finishes_right(&cluster);
    assert!(run.restarts(&cluster) > 0);
}

#[test]
fn a_killed_job_manager_finds_its_jobs_again() {
    let folder = tempfile::tempdir().unwrap();
    let storage = format!("high-availability.storageDir=file://{}", folder.path().display());
    let mut cluster =
        Cluster::start(executables(), 2, 1, &["high-availability.type=filesystem", &storage]);
    let run = LongRun::start(&cluster);
    let processes = cluster.job_processes();
    cluster.job_manager.kill();
    wait_for("the job's processes to end", LONG, || {
        processes.iter().all(|&process| !is_alive(process)).then_some(())
    });
    cluster.restart_job_manager();
    cluster.wait_for_task_managers(2);
    run.finishes_right(&cluster);
}

#[test]
fn a_crashing_job_is_not_noticed_by_another_one_on_the_same_task_managers() {
    let cluster = cluster(2, 2);
    let quiet = cluster.submit(&["-p2"], &["state_machine", "--discard"]);
    cluster.wait_until_all_run(&quiet);
    let of_quiet = cluster.job_processes();
    let crashing = cluster.submit(&RESTARTS, &["state_machine", "--discard"]);
    cluster.wait_until_all_run(&crashing);
    for _ in 0..3 {
        let worker = wait_for("a worker of the second job", LONG, || {
            let workers = [cluster.workers_of(0), cluster.workers_of(1)].concat();
            workers.into_iter().find(|worker| !of_quiet.contains(worker))
        });
        signal(worker, "KILL");
        wait_for("it to end", LONG, || (!is_alive(worker)).then_some(()));
        cluster.wait_until_all_run(&crashing);
    }
    assert!(of_quiet.iter().all(|&process| is_alive(process)));
    let restarts = cluster.get(&format!("/jobs/{quiet}/metrics?get=numRestarts"));
    assert_eq!(restarts[0]["value"], "0");
    for job in [quiet, crashing] {
        cluster.cancel(&job);
        cluster.wait_for_state(&job, "CANCELED");
    }
    cluster.wait_until_idle();
}

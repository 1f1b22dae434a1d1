//! Processes are killed and stopped at random, and jobs come and go meanwhile.
//!
//! `SCIURUS_CHAOS_SECONDS` says for how long, `SCIURUS_CHAOS_SEED` what happens: a failure names the
//! seed that it came with.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use fastrand::Rng;
use sciurus_harness::processes::{is_alive, open_files, resident_bytes, signal_if_there, threads};
use sciurus_harness::{Cluster, LONG, wait_for};

use crate::executables;
use crate::stopped::Stopped;
use crate::word_count::lines_of;

const TASK_MANAGERS: usize = 3;

/// A job has more restarts than can be needed, and a silent TaskManager is noticed soon.
const SETTINGS: [&str; 5] = [
    "restart-strategy.type=fixed-delay",
    "restart-strategy.fixed-delay.attempts=100000",
    "restart-strategy.fixed-delay.delay=100 ms",
    "heartbeat.interval=500 ms",
    "heartbeat.timeout=2500 ms",
];

/// The job that has to survive. It takes some seconds however fast the machine is.
const EVENTS: [&str; 8] =
    ["state_machine", "--error-rate", "0.2", "--count", "20000", "--seed", "7", "--rps"];

struct Chaos {
    cluster: Cluster,
    rng: Rng,
    package: String,
    stopped: Stopped,
    /// All processes of jobs that were ever seen.
    seen: BTreeSet<u32>,
    jobs: Vec<String>,
    /// Survivors: jobs, their output.
    survivors: Vec<(String, PathBuf)>,
    log: Vec<String>,
    began: Instant,
}

impl Chaos {
    fn note(&mut self, what: &str) {
        let line = format!("{:>7.3} s  {what}", self.began.elapsed().as_secs_f32());
        self.log.push(line);
    }

    fn survivor(&mut self) {
        let output = self.cluster.folder().join(format!("output-{}", self.survivors.len()));
        let arguments = [&EVENTS[..], &["5000", "--output", output.to_str().unwrap()]].concat();
        let job = self.submit(&arguments);
        self.survivors.push((job, output));
    }

    /// Submits until nobody kills the job's `main` while it says what the job is.
    fn submit(&mut self, arguments: &[&str]) -> String {
        for _ in 0..10 {
            match self.cluster.try_run_uploaded(&self.package, 2, arguments) {
                Ok(job) => return job,
                Err(error) => self.note(&format!("a job was not accepted: {error}")),
            }
        }
        panic!("no job is accepted");
    }

    fn processes(&mut self) -> Vec<u32> {
        let processes = self.cluster.job_processes();
        self.seen.extend(&processes);
        processes
    }

    fn step(&mut self) {
        let processes = self.processes();
        let task_manager = self.rng.usize(..TASK_MANAGERS);
        match self.rng.u8(..16) {
            0..5 if !processes.is_empty() => {
                let pid = processes[self.rng.usize(..processes.len())];
                self.note(&format!("kill job process {pid}"));
                signal_if_there(pid, "KILL");
            }
            5..7 if !processes.is_empty() => {
                let pid = processes[self.rng.usize(..processes.len())];
                self.note(&format!("stop job process {pid}"));
                self.stopped.stop(pid, &mut self.rng);
            }
            7 => {
                self.note(&format!("restart TaskManager {task_manager}"));
                let of_it = self.cluster.task_managers[task_manager].pid();
                self.stopped.forget(of_it);
                self.cluster.restart_task_manager(task_manager);
            }
            8 => {
                self.note(&format!("stop TaskManager {task_manager}"));
                let pid = self.cluster.task_managers[task_manager].pid();
                self.stopped.stop(pid, &mut self.rng);
            }
            9 => {
                self.note("stop the JobManager");
                let pid = self.cluster.job_manager.pid();
                signal_if_there(pid, "STOP");
                std::thread::sleep(Duration::from_millis(self.rng.u64(10..400)));
                signal_if_there(pid, "CONT");
            }
            10..13 if self.jobs.len() < 4 => {
                let job = self.submit(&["state_machine", "--discard"]);
                self.note(&format!("submitted {job}"));
                self.jobs.push(job);
            }
            10..16 if !self.jobs.is_empty() => {
                let job = self.jobs.swap_remove(self.rng.usize(..self.jobs.len()));
                self.note(&format!("cancel {job}"));
                self.cluster.try_cancel(&job);
            }
            _ => {}
        }
        if self.survivors.iter().all(|(job, _)| self.cluster.state_of(job) == "FINISHED") {
            self.note("another survivor");
            self.survivor();
        }
    }

    /// Nothing is killed any more: all has to end well.
    fn calm(&mut self) {
        self.note("calm");
        self.processes();
        self.stopped.let_go(true);
        for job in std::mem::take(&mut self.jobs) {
            self.cluster.try_cancel(&job);
        }
        self.cluster.wait_for_task_managers(TASK_MANAGERS);
        for (job, _) in &self.survivors {
            self.cluster.wait_for_state(job, "FINISHED");
        }
        wait_for("all jobs to end", LONG, || {
            let jobs = self.cluster.get("/jobs/overview");
            let jobs = jobs["jobs"].as_array().unwrap();
            if let Some(job) = jobs.iter().find(|job| job["state"] == "FAILED") {
                let id = job["jid"].as_str().unwrap();
                let why = self.cluster.get(&format!("/jobs/{id}/exceptions"));
                panic!("job {id} has failed: {why:#}");
            }
            let ended = |state| state == "FINISHED" || state == "CANCELED";
            jobs.iter().all(|job| ended(job["state"].as_str().unwrap())).then_some(())
        });
        self.cluster.wait_until_idle();
        let left: Vec<_> = self.seen.iter().filter(|&&pid| is_alive(pid)).collect();
        assert!(left.is_empty(), "processes are left: {left:?}");
        self.seen.clear();
        assert_eq!(self.cluster.get("/overview")["slots-total"], 2 * TASK_MANAGERS);
    }

    fn held(&self) -> (usize, usize, u64) {
        let pid = self.cluster.job_manager.pid();
        (open_files(pid), threads(pid), resident_bytes(pid))
    }

    fn run(&mut self, how_long: Duration) {
        self.survivor();
        let end = Instant::now() + how_long;
        while Instant::now() < end {
            self.stopped.let_go(false);
            self.step();
            std::thread::sleep(Duration::from_millis(self.rng.u64(20..700)));
        }
        self.calm();
    }
}

impl Drop for Chaos {
    fn drop(&mut self) {
        self.stopped.let_go(true);
        signal_if_there(self.cluster.job_manager.pid(), "CONT");
        if std::thread::panicking() {
            eprintln!("--- what was done ---\n{}", self.log.join("\n"));
        }
    }
}

#[test]
fn whatever_is_killed_jobs_that_may_restart_finish_right_and_nothing_is_left() {
    let variable = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seconds = variable("SCIURUS_CHAOS_SECONDS").unwrap_or(15);
    let seed = variable("SCIURUS_CHAOS_SEED").unwrap_or_else(|| fastrand::u64(..100_000));
    eprintln!("SCIURUS_CHAOS_SEED={seed} SCIURUS_CHAOS_SECONDS={seconds}");

    let cluster = Cluster::start(executables(), TASK_MANAGERS, 2, &SETTINGS);
    let expected = cluster.folder().join("expected");
    let status = Command::new(executables().examples)
        .args(EVENTS)
        .args(["1000000", "-q", "-p2", "--output"])
        .arg(&expected)
        .status()
        .unwrap();
    assert!(status.success());
    let expected = lines_of(&expected);
    let package = cluster.upload();
    let mut chaos = Chaos {
        cluster,
        rng: Rng::with_seed(seed),
        package,
        stopped: Stopped::default(),
        seen: BTreeSet::new(),
        jobs: Vec::new(),
        survivors: Vec::new(),
        log: Vec::new(),
        began: Instant::now(),
    };
    // What a first time takes is no leak.
    chaos.run(Duration::from_secs(seconds / 3));
    let before = chaos.held();
    chaos.run(Duration::from_secs(seconds - seconds / 3));
    for (job, output) in &chaos.survivors {
        assert!(lines_of(output) == expected, "job {job} gives something else");
    }
    let after = chaos.held();
    assert!(after.0 <= before.0 + 6, "files: {before:?} {after:?}");
    assert!(after.1 <= before.1 + 2, "threads: {before:?} {after:?}");
    assert!(after.2 <= before.2 + (24 << 20), "memory: {before:?} {after:?}");
}

//! Whatever is killed, stopped, cut, filled up, rescaled or stopped and resumed: a job with checkpoints
//! commits what it commits without any of this, to the record.
//!
//! `SCIURUS_CHAOS_SECONDS` says for how long, `SCIURUS_CHAOS_SEED` what happens: a failure names the
//! seed that it came with. `make chaos` sets both.

mod disk;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use fastrand::Rng;
use sciurus_harness::processes::{children_of, signal_if_there};
use sciurus_harness::{Cluster, LONG, free_port};
use tempfile::TempDir;

use crate::executables;
use crate::proxy::Proxy;
use crate::stopped::Stopped;
use crate::word_count::lines_of;
use disk::Disk;

const TASK_MANAGERS: usize = 3;

/// Clicks a second of the job under test.
const RATE: u64 = 20_000;

/// What the job's own arguments are, but for how many clicks, how fast and where to.
const BILLING: [&str; 3] = ["billing", "--users", "2000"];

/// Files of a checkpoint fit many times.
const DISK_MEGABYTES: u32 = 256;

struct Chaos {
    cluster: Cluster,
    rng: Rng,
    backend: &'static str,
    proxies: Vec<Proxy>,
    disk: Option<Disk>,
    /// Until when the disk is full.
    full_until: Option<Instant>,
    stopped: Stopped,
    job: String,
    parallelism: u32,
    output: PathBuf,
    clicks: u64,
    rounds: usize,
    /// How often each thing was done.
    counts: BTreeMap<&'static str, u32>,
    log: Vec<String>,
    began: Instant,
    /// What outlives the JobManager: checkpoints, accepted jobs.
    own: TempDir,
}

impl Chaos {
    fn start(seed: u64, backend: &'static str, clicks: u64) -> Self {
        // The settings name what is in it.
        let own = tempfile::tempdir().unwrap();
        let folder = own.path();
        let backend_setting = format!("state.backend.type={backend}");
        let checkpoints =
            format!("execution.checkpointing.dir=file://{}/checkpoints", folder.display());
        let ha = format!("high-availability.storageDir=file://{}/ha", folder.display());
        let settings = [
            "restart-strategy.type=fixed-delay",
            "restart-strategy.fixed-delay.attempts=100000",
            "restart-strategy.fixed-delay.delay=100 ms",
            "heartbeat.interval=500 ms",
            "heartbeat.timeout=2500 ms",
            "high-availability.type=filesystem",
            "execution.checkpointing.interval=200 ms",
            "execution.checkpointing.timeout=20 s",
            "execution.checkpointing.tolerable-failed-checkpoints=100000",
            "execution.checkpointing.num-retained=2",
            "jobmanager.scheduler=adaptive",
            "jobmanager.adaptive-scheduler.resource-stabilization-timeout=100 ms",
            &backend_setting,
            &checkpoints,
            &ha,
        ];
        let disk = Disk::mount(&folder.join("checkpoints"), DISK_MEGABYTES);
        let mut cluster = Cluster::start(executables(), 0, 2, &settings);
        let proxies = (0..TASK_MANAGERS)
            .map(|_| {
                let (port, bind_port) = (free_port(), free_port());
                let told = format!("taskmanager.data.port={port}");
                let bound = format!("taskmanager.data.bind-port={bind_port}");
                cluster.add_task_manager_with(&[&told, &bound]);
                Proxy::start(port, bind_port, Duration::from_millis(1))
            })
            .collect();
        cluster.wait_for_task_managers(TASK_MANAGERS);
        let mut chaos = Self {
            cluster,
            rng: Rng::with_seed(seed),
            backend,
            proxies,
            disk,
            full_until: None,
            stopped: Stopped::default(),
            job: String::new(),
            parallelism: 2,
            output: PathBuf::new(),
            clicks,
            rounds: 0,
            counts: BTreeMap::new(),
            log: Vec::new(),
            began: Instant::now(),
            own,
        };
        chaos.next_round();
        chaos
    }

    fn note(&mut self, kind: &'static str, what: &str) {
        *self.counts.entry(kind).or_default() += 1;
        let line = format!("{:>7.3} s  {kind} {what}", self.began.elapsed().as_secs_f32());
        self.log.push(line);
    }

    /// Starts the job anew, with an output of its own.
    fn next_round(&mut self) {
        self.rounds += 1;
        self.output = self.cluster.folder().join(format!("output-{}", self.rounds));
        self.job = self.submit(None);
        let job = self.job.clone();
        self.note("job", &job);
    }

    /// Submits the job until nobody kills its `main` while it says what it is.
    fn submit(&mut self, savepoint: Option<&str>) -> String {
        let count = self.clicks.to_string();
        let rate = RATE.to_string();
        let output = self.output.to_str().unwrap().to_owned();
        let arguments =
            [&BILLING[..], &["--count", &count, "--rps", &rate, "--output", &output]].concat();
        let examples = executables().examples;
        let parallelism = format!("-p{}", self.parallelism);
        let from: Vec<&str> = savepoint.map(|path| ["-s", path]).into_iter().flatten().collect();
        let options = [&["-d", &parallelism], &from[..], &[examples.to_str().unwrap()]].concat();
        for _ in 0..20 {
            let run = self.cluster.command("run", &[&options[..], &arguments[..]].concat());
            let stdout = String::from_utf8_lossy(&run.stdout).into_owned();
            if let Some((_, rest)) = stdout.split_once("Job has been submitted with JobID ") {
                return rest.split_whitespace().next().unwrap().to_owned();
            }
            let why = String::from_utf8_lossy(&run.stderr).into_owned();
            self.note("refused", &format!("{stdout} {why}"));
            std::thread::sleep(Duration::from_millis(200));
        }
        panic!("no job is accepted");
    }

    fn stop(&mut self, kind: &'static str, pid: u32) {
        let time = self.stopped.stop(pid, &mut self.rng);
        self.note(kind, &format!("{pid} for {time:?}"));
    }

    fn let_go(&mut self, all: bool) {
        self.stopped.let_go(all);
        if self.full_until.is_some_and(|until| all || until <= Instant::now()) {
            self.full_until = None;
            self.disk.iter().for_each(Disk::free);
        }
    }

    fn step(&mut self) {
        let task_manager = self.rng.usize(..TASK_MANAGERS);
        let processes = self.cluster.job_processes();
        let process = (!processes.is_empty()).then(|| processes[self.rng.usize(..processes.len())]);
        match self.rng.u8(..24) {
            0..8 => {
                let Some(pid) = process else { return };
                self.note("kill job process", &pid.to_string());
                signal_if_there(pid, "KILL");
            }
            8..11 => self.restart_task_manager(task_manager),
            11..13 => self.restart_job_manager(),
            13..15 => {
                let Some(pid) = process else { return };
                self.stop("stop job process", pid);
            }
            15 => self.stop("stop TaskManager", self.cluster.task_managers[task_manager].pid()),
            16 => {
                let pid = self.cluster.job_manager.pid();
                self.stop("stop JobManager", pid);
            }
            17..19 => {
                let time = Duration::from_millis(self.rng.u64(20..1_500));
                self.note("cut the network", &format!("of {task_manager} for {time:?}"));
                self.proxies[task_manager].cut(time);
            }
            19 if self.full_until.is_none() && self.disk.is_some() => {
                let time = Duration::from_millis(self.rng.u64(200..3_000));
                self.note("fill the disk", &format!("for {time:?}"));
                self.disk.iter().for_each(Disk::fill);
                self.full_until = Some(Instant::now() + time);
            }
            20 => {
                let folder = self.savepoints();
                let savepoint =
                    self.cluster.command("savepoint", &["--detached", &self.job, &folder]);
                let outcome = if savepoint.status.success() { "begun" } else { "refused" };
                self.note("savepoint", outcome);
            }
            21..23 => {
                self.parallelism = self.rng.u32(1..=4);
                let parallelism = self.parallelism.to_string();
                let rescale =
                    self.cluster.command("rescale", &["--detached", &self.job, &parallelism]);
                let outcome = if rescale.status.success() { "accepted" } else { "refused" };
                self.note("rescale", &format!("to {parallelism} {outcome}"));
            }
            _ => self.stop_and_resume(),
        }
    }

    fn savepoints(&self) -> String {
        format!("file://{}/savepoints", self.cluster.folder().display())
    }

    fn restart_task_manager(&mut self, task_manager: usize) {
        self.note("kill TaskManager", &task_manager.to_string());
        let of_it = self.cluster.task_managers[task_manager].pid();
        self.forget_stopped(of_it);
        self.cluster.restart_task_manager(task_manager);
    }

    fn restart_job_manager(&mut self) {
        self.note("kill JobManager", "");
        self.forget_stopped(self.cluster.job_manager.pid());
        self.cluster.restart_job_manager();
    }

    /// A process that stands still and is killed leaves its children standing as they are.
    fn forget_stopped(&mut self, pid: u32) {
        for child in children_of(pid) {
            signal_if_there(child, "CONT");
        }
        self.stopped.forget(pid);
    }

    /// Ends the job with a savepoint, where that works out, and goes on from it with a new one.
    fn stop_and_resume(&mut self) {
        let stop = self.cluster.command("stop", &["-p", &self.savepoints(), &self.job]);
        let stdout = String::from_utf8_lossy(&stop.stdout).into_owned();
        let Some((_, path)) = stdout.split_once("Path: ") else {
            self.note("stop", "failed");
            return;
        };
        let path = path.split_whitespace().next().unwrap().to_owned();
        self.note("stop", &path);
        self.job = self.submit(Some(&path));
        let job = self.job.clone();
        self.note("resume", &job);
    }

    fn is_finished(&self) -> bool {
        let status = self.cluster.try_get(&format!("/jobs/{}/status", self.job));
        status.is_some_and(|status| status["status"] == "FINISHED")
    }

    fn check(&mut self, expected: &[String]) {
        let lines = lines_of(&self.output);
        if lines == expected {
            return;
        }
        let difference = |these: &[String], those: &[String]| {
            let mut counts = BTreeMap::<&str, i32>::new();
            for line in these {
                *counts.entry(line).or_default() += 1;
            }
            for line in those {
                *counts.entry(line).or_default() -= 1;
            }
            let more = counts.into_iter().filter(|(_, count)| *count > 0);
            more.map(|(line, count)| format!("{count} x {line}")).collect::<Vec<_>>()
        };
        let (lost, surplus) = (difference(expected, &lines), difference(&lines, expected));
        panic!(
            "{} lines are lost and {} too many: {:?} {:?}",
            lost.len(),
            surplus.len(),
            &lost[..lost.len().min(10)],
            &surplus[..surplus.len().min(10)]
        );
    }

    fn run(&mut self, how_long: Duration, expected: &[String]) {
        let end = Instant::now() + how_long;
        while Instant::now() < end {
            self.let_go(false);
            if self.is_finished() {
                self.check(expected);
                self.next_round();
            }
            self.step();
            std::thread::sleep(Duration::from_millis(self.rng.u64(20..900)));
        }
        self.note("calm", "");
        self.let_go(true);
        self.cluster.wait_for_task_managers(TASK_MANAGERS);
        let deadline = Instant::now() + how_long + 3 * LONG;
        while !self.is_finished() {
            let state = self.cluster.state_of(&self.job);
            assert!(!["FAILED", "CANCELED"].contains(&state.as_str()), "the job is {state}");
            assert!(Instant::now() < deadline, "the job doesn't come to its end: it is {state}");
            std::thread::sleep(Duration::from_millis(50));
        }
        self.check(expected);
        self.cluster.wait_until_idle();
    }

    /// Nothing of a job that has ended stays where checkpoints are.
    fn check_nothing_is_left(&self) {
        let checkpoints = self.own.path().join("checkpoints");
        let deadline = Instant::now() + LONG / 20;
        // Files are deleted behind the job's back.
        loop {
            let left = files_of(&checkpoints);
            if left.is_empty() {
                break;
            }
            assert!(Instant::now() < deadline, "checkpoints are left: {left:#?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn kills(&self) -> u32 {
        let kills = self.counts.iter().filter(|(kind, _)| kind.starts_with("kill"));
        kills.map(|(_, count)| count).sum()
    }
}

impl Drop for Chaos {
    fn drop(&mut self) {
        self.let_go(true);
        let (backend, rounds) = (self.backend, self.rounds);
        eprintln!("{backend}: {rounds} jobs, {} kills; {:?}", self.kills(), self.counts);
        if std::thread::panicking() {
            eprintln!("--- what was done ---\n{}", self.log.join("\n"));
        }
    }
}

/// All that is in a folder, folders among it.
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().map_while(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path.clone());
            }
            found.push(path);
        }
    }
    found
}

fn chaos(backend: &'static str) {
    let variable = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seconds = variable("SCIURUS_CHAOS_SECONDS").unwrap_or(15);
    let seed = variable("SCIURUS_CHAOS_SEED").unwrap_or_else(|| fastrand::u64(..100_000));
    eprintln!("SCIURUS_CHAOS_SEED={seed} SCIURUS_CHAOS_SECONDS={seconds}");

    let clicks = RATE * seconds.clamp(4, 60) / 2;
    let mut chaos = Chaos::start(seed, backend, clicks);
    let expected = chaos.cluster.folder().join("expected");
    let count = clicks.to_string();
    let status = Command::new(executables().examples)
        .args(BILLING)
        .args(["-q", "-p2", "--count", &count, "--output"])
        .arg(&expected)
        .status()
        .unwrap();
    assert!(status.success());
    chaos.run(Duration::from_secs(seconds), &lines_of(&expected));
    chaos.check_nothing_is_left();
}

#[test]
fn a_job_with_state_in_memory_commits_each_record_once_whatever_happens() {
    chaos("hashmap");
}

#[test]
fn a_job_with_state_in_rocksdb_commits_each_record_once_whatever_happens() {
    chaos("rocksdb");
}

//! What isn't throughput: how systems start, take jobs, recover and rescale, and what they need idle.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::arguments::Arguments;
use crate::cluster::{Cluster, Programs, Settings, System};
use crate::latency::paced;
use crate::outcome::{longest_gap_ms, read_stamps};
use crate::processes::{cpu_seconds, resident_bytes};
use crate::report::{Figure, Report};
use crate::rest::wait_for;

/// How long managers are left alone before they count as idle.
const IDLE: Duration = Duration::from_secs(5);

/// How many small jobs come one after another.
const SMALL_JOBS: u64 = 50;

/// Records a second of jobs that are disturbed, which never end by themselves.
const RATE: u64 = 20_000;
const ENDLESS: u64 = 1 << 40;

/// How long a job is watched before and after it is disturbed.
const AROUND: Duration = Duration::from_secs(2);

/// Settings of a job that is started again after a failure.
const RESTARTS: [(&str, &str); 2] =
    [("restart-strategy.type", "fixed-delay"), ("restart-strategy.fixed-delay.attempts", "100")];

/// Heartbeats that notice a failure soon, and no delay.
const SOON: [(&str, &str); 3] = [
    ("heartbeat.interval", "500 ms"),
    ("heartbeat.timeout", "3 s"),
    ("restart-strategy.fixed-delay.delay", "0 s"),
];

/// A job may be rescaled as soon as there are slots, and however recently it was before.
const AT_ONCE: [(&str, &str); 3] = [
    ("jobmanager.adaptive-scheduler.executing.cooldown-after-rescaling", "0 s"),
    ("jobmanager.adaptive-scheduler.executing.resource-stabilization-timeout", "0 s"),
    ("jobmanager.adaptive-scheduler.submission.resource-stabilization-timeout", "0 s"),
];

/// Measures what is wanted.
pub fn measure(arguments: &Arguments, programs: &Programs, report: &mut Report) {
    if arguments.wants("start") {
        report.figures.extend(start(arguments, programs));
    }
    if arguments.wants("jobs") {
        report.figures.extend(small_jobs(arguments, programs));
    }
    if arguments.wants("recovery") {
        report.figures.extend(recovery(arguments, programs, "defaults", &RESTARTS));
        let settings = [&RESTARTS[..], &SOON].concat();
        report.figures.extend(recovery(
            arguments,
            programs,
            "heartbeats 0.5 s / 3 s, no delay",
            &settings,
        ));
    }
    if arguments.wants("rescale") {
        report.figures.extend(rescale(arguments, programs, "defaults", &[]));
        report.figures.extend(rescale(
            arguments,
            programs,
            "no cool-down, no stabilization",
            &AT_ONCE,
        ));
    }
}

/// Start, idle memory, submission.
fn start(arguments: &Arguments, programs: &Programs) -> Vec<Figure> {
    let figure = |what, unit, goal| Figure::new("start", what, unit, goal);
    let mut rest = figure("start of the JobManager to REST's answer", "ms", Some(20.0));
    let mut registered = figure("start of a TaskManager to its registration", "ms", Some(20.0));
    let mut cpu = figure("CPU time of both until then", "CPU s", None);
    let mut idle_jm = figure("resident memory of an idle JobManager", "MiB", Some(10.0));
    let mut idle_tm = figure("resident memory of an idle TaskManager", "MiB", Some(10.0));
    let mut first = figure("run to all tasks RUNNING, first job of a new cluster", "ms", Some(5.0));
    let mut later = figure("run to all tasks RUNNING, later jobs", "ms", Some(5.0));
    let mut cancelled = figure("cancel to CANCELED", "ms", None);
    for _ in 0..arguments.rounds {
        for system in System::BOTH {
            let cluster = Cluster::start(programs, system, 1, &[]);
            rest.add(system, ms(cluster.rest_answers));
            registered.add(system, ms(cluster.registered));
            cpu.add(system, cpu_seconds(&cluster.managers()));
            thread::sleep(IDLE);
            idle_jm.add(system, mib(&[cluster.job_manager()]));
            idle_tm.add(system, mib(&cluster.task_managers()));
            for number in 0..4 {
                let out = cluster.folder().join("start");
                let started = Instant::now();
                let job = cluster.submit(&paced(RATE, ENDLESS, out.to_str().unwrap(), "no"));
                cluster.rest.wait_until_all_run(&job, None);
                let taken = ms(started.elapsed());
                if number == 0 { &mut first } else { &mut later }.add(system, taken);
                let started = Instant::now();
                cluster.rest.cancel(&job);
                if number > 0 {
                    cancelled.add(system, ms(started.elapsed()));
                }
                cluster.wait_until_idle();
            }
        }
    }
    vec![rest, registered, cpu, idle_jm, idle_tm, first, later, cancelled]
}

/// Many small jobs, one after another.
fn small_jobs(arguments: &Arguments, programs: &Programs) -> Vec<Figure> {
    let mut time = Figure::new("jobs", "small job, submission to FINISHED", "ms", None);
    let mut cpu = Figure::new("jobs", "CPU time of a small job", "CPU ms", None);
    let clusters = System::BOTH.map(|system| Cluster::start(programs, system, 1, &[]));
    let job = ["keyed", "--count", "1000", "--keys", "10"].map(str::to_owned);
    let jobs = if arguments.quick { 3 } else { SMALL_JOBS };
    // The first time warms up.
    for round in 0..=arguments.rounds {
        for cluster in &clusters {
            cluster.wait_until_idle();
            let (before, started) = (cpu_seconds(&cluster.managers()), Instant::now());
            for _ in 0..jobs {
                let id = cluster.submit(&job);
                cluster.rest.wait_for_state(&id, "FINISHED", Duration::from_millis(2));
            }
            let taken = ms(started.elapsed());
            cluster.wait_until_idle();
            if round > 0 {
                time.add(cluster.system, taken / jobs as f64);
                let used = cpu_seconds(&cluster.managers()) - before;
                cpu.add(cluster.system, used * 1e3 / jobs as f64);
            }
        }
    }
    vec![time, cpu]
}

/// A TaskManager that runs a job is killed; another one has slots to spare.
fn recovery(
    arguments: &Arguments,
    programs: &Programs,
    how: &str,
    settings: &Settings<'_>,
) -> Vec<Figure> {
    let figure = |what| Figure::new("recovery", &format!("{what} ({how})"), "ms", Some(5.0));
    let mut running = figure("kill -9 of a TaskManager to all tasks RUNNING again");
    let mut gap = figure("gap in the output");
    for _ in 0..arguments.rounds {
        for system in System::BOTH {
            let mut cluster = Cluster::start(programs, system, 2, settings);
            let (job, out) = disturbed(&cluster);
            let busiest = busiest_task_manager(&cluster);
            let started = Instant::now();
            cluster.kill_task_manager(busiest);
            wait_for_another_attempt(&cluster, &job);
            running.add(system, ms(started.elapsed()));
            thread::sleep(AROUND);
            gap.add(system, longest_gap_ms(&read_stamps(&out)));
            cluster.rest.cancel(&job);
        }
    }
    vec![running, gap]
}

/// A job is rescaled from two to four by its resource requirements.
fn rescale(
    arguments: &Arguments,
    programs: &Programs,
    how: &str,
    settings: &Settings<'_>,
) -> Vec<Figure> {
    let figure = |what| Figure::new("rescale", &format!("{what} ({how})"), "ms", None);
    let mut running = figure("rescale from 2 to 4: request to all tasks RUNNING");
    let mut gap = figure("gap in the output");
    let scheduler =
        [("jobmanager.scheduler", "adaptive"), ("execution.checkpointing.interval", "1 s")];
    let settings = [&scheduler[..], settings].concat();
    for _ in 0..arguments.rounds.div_ceil(2) {
        for system in System::BOTH {
            let cluster = Cluster::start(programs, system, 2, &settings);
            let (job, out) = disturbed(&cluster);
            let started = Instant::now();
            cluster.rest.rescale(&job, 4);
            cluster.rest.wait_until_all_run(&job, Some(4));
            running.add(system, ms(started.elapsed()));
            thread::sleep(AROUND);
            gap.add(system, longest_gap_ms(&read_stamps(&out)));
            cluster.rest.cancel(&job);
        }
    }
    vec![running, gap]
}

/// Starts a job that notes when records come to its sink, and waits until it is warmed up.
fn disturbed(cluster: &Cluster) -> (String, PathBuf) {
    let out = cluster.folder().join("disturbed");
    let job = cluster.submit(&paced(RATE, ENDLESS, out.to_str().unwrap(), "yes"));
    cluster.rest.wait_until_all_run(&job, None);
    thread::sleep(AROUND);
    (job, out)
}

/// The TaskManager with the fewest free slots.
fn busiest_task_manager(cluster: &Cluster) -> usize {
    let answer = cluster.rest.get("/taskmanagers");
    let managers = answer["taskmanagers"].as_array().unwrap();
    let busiest = managers.iter().min_by_key(|manager| manager["freeSlots"].as_u64()).unwrap();
    cluster.index_of(busiest["id"].as_str().unwrap())
}

/// Waits until every subtask runs in another attempt than its first.
fn wait_for_another_attempt(cluster: &Cluster, job: &str) {
    let details = cluster.rest.get(&format!("/jobs/{job}"));
    let vertices = details["vertices"].as_array().unwrap();
    let vertices: Vec<&str> = vertices.iter().filter_map(|vertex| vertex["id"].as_str()).collect();
    let (longest, interval) = (Duration::from_secs(180), Duration::from_millis(5));
    wait_for("the job to run again", longest, interval, || {
        let runs_again = |subtask: &Value| {
            subtask["status"] == "RUNNING" && subtask["attempt"].as_u64().is_some_and(|n| n > 0)
        };
        let all = vertices.iter().all(|vertex| {
            let answer = cluster.rest.try_get(&format!("/jobs/{job}/vertices/{vertex}"));
            let subtasks = answer.as_ref().and_then(|answer| answer["subtasks"].as_array());
            subtasks.is_some_and(|subtasks| subtasks.iter().all(runs_again))
        });
        all.then_some(())
    });
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn mib(pids: &[u32]) -> f64 {
    resident_bytes(pids) as f64 / f64::from(1 << 20)
}

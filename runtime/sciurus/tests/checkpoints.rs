//! Jobs run by hand with checkpoints: what is committed is what a run without faults commits,
//! whatever fails in between.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers are part of the test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sciurus::prelude::*;
use sciurus_core::checkpoint::SavepointFormat;

/// How many keys there are.
const KEYS: i64 = 7;

/// How long something may take that a test waits for.
const PATIENCE: Duration = Duration::from_secs(120);

/// Counts numbers by key and writes each count into files: a count that is lost or repeated shows.
struct Counting<'a> {
    env: StreamExecutionEnvironment,
    numbers: i64,
    rows_per_second: f64,
    folder: &'a Path,
    /// After how many numbers each failure comes, and how many there are.
    failures: (u64, u64),
    seen: Arc<AtomicU64>,
}

impl<'a> Counting<'a> {
    fn new(folder: &'a Path, parallelism: u32, numbers: i64) -> Self {
        let env = StreamExecutionEnvironment::new();
        env.set_parallelism(parallelism);
        env.enable_checkpointing(Duration::from_millis(20));
        let seen = Arc::default();
        Self { env, numbers, rows_per_second: 1e9, folder, failures: (1, 0), seen }
    }

    fn set(self, key: &str, value: &str) -> Self {
        self.env.configure(&Configuration::from_pairs([(key, value)]));
        self
    }

    fn paced(mut self, rows_per_second: f64) -> Self {
        self.rows_per_second = rows_per_second;
        self
    }

    fn failing(mut self, every: u64, times: u64) -> Self {
        self.failures = (every, times);
        self.set("restart-strategy.type", "fixed-delay")
            .set("restart-strategy.fixed-delay.attempts", "1000")
            .set("restart-strategy.fixed-delay.delay", "1 ms")
    }

    fn start(&self) -> JobClient {
        let numbers = DataGeneratorSource::new(|number| number as i64)
            .count(self.numbers as u64)
            .rows_per_second(self.rows_per_second);
        let (seen, (every, times)) = (self.seen.clone(), self.failures);
        self.env
            .from_source(numbers, WatermarkStrategy::no_watermarks(), "numbers")
            .uid("numbers")
            .try_map(move |number| {
                let seen = seen.fetch_add(1, Ordering::SeqCst) + 1;
                if seen % every == 0 && seen / every <= times {
                    return Err(BoxError::from(format!("failure {}", seen / every)));
                }
                Ok((number % KEYS, 1_i64))
            })
            .uid("unsteady")
            .key_by(F0)
            .sum(F1)
            .uid("counts")
            .sink_to(FileSink::<(i64, i64)>::csv(self.folder))
            .uid("files");
        self.env.execute_async("counting").unwrap()
    }

    /// Waits until so many numbers have been counted.
    fn reach(&self, numbers: u64) {
        let deadline = Instant::now() + PATIENCE;
        while self.seen.load(Ordering::SeqCst) < numbers {
            assert!(Instant::now() < deadline, "the job stands still");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Reads the counts that are committed, sorted.
fn committed(folder: &Path) -> Vec<(i64, i64)> {
    let mut counts = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if !name.starts_with(['.', '_']) {
                counts.extend(fs::read_to_string(path).unwrap().lines().map(|line| {
                    let (key, count) = line.split_once(',').unwrap();
                    (key.parse().unwrap(), count.parse().unwrap())
                }));
            }
        }
    }
    counts.sort_unstable();
    counts
}

/// Returns the counts of a run without faults, sorted.
fn expected(numbers: i64) -> Vec<(i64, i64)> {
    let mut counts = BTreeMap::new();
    let mut expected: Vec<(i64, i64)> = (0..numbers)
        .map(|number| {
            let count = counts.entry(number % KEYS).or_insert(0);
            *count += 1;
            (number % KEYS, *count)
        })
        .collect();
    expected.sort_unstable();
    expected
}

fn assert_same(found: &[(i64, i64)], numbers: i64) {
    let expected = expected(numbers);
    let first = found.iter().zip(&expected).position(|(found, expected)| found != expected);
    let at = first.unwrap_or(found.len().min(expected.len()));
    assert!(
        found == expected,
        "{} rows instead of {}; at {at}: {:?} instead of {:?}",
        found.len(),
        expected.len(),
        found.get(at),
        expected.get(at)
    );
}

#[test]
fn nothing_is_lost_or_repeated_where_tasks_fail() {
    for parallelism in [1, 3] {
        let folder = tempfile::tempdir().unwrap();
        let numbers = 20_000;
        let job = Counting::new(folder.path(), parallelism, numbers);
        let job = job.paced(20_000.0).failing(3_000, 8);
        let client = job.start();
        client.wait().unwrap();
        assert!(client.metrics().num_restarts >= 1);
        assert_same(&committed(folder.path()), numbers);
    }
}

#[test]
fn a_bounded_job_ends_with_a_checkpoint_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let job = Counting::new(folder.path(), 2, 1_000);
    let client = job.set("execution.checkpointing.interval", "1 d").start();
    client.wait_for(PATIENCE).expect("it waits for no interval").unwrap();
    assert_same(&committed(folder.path()), 1_000);
}

#[test]
fn a_job_stopped_with_a_savepoint_goes_on_at_another_parallelism() {
    let (folder, savepoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let target = savepoints.path().to_str().unwrap();
    let numbers = 12_000;
    let mut savepoint: Option<String> = None;
    for (parallelism, stop_at) in [(2, 3_000), (3, 3_000), (1, 0)] {
        let mut job = Counting::new(folder.path(), parallelism, numbers).paced(10_000.0);
        if let Some(path) = &savepoint {
            job = job.set("execution.state-recovery.path", path);
        }
        let client = job.start();
        if stop_at == 0 {
            client.wait_for(PATIENCE).expect("it ends").unwrap();
        } else {
            job.reach(stop_at);
            let format = SavepointFormat::Canonical;
            let path = client.stop_with_savepoint(false, Some(target), format).unwrap();
            assert!(path.contains("/savepoint-"), "{path}");
            client.wait_for(PATIENCE).expect("it ends with its savepoint").unwrap();
            savepoint = Some(path);
        }
    }
    assert_same(&committed(folder.path()), numbers);
}

#[test]
fn a_savepoint_leaves_the_job_as_it_is() {
    let (folder, savepoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let job = Counting::new(folder.path(), 2, 6_000).paced(6_000.0).failing(2_500, 2);
    let client = job.start();
    job.reach(500);
    let target = savepoints.path().to_str().unwrap();
    let path = loop {
        // One that is under way when a task fails, fails with it.
        match client.trigger_savepoint(Some(target), SavepointFormat::Canonical) {
            Err(error) if error.to_string().contains("The job has failed") => {}
            result => break result.unwrap(),
        }
    };
    let metadata = path.strip_prefix("file://").unwrap().to_owned() + "/_metadata";
    client.wait_for(PATIENCE).expect("it goes on to its end").unwrap();
    assert!(Path::new(&metadata).exists(), "a savepoint is its user's");
    assert_same(&committed(folder.path()), 6_000);
    let error = client.trigger_checkpoint().unwrap_err().to_string();
    assert!(error.contains("has ended"), "{error}");
}

#[test]
fn checkpoints_lie_where_they_are_to_and_go_with_the_job() {
    let (folder, checkpoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let directory = checkpoints.path().to_str().unwrap();
    let job = Counting::new(folder.path(), 1, 1_000_000).paced(2_000.0);
    let job = job.set("execution.checkpointing.dir", directory);
    let client = job.start();
    job.reach(100);
    let path = client.trigger_checkpoint().unwrap();
    let id = client.job_id();
    assert!(path.starts_with(&format!("file://{directory}/{id}/chk-")), "{path}");
    client.cancel();
    assert!(client.wait_for(PATIENCE).expect("it ends").is_err());
    assert!(!checkpoints.path().join(id.to_string()).exists(), "nothing is left");
}

#[test]
fn a_job_runs_with_other_parallelism_from_a_checkpoint_on() {
    let folder = tempfile::tempdir().unwrap();
    let numbers = 12_000;
    let job = Counting::new(folder.path(), 2, numbers).paced(8_000.0);
    let client = job.start();
    job.reach(1_000);
    let vertices = client.metrics().vertices;
    let parallelism = vertices.iter().map(|vertex| (vertex.id, 3)).collect();
    client.rescale(&parallelism).unwrap();
    client.wait_for(PATIENCE).expect("it ends").unwrap();
    assert!(client.metrics().vertices.iter().all(|vertex| vertex.subtasks.len() == 3));
    assert_same(&committed(folder.path()), numbers);
}

#[test]
fn a_checkpoint_that_cannot_be_written_fails_and_the_job_goes_on() {
    let (folder, broken) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // A file stands where a folder should be.
    let directory = broken.path().join("file");
    fs::write(&directory, "no folder").unwrap();
    let job = Counting::new(folder.path(), 1, 1_000_000).paced(2_000.0);
    let job = job
        .set("execution.checkpointing.dir", directory.to_str().unwrap())
        .set("execution.checkpointing.interval", "1 d")
        .set("execution.checkpointing.tolerable-failed-checkpoints", "10");
    let client = job.start();
    job.reach(100);
    let error = client.trigger_checkpoint().unwrap_err().to_string();
    assert!(error.contains("file"), "{error}");
    assert_eq!(client.status(), JobStatus::Running);
    client.cancel();
    assert!(client.wait_for(PATIENCE).expect("it ends").is_err());
}

#[test]
fn what_a_job_cannot_start_from_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let env = StreamExecutionEnvironment::new();
    let path = folder.path().join("nothing");
    let path = path.to_str().unwrap();
    env.configure(&Configuration::from_pairs([("execution.state-recovery.path", path)]));
    env.from_sequence(1, 10).discard();
    let error = env.execute("job").map(drop).unwrap_err().to_string();
    assert!(error.contains(path), "{error}");
}

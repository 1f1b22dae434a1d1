//! Cancelled jobs end, with all their threads, whatever they are at.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test's helpers are part of the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use sciurus::prelude::*;

/// One test at a time: they count the threads of the process.
static ALONE: Mutex<()> = Mutex::new(());

struct Threads {
    before: usize,
    _alone: MutexGuard<'static, ()>,
}

impl Threads {
    fn note() -> Self {
        let alone = ALONE.lock();
        Self { before: count_threads(), _alone: alone }
    }

    /// Waits until no thread is left that wasn't there before.
    fn are_gone(&self) {
        wait_until("all threads have ended", || count_threads() <= self.before);
    }
}

fn count_threads() -> usize {
    // Those of the test harness come and go; a job's have names of their own.
    let names = std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|name| is_of_a_job(name.trim())).count()
}

fn is_of_a_job(name: &str) -> bool {
    ["job-master", "Source", "Map", "Filter", "Sink", "endless"]
        .iter()
        .any(|start| name.starts_with(start))
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Counts without an end.
fn endless(env: &StreamExecutionEnvironment, made: &Arc<AtomicI64>) -> DataStream<i64> {
    let made = made.clone();
    let numbers = (0_i64..).inspect(move |n| made.store(*n, Ordering::Relaxed));
    let source = IteratorSource::new(numbers).unbounded();
    let strategy = WatermarkStrategy::no_watermarks();
    (*env.from_source(source, strategy, "endless").set_parallelism(1)).clone()
}

fn assert_cancelled(client: &JobClient) {
    assert!(matches!(client.wait(), Err(JobError::Cancelled { .. })));
    assert_eq!(client.status(), JobStatus::Canceled);
    let passed: Vec<JobStatus> = client.status_history().into_iter().map(|(s, _)| s).collect();
    assert!(passed.ends_with(&[JobStatus::Cancelling, JobStatus::Canceled]), "{passed:?}");
}

#[test]
fn while_it_runs() {
    let threads = Threads::note();
    for chaining in [true, false] {
        let env = StreamExecutionEnvironment::new();
        env.set_parallelism(2);
        if !chaining {
            env.disable_operator_chaining();
        }
        let made = Arc::default();
        endless(&env, &made).rebalance().map(|n| n).filter(|n| n % 2 == 0).discard();
        let client = env.execute_async("running").unwrap();
        wait_until("the job runs", || made.load(Ordering::Relaxed) > 10_000);
        client.cancel();
        assert_cancelled(&client);
        threads.are_gone();
    }
}

#[test]
fn while_it_is_back_pressured() {
    let threads = Threads::note();
    let env = StreamExecutionEnvironment::new();
    env.set_parallelism(2);
    let made = Arc::default();
    // Nobody takes what is collected.
    let records = endless(&env, &made).rebalance().map(|n| n).execute_and_collect("full").unwrap();
    let client = records.client();
    wait_until("all tasks are held back", || {
        let metrics = client.metrics();
        metrics.tasks().count() > 1
            && metrics.tasks().all(|task| task.back_pressured_time_ms_per_second > 0.0)
    });
    client.cancel();
    assert_cancelled(client);
    threads.are_gone();
}

#[test]
fn while_it_blocks_in_the_midst_of_emitting() {
    let threads = Threads::note();
    let env = StreamExecutionEnvironment::new();
    env.set_parallelism(2);
    let made = Arc::default();
    let is_released = Arc::new(AtomicBool::new(false));
    let is_entered = Arc::new(AtomicBool::new(false));
    let (gate, entered) = (is_released.clone(), is_entered.clone());
    // Each record becomes more than a channel holds, for a task that stands still.
    endless(&env, &made)
        .flat_map::<String>(|_, out| {
            for _ in 0..10_000 {
                out.collect(&"x".repeat(1_000));
            }
        })
        .rebalance()
        .map(move |text| {
            entered.store(true, Ordering::SeqCst);
            while !gate.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
            text.len() as i64
        })
        .discard();
    let client = env.execute_async("blocked").unwrap();
    wait_until("a task is blocked", || {
        let metrics = client.metrics();
        let is_blocked = metrics.tasks().any(|t| t.hard_back_pressured_time_ms_per_second > 0.0);
        is_blocked && is_entered.load(Ordering::SeqCst)
    });
    client.cancel();
    // A user function that blocks can't be interrupted: the job waits for it.
    assert!(client.wait_for(Duration::from_millis(20)).is_none());
    assert_eq!(client.status(), JobStatus::Cancelling);
    is_released.store(true, Ordering::SeqCst);
    assert_cancelled(&client);
    threads.are_gone();
}

#[test]
fn while_it_is_idle() {
    let threads = Threads::note();
    let env = StreamExecutionEnvironment::new();
    env.set_parallelism(2);
    env.from_source(Silent, WatermarkStrategy::no_watermarks(), "Source")
        .rebalance()
        .map(|n| n)
        .discard();
    let client = env.execute_async("idle").unwrap();
    wait_until("all tasks are idle", || {
        let metrics = client.metrics();
        metrics.tasks().count() > 2 && metrics.tasks().all(|t| t.idle_time_ms_per_second > 0.0)
    });
    let start = Instant::now();
    client.cancel();
    assert_cancelled(&client);
    // Idle tasks look around once a second: this is no accident.
    assert!(start.elapsed() < Duration::from_millis(500), "it took {:?}", start.elapsed());
    threads.are_gone();
}

#[test]
fn right_after_its_start_and_twice() {
    let threads = Threads::note();
    for _ in 0..50 {
        let env = StreamExecutionEnvironment::new();
        env.set_parallelism(3);
        endless(&env, &Arc::default()).rebalance().map(|n| n).discard();
        let client = env.execute_async("young").unwrap();
        client.cancel();
        client.cancel();
        assert_cancelled(&client);
        client.cancel();
    }
    threads.are_gone();
}

#[test]
fn while_it_waits_for_its_restart() {
    let threads = Threads::note();
    let env = StreamExecutionEnvironment::new();
    env.configure(&Configuration::from_pairs([
        ("restart-strategy.type", "fixed-delay"),
        ("restart-strategy.fixed-delay.delay", "1 h"),
        ("restart-strategy.fixed-delay.attempts", "10"),
    ]));
    env.from_sequence(1, 10).try_map::<i64>(|_| Err("always".into())).discard();
    let client = env.execute_async("failing").unwrap();
    wait_until("the job is restarting", || client.status() == JobStatus::Restarting);
    client.cancel();
    assert_cancelled(&client);
    threads.are_gone();
}

#[test]
fn by_dropping_what_it_collects() {
    let threads = Threads::note();
    let env = StreamExecutionEnvironment::new();
    env.set_parallelism(3);
    let first = endless(&env, &Arc::default()).execute_and_collect_limit("some", 3).unwrap();
    assert_eq!(first, [0, 1, 2]);
    threads.are_gone();
}

#[test]
fn but_not_by_dropping_its_client() {
    let threads = Threads::note();
    let env = StreamExecutionEnvironment::new();
    let made = Arc::new(AtomicI64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let is_stopped = stop.clone();
    endless(&env, &made)
        .try_map(
            move |n| if is_stopped.load(Ordering::SeqCst) { Err("enough".into()) } else { Ok(n) },
        )
        .discard();
    drop(env.execute_async("left alone").unwrap());
    drop(env);
    wait_until("the job goes on", || made.load(Ordering::SeqCst) > 10_000);
    stop.store(true, Ordering::SeqCst);
    threads.are_gone();
}

#[test]
fn a_job_that_has_ended_leaves_no_thread() {
    let threads = Threads::note();
    let env = StreamExecutionEnvironment::new();
    env.set_parallelism(4);
    env.disable_operator_chaining();
    env.from_sequence(1, 1_000).rebalance().map(|n| n).filter(|n| n % 2 == 0).discard();
    env.execute("finished").unwrap();
    threads.are_gone();
}

/// A source whose readers have nothing to read and wait for ever.
struct Silent;

impl sciurus_engine::source::Source for Silent {
    type Item = i64;
    type Split = NoSplit;
    type EnumeratorState = ();

    fn boundedness(&self) -> sciurus_engine::source::Boundedness {
        sciurus_engine::source::Boundedness::Unbounded
    }

    fn enumerator(
        &self,
        _: u32,
        _: Option<()>,
    ) -> Result<Box<dyn sciurus_engine::source::SplitEnumerator<NoSplit, ()>>, BoxError> {
        Ok(Box::new(Silent))
    }

    fn reader(
        &self,
        _: &sciurus_engine::source::ReaderContext,
    ) -> Result<Box<dyn sciurus_engine::source::SourceReader<i64, NoSplit>>, BoxError> {
        Ok(Box::new(Silent))
    }
}

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct NoSplit;

impl sciurus_engine::source::SourceSplit for NoSplit {
    fn id(&self) -> String {
        String::new()
    }
}

impl sciurus_engine::source::SplitEnumerator<NoSplit, ()> for Silent {
    fn handle_split_request(
        &mut self,
        _: u32,
        _: &mut sciurus_engine::source::SplitAssignments<NoSplit>,
    ) -> Result<(), BoxError> {
        Ok(())
    }

    fn add_splits_back(&mut self, _: Vec<NoSplit>, _: u32) {}

    fn snapshot(&self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl sciurus_engine::source::SourceReader<i64, NoSplit> for Silent {
    fn add_splits(&mut self, _: Vec<NoSplit>) -> Result<(), BoxError> {
        Ok(())
    }

    fn poll(
        &mut self,
        _: &mut sciurus_engine::source::SourceOutput<'_, i64>,
    ) -> Result<sciurus_engine::source::ReaderStatus, BoxError> {
        Ok(sciurus_engine::source::ReaderStatus::NeedsSplit)
    }

    fn snapshot(&self) -> Vec<NoSplit> {
        Vec::new()
    }
}

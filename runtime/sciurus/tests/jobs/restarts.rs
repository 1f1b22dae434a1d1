//! Jobs that are run again after a failure, as their restart strategy says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sciurus::prelude::*;
use sciurus_core::BoxError;

use crate::support::{environment, set};

/// Fails the first times that a record reaches it.
#[derive(Clone)]
struct FailsFirst {
    failures: usize,
    failed: Arc<AtomicUsize>,
}

impl FailsFirst {
    fn new(failures: usize) -> Self {
        Self { failures, failed: Arc::default() }
    }

    fn pass(&self, n: i64) -> Result<i64, BoxError> {
        let times = self.failed.fetch_add(1, Ordering::SeqCst);
        if times < self.failures {
            return Err(format!("failure {}", times + 1).into());
        }
        Ok(n)
    }
}

fn with_strategy(strategy: &str, settings: &[(&str, &str)]) -> StreamExecutionEnvironment {
    // One subtask: the failures of several could come together and count as several.
    let env = environment(1);
    set(&env, "restart-strategy.type", strategy);
    for (key, value) in settings {
        set(&env, &format!("restart-strategy.{strategy}.{key}"), value);
    }
    env
}

/// Runs a job that fails so often, and returns its end and how often it was restarted.
fn fail(env: &StreamExecutionEnvironment, failures: usize) -> (Result<(), String>, u64) {
    let fails = FailsFirst::new(failures);
    env.from_sequence(1, 10).try_map(move |n| fails.pass(n)).name("unsteady").discard();
    let client = env.execute_async("test").unwrap();
    let end = client.wait().map(drop).map_err(|error| error.to_string());
    (end, client.metrics().num_restarts)
}

#[test]
fn without_a_strategy_the_first_failure_ends_the_job() {
    let first = "job 'test' failed: operator 'unsteady' (1/1): failure 1".to_owned();
    assert_eq!(fail(&environment(1), 1), (Err(first.clone()), 0));
    assert_eq!(fail(&with_strategy("none", &[]), 1), (Err(first), 0));
}

#[test]
fn with_fixed_delay() {
    let env = || with_strategy("fixed-delay", &[("attempts", "3"), ("delay", "1 ms")]);
    assert_eq!(fail(&env(), 3), (Ok(()), 3));
    let (end, restarts) = fail(&env(), 4);
    assert_eq!(restarts, 3);
    let text = end.unwrap_err();
    let expected = "job 'test' failed: operator 'unsteady' (1/1): failure 4 (given up after 3 \
                    restarts: Recovery is suppressed by FixedDelay";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("maxNumberRestartAttempts=3"), "{text}");
}

#[test]
fn with_failure_rate() {
    let settings =
        [("max-failures-per-interval", "2"), ("failure-rate-interval", "1 h"), ("delay", "1 ms")];
    let env = || with_strategy("failure-rate", &settings);
    assert_eq!(fail(&env(), 2), (Ok(()), 2));
    let (end, restarts) = fail(&env(), 3);
    assert_eq!(restarts, 2);
    let text = end.unwrap_err();
    assert!(text.contains("failure 3 (given up after 2 restarts: Recovery is"), "{text}");
}

#[test]
fn with_exponential_delay() {
    let settings = [
        ("initial-backoff", "1 ms"),
        ("max-backoff", "2 ms"),
        ("attempts-before-reset-backoff", "3"),
    ];
    let env = || with_strategy("exponential-delay", &settings);
    // Failures within the delay count as one with the failure before.
    let (end, restarts) = fail(&env(), 3);
    assert!(end.is_ok() && (1..=3).contains(&restarts), "{end:?} after {restarts}");
    let (end, restarts) = fail(&env(), usize::MAX);
    assert_eq!(restarts, 3);
    assert!(end.unwrap_err().contains("(given up after 3 restarts: Recovery is suppressed by Ex"));
}

/// Collects the records of the last attempt.
fn after_a_restart(stream: impl Fn(&StreamExecutionEnvironment) -> DataStream<i64>) -> Vec<i64> {
    let env = with_strategy("fixed-delay", &[("attempts", "1"), ("delay", "1 ms")]);
    set(&env, "sciurus.batch.max-rows", "10");
    let failed = Arc::new(AtomicUsize::new(0));
    let (seen, all) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(parking_lot::Mutex::new(Vec::new())));
    let (count, last) = (seen, all.clone());
    stream(&env)
        .try_map(move |n| {
            let at = count.fetch_add(1, Ordering::SeqCst);
            if at == 50 && failed.fetch_add(1, Ordering::SeqCst) == 0 {
                last.lock().clear();
                return Err("in the midst".into());
            }
            last.lock().push(n);
            Ok(n)
        })
        .discard();
    env.execute("again").unwrap();
    all.lock().clone()
}

#[test]
fn sources_are_read_again_from_the_start() {
    let expected: Vec<i64> = (1..=100).collect();
    assert_eq!(after_a_restart(|env| (*env.from_sequence(1, 100)).clone()), expected);
    let elements = expected.clone();
    let collection =
        move |env: &StreamExecutionEnvironment| (*env.from_elements(elements.clone())).clone();
    assert_eq!(after_a_restart(collection), expected);
    let iterator = |env: &StreamExecutionEnvironment| (*env.from_iter(1..=100_i64)).clone();
    assert_eq!(after_a_restart(iterator), expected);
}

#[test]
fn files_are_read_again_from_the_start() {
    let folder = tempfile::tempdir().unwrap();
    for file in 0..10 {
        let lines: Vec<_> = (1..=10).map(|line| (file * 10 + line).to_string()).collect();
        std::fs::write(folder.path().join(format!("{file}.txt")), lines.join("\n")).unwrap();
    }
    let path = folder.path().to_owned();
    let mut read = after_a_restart(move |env| {
        let files = FileSource::text(path.clone());
        let lines = env.from_source(files, WatermarkStrategy::no_watermarks(), "files");
        (*lines.try_map(|line| Ok(line.parse::<i64>()?))).clone()
    });
    read.sort_unstable();
    assert_eq!(read, (1..=100).collect::<Vec<_>>());
}

#[test]
fn only_the_region_that_failed_is_run_again() {
    // Two pipelines that have nothing in common.
    let env = with_strategy("fixed-delay", &[("attempts", "1"), ("delay", "1 ms")]);
    let fails = FailsFirst::new(1);
    env.from_sequence(1, 10).try_map(move |n| fails.pass(n)).name("unsteady").discard();
    env.from_sequence(1, 10).map(|n| n).name("steady").discard();
    let client = env.execute_async("regions").unwrap();
    client.wait().unwrap();
    let metrics = client.metrics();
    let attempts = metrics
        .vertices
        .iter()
        .map(|vertex| (vertex.name.contains("unsteady"), vertex.subtasks[0].attempt));
    let mut attempts: Vec<_> = attempts.collect();
    attempts.sort_unstable();
    assert_eq!(attempts, [(false, 0), (true, 1)]);
}

#[test]
fn only_the_subtask_that_failed_is_run_again_where_it_has_a_pipeline_of_its_own() {
    let env = environment(2);
    set(&env, "restart-strategy.type", "fixed-delay");
    set(&env, "restart-strategy.fixed-delay.delay", "1 ms");
    let fails = FailsFirst::new(1);
    env.from_sequence(1, 1_000)
        .try_map(move |n| fails.pass(n))
        .process(CountAll::default())
        .discard();
    let client = env.execute_async("one of two").unwrap();
    let result = client.wait().unwrap();
    assert_eq!(result.accumulators.get("records"), Some(&1_000));
    let mut attempts: Vec<_> = client.metrics().tasks().map(|task| task.attempt).collect();
    attempts.sort_unstable();
    assert_eq!(attempts, [0, 1]);
}

/// Counts records in an accumulator.
#[derive(Clone, Default)]
struct CountAll {
    records: LongCounter,
}

impl ProcessFunction for CountAll {
    type In = i64;
    type Out = i64;

    fn open(&mut self, ctx: &mut RuntimeContext<'_>) -> Result<(), BoxError> {
        ctx.add_accumulator("records", &self.records);
        Ok(())
    }

    fn process_element(
        &mut self,
        _: i64,
        _: &mut Context<'_>,
        _: &mut Collector<'_, i64>,
    ) -> Result<(), BoxError> {
        self.records.add(1);
        Ok(())
    }
}

#[test]
fn several_subtasks_that_fail_together_are_run_again_together() {
    for parallelism in [2, 3, 7] {
        let env = environment(parallelism);
        set(&env, "restart-strategy.type", "fixed-delay");
        set(&env, "restart-strategy.fixed-delay.attempts", "100");
        set(&env, "restart-strategy.fixed-delay.delay", "1 ms");
        let fails = FailsFirst::new(20);
        let counter = CountByKey::default();
        env.from_sequence(1, 10_000)
            .rebalance()
            .try_map(move |n| fails.pass(n))
            .key_by_fn::<i64>(|n| n % 10)
            .process(counter);
        let result = env.execute("unsteady").unwrap();
        assert_eq!(result.accumulators.get("records"), Some(&10_000));
    }
}

/// The same for a keyed stream.
#[derive(Clone, Default)]
struct CountByKey {
    records: LongCounter,
}

impl KeyedProcessFunction for CountByKey {
    type Key = i64;
    type In = i64;
    type Out = i64;

    fn open(&mut self, ctx: &mut KeyedRuntimeContext<'_>) -> Result<(), BoxError> {
        ctx.add_accumulator("records", &self.records);
        Ok(())
    }

    fn process_element(
        &mut self,
        _: i64,
        _: &mut KeyedContext<'_, i64>,
        _: &mut Collector<'_, i64>,
    ) -> Result<(), BoxError> {
        self.records.add(1);
        Ok(())
    }
}

#[test]
fn the_history_tells_of_the_restart() {
    let env = with_strategy("fixed-delay", &[("attempts", "1"), ("delay", "1 ms")]);
    let fails = FailsFirst::new(1);
    env.from_sequence(1, 10).try_map(move |n| fails.pass(n)).discard();
    let client = env.execute_async("history").unwrap();
    client.wait().unwrap();
    let history = client.status_history();
    let statuses: Vec<JobStatus> = history.iter().map(|(status, _)| *status).collect();
    let expected = [
        JobStatus::Initializing,
        JobStatus::Created,
        JobStatus::Running,
        JobStatus::Restarting,
        JobStatus::Running,
        JobStatus::Finished,
    ];
    assert_eq!(statuses, expected);
    assert!(history.is_sorted_by_key(|(_, at)| *at));
}

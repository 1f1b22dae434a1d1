//! What a job's client sees of its tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sciurus::engine::metrics::user::UserValue;
use sciurus::job_metrics::{JobMetrics, OperatorMetrics, TaskMetrics, VertexMetrics};
use sciurus::prelude::*;

use crate::support::feed::{Feed, FeedSource};
use crate::support::{environment, set, wait_until};

fn operator<'a>(metrics: &'a JobMetrics, name: &str) -> Vec<&'a OperatorMetrics> {
    metrics.operators().filter(|operator| operator.name == name).collect()
}

fn vertex<'a>(metrics: &'a JobMetrics, part_of_name: &str) -> &'a VertexMetrics {
    let mut vertices = metrics.vertices.iter();
    vertices.find(|vertex| vertex.name.contains(part_of_name)).unwrap()
}

fn sum(vertex: &VertexMetrics, of: impl Fn(&TaskMetrics) -> u64) -> u64 {
    vertex.subtasks.iter().map(of).sum()
}

#[test]
fn records_and_bytes_in_and_out() {
    let env = environment(2);
    env.from_sequence(1, 1_000)
        .filter(|n| n % 4 == 0)
        .name("quarter")
        .rebalance()
        .map(|n| n.to_string())
        .name("text")
        .set_parallelism(3)
        .broadcast()
        .map(|text| text.len() as i64)
        .name("length")
        .discard();
    let client = env.execute_async("counts").unwrap();
    client.wait().unwrap();
    let metrics = client.metrics();
    let of = |name| {
        let operators = operator(&metrics, name);
        let records_in: u64 = operators.iter().map(|operator| operator.num_records_in).sum();
        let records_out: u64 = operators.iter().map(|operator| operator.num_records_out).sum();
        (operators.len(), records_in, records_out)
    };
    assert_eq!(of("Source: Sequence Source"), (2, 0, 1_000));
    assert_eq!(of("quarter"), (2, 1_000, 250));
    assert_eq!(of("text"), (3, 250, 250));
    // Each of two subtasks gets all.
    assert_eq!(of("length"), (2, 500, 500));
    let [source, text, length] = ["quarter", "text", "length"].map(|name| vertex(&metrics, name));
    let counts = |vertex| {
        (sum(vertex, |task| task.num_records_in), sum(vertex, |task| task.num_records_out))
    };
    assert_eq!([source, text, length].map(counts), [(0, 250), (250, 250), (500, 0)]);
    let bytes_out = sum(source, |task| task.num_bytes_out);
    assert_eq!(bytes_out, sum(text, |task| task.num_bytes_in));
    assert!((250 * 8..250 * 16).contains(&bytes_out), "{bytes_out}");
    assert_eq!(sum(text, |task| task.num_bytes_out), sum(length, |task| task.num_bytes_in));
    assert_eq!(sum(source, |task| task.num_bytes_in) + sum(length, |task| task.num_bytes_out), 0);
}

#[test]
fn watermarks() {
    let env = environment(1);
    set(&env, "pipeline.auto-watermark-interval", "5 ms");
    let feed = Feed::<i64>::default();
    let strategy = WatermarkStrategy::for_monotonous_timestamps().with_timestamp_assigner(|n, _| n);
    let source = FeedSource::new(std::slice::from_ref(&feed));
    env.from_source(source, strategy, "feed").map(|n| n).disable_chaining().discard();
    let client = env.execute_async("watermarks").unwrap();
    wait_until("the job runs", || client.metrics().tasks().count() == 3);
    let watermarks = |name: &str| {
        let metrics = client.metrics();
        let operator = operator(&metrics, name)[0];
        (operator.current_input_watermark, operator.current_output_watermark)
    };
    assert_eq!(watermarks("Map"), (Timestamp::MIN, Timestamp::MIN));
    feed.push(100);
    wait_until("the watermark comes", || watermarks("Map") == (99, 99));
    assert_eq!(watermarks("Source: feed"), (Timestamp::MIN, 99));
    feed.close();
    client.wait().unwrap();
    assert_eq!(watermarks("Map"), (Timestamp::MAX, Timestamp::MAX));
}

#[test]
fn late_records() {
    let env = environment(1);
    env.from_elements([10_i64, 2_000, 20, 30, 3_000].map(|time| ("a".to_owned(), time)))
        .assign_timestamps_and_watermarks(
            WatermarkStrategy::for_generator(|| Punctuated).with_timestamp_assigner(|(_, t), _| t),
        )
        .key_by(F0)
        .window(TumblingEventTimeWindows::of(Duration::from_secs(1)))
        .sum(F1)
        .name("sums")
        .discard();
    let client = env.execute_async("late").unwrap();
    client.wait().unwrap();
    assert_eq!(operator(&client.metrics(), "sums")[0].num_late_records_dropped, 2);
}

/// Emits a watermark behind every record.
struct Punctuated;

impl WatermarkGenerator<(String, i64)> for Punctuated {
    fn on_event(&mut self, _: (&str, i64), timestamp: Timestamp, out: &mut WatermarkOutput) {
        out.emit_watermark(timestamp);
    }

    fn on_periodic_emit(&mut self, _: &mut WatermarkOutput) {}
}

/// A job of a source, a task that works at most for a while a record, and one that stands still
/// until the gate is open.
fn start(gate: &Arc<AtomicBool>) -> (Feed<i64>, JobClient) {
    let env = environment(1);
    env.disable_operator_chaining();
    set(&env, "taskmanager.memory.segment-size", "4 kb");
    let feed = Feed::default();
    let source = FeedSource::new(std::slice::from_ref(&feed));
    let gate = gate.clone();
    env.from_source(source, WatermarkStrategy::no_watermarks(), "feed")
        .flat_map::<i64>(|n, out| (0..100_000).for_each(|_| out.collect(n)))
        .name("many")
        .map(move |n| {
            while !gate.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
            n
        })
        .name("gate")
        .discard();
    let client = env.execute_async("times").unwrap();
    wait_until("the job runs", || client.metrics().tasks().count() == 4);
    (feed, client)
}

#[test]
fn idle_busy_and_back_pressured_time_and_queues() {
    let gate = Arc::new(AtomicBool::new(false));
    let (feed, client) = start(&gate);
    let tasks = |names: [&str; 2]| {
        let metrics = client.metrics();
        names.map(|name| vertex(&metrics, name).subtasks[0].clone())
    };
    let mostly = |millis: f64| millis > 600.0;
    wait_until("both are idle", || {
        tasks(["many", "gate"]).iter().all(|task| mostly(task.idle_time_ms_per_second))
    });
    feed.push(1);
    // Blocked in the midst of emitting: back-pressured, not busy.
    wait_until("one is held back and the other busy", || {
        let [many, gate] = tasks(["many", "gate"]);
        mostly(many.hard_back_pressured_time_ms_per_second) && mostly(gate.busy_time_ms_per_second)
    });
    let [many, blocked] = tasks(["many", "gate"]);
    assert!(many.busy_time_ms_per_second < 400.0, "{many:?}");
    let soft_and_hard =
        many.soft_back_pressured_time_ms_per_second + many.hard_back_pressured_time_ms_per_second;
    assert!((many.back_pressured_time_ms_per_second - soft_and_hard).abs() < 0.001);
    assert!(many.out_pool_usage >= 1.0 && blocked.in_pool_usage >= 1.0, "{many:?} {blocked:?}");
    assert!(many.output_queue_size > 0 && many.in_pool_usage == 0.0, "{many:?}");
    assert_eq!(many.output_queue_size, blocked.input_queue_size);
    for task in tasks(["many", "gate"]) {
        let all = task.busy_time_ms_per_second
            + task.idle_time_ms_per_second
            + task.back_pressured_time_ms_per_second;
        assert!((all - 1_000.0).abs() < 1.0, "{task:?}");
    }
    gate.store(true, Ordering::SeqCst);
    feed.close();
    client.wait().unwrap();
    let [many, blocked] = tasks(["many", "gate"]);
    assert_eq!((many.output_queue_size, blocked.input_queue_size), (0, 0));
    assert_eq!(blocked.num_records_in, 100_000);
}

#[test]
fn a_source_that_is_held_back_waits_softly() {
    let gate = Arc::new(AtomicBool::new(false));
    let (feed, client) = start(&gate);
    for n in 0..100_000 {
        feed.push(n);
    }
    wait_until("the source is held back", || {
        let metrics = client.metrics();
        let source = &vertex(&metrics, "feed").subtasks[0];
        source.soft_back_pressured_time_ms_per_second > 500.0
            && source.hard_back_pressured_time_ms_per_second < 1.0
    });
    client.cancel();
    gate.store(true, Ordering::SeqCst);
    assert!(client.wait().is_err());
}

#[test]
fn of_the_job() {
    let gate = Arc::new(AtomicBool::new(true));
    let (feed, client) = start(&gate);
    let metrics = client.metrics();
    assert_eq!(metrics.num_restarts, 0);
    let names: Vec<_> = metrics.vertices.iter().map(|vertex| vertex.name.as_str()).collect();
    assert_eq!(names, ["Source: feed", "many", "gate", "Sink: Discard"]);
    wait_until("time passes", || client.metrics().uptime > Some(Duration::from_millis(2)));
    feed.close();
    client.wait().unwrap();
    assert_eq!(client.metrics().uptime, None);
}

/// Counts lines and how long they are.
#[derive(Debug, Clone, Default)]
struct Lengths {
    lines: UserCounter,
    longest: UserGauge,
    lengths: UserHistogram,
}

impl ProcessFunction for Lengths {
    type In = i64;
    type Out = i64;

    fn open(&mut self, ctx: &mut RuntimeContext<'_>) -> Result<(), BoxError> {
        let metrics = ctx.metrics();
        metrics.counter("lines", &self.lines).gauge("longest", &self.longest);
        metrics.label("unit", "bytes").histogram("lengths", &self.lengths);
        Ok(())
    }

    fn process_element(
        &mut self,
        length: i64,
        _: &mut Context<'_>,
        _: &mut Collector<'_, i64>,
    ) -> Result<(), BoxError> {
        self.lines.add(1);
        self.longest.set(self.longest.get().max(length as f64));
        self.lengths.update(length);
        Ok(())
    }
}

#[test]
fn what_functions_count_is_told_for_each_subtask() {
    let env = environment(2);
    env.from_sequence(1, 100).rebalance().process(Lengths::default()).name("lengths").discard();
    let client = env.execute_async("counting functions").unwrap();
    client.wait().unwrap();
    let metrics = client.metrics();
    let (mut lines, mut longest, mut values) = (0, 0.0_f64, 0);
    for operator in operator(&metrics, "lengths") {
        assert_eq!(operator.user.len(), 3);
        for metric in &operator.user {
            match (&*metric.name, &metric.value) {
                ("lines", UserValue::Counter(count)) => lines += count,
                ("longest", UserValue::Gauge(value)) => longest = longest.max(*value),
                ("lengths", UserValue::Histogram(distribution)) => {
                    assert_eq!(metric.groups, [("unit".into(), Some("bytes".into()))]);
                    values += distribution.count;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!((lines, longest, values), (100, 100.0, 100));
}

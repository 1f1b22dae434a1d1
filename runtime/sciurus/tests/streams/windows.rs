use std::time::Duration;

use sciurus::prelude::*;

use crate::{environment, sorted};

/// A sensor, what it measured and when.
type Reading = (String, i64, i64);

const SECOND: Duration = Duration::from_secs(1);

fn readings(env: &StreamExecutionEnvironment) -> SingleOutputStreamOperator<Reading> {
    let readings = [
        ("oak", 1, 0),
        ("oak", 2, 900),
        ("elm", 30, 500),
        ("oak", 4, 1500),
        ("elm", 50, 4000),
        ("oak", 8, 4500),
    ];
    let strategy = WatermarkStrategy::for_bounded_out_of_orderness(SECOND)
        .with_timestamp_assigner(|(_, _, time), _| time);
    let source = CollectionSource::new(readings.map(|(s, n, time)| (s.to_owned(), n, time)));
    env.from_source(source, strategy, "readings").set_parallelism(1)
}

/// The readings without their time, which they keep as their timestamp.
fn values(env: &StreamExecutionEnvironment) -> SingleOutputStreamOperator<(String, i64)> {
    readings(env).map(|(sensor, value, _)| (sensor.to_owned(), value))
}

fn pairs<const N: usize>(pairs: [(&str, i64); N]) -> Vec<(String, i64)> {
    pairs.into_iter().map(|(sensor, value)| (sensor.to_owned(), value)).collect()
}

#[test]
fn sums_of_tumbling_windows() -> Result<(), JobError> {
    for parallelism in [1, 3] {
        let env = environment(parallelism);
        let sums = values(&env).key_by(F0).window(TumblingEventTimeWindows::of(SECOND)).sum(F1);
        let expected = [("elm", 30), ("elm", 50), ("oak", 3), ("oak", 4), ("oak", 8)];
        assert_eq!(sorted(&sums)?, pairs(expected));
    }
    Ok(())
}

#[test]
fn sums_keep_the_first_records_other_fields() -> Result<(), JobError> {
    let env = environment(2);
    let sums = readings(&env).key_by(F0).window(TumblingEventTimeWindows::of(2 * SECOND)).sum(F1);
    let expected = [("elm", 30, 500), ("elm", 50, 4000), ("oak", 7, 0), ("oak", 8, 4500)];
    assert_eq!(sorted(&sums)?, expected.map(|(s, n, t)| (s.to_owned(), n, t)));
    Ok(())
}

#[test]
fn extremes_of_sliding_windows() -> Result<(), JobError> {
    let env = environment(2);
    let windows = SlidingEventTimeWindows::of(2 * SECOND, SECOND);
    let least = values(&env).key_by(F0).window(windows).min(F1);
    let expected = [
        ("elm", 30),
        ("elm", 30),
        ("elm", 50),
        ("elm", 50),
        ("oak", 1),
        ("oak", 1),
        ("oak", 4),
        ("oak", 8),
        ("oak", 8),
    ];
    assert_eq!(sorted(&least)?, pairs(expected));

    let env = environment(2);
    let latest =
        readings(&env).key_by(F0).window(TumblingEventTimeWindows::of(5 * SECOND)).max_by(F2);
    let expected = [("elm", 50, 4000), ("oak", 8, 4500)];
    assert_eq!(sorted(&latest)?, expected.map(|(s, n, t)| (s.to_owned(), n, t)));
    Ok(())
}

#[test]
fn keys_of_several_fields_go_out_in_their_places() -> Result<(), JobError> {
    let env = environment(2);
    let records = [(1, "a", 10), (2, "b", 20), (1, "a", 30), (1, "b", 40)];
    let strategy = WatermarkStrategy::for_monotonous_timestamps().with_timestamp_assigner(|_, _| 0);
    let records = CollectionSource::new(records.map(|(n, text, v)| (n, text.to_owned(), v)));
    let stream: SingleOutputStreamOperator<(i32, String, i64)> =
        env.from_source(records, strategy, "records");
    let sums = stream.key_by((F1, F0)).window(TumblingEventTimeWindows::of(SECOND)).sum(F2);
    let expected = [(1, "a", 40), (1, "b", 40), (2, "b", 20)];
    assert_eq!(sorted(&sums)?, expected.map(|(n, text, v)| (n, text.to_owned(), v)));
    Ok(())
}

/// The mean of what is added.
#[derive(Clone)]
struct Mean;

impl AggregateFunction for Mean {
    type Input = (String, i64);
    type Accumulator = (i64, i64);
    type Output = f64;

    fn create_accumulator(&self) -> (i64, i64) {
        (0, 0)
    }

    fn add(&self, (_, value): (&str, i64), (sum, count): &mut (i64, i64)) {
        *sum += value;
        *count += 1;
    }

    fn result(&self, (sum, count): &(i64, i64)) -> f64 {
        *sum as f64 / *count as f64
    }

    fn merge(&self, one: (i64, i64), other: (i64, i64)) -> (i64, i64) {
        (one.0 + other.0, one.1 + other.1)
    }
}

#[test]
fn an_aggregate_goes_out_as_it_is_or_through_a_function() -> Result<(), JobError> {
    let env = environment(2);
    let windows = || TumblingEventTimeWindows::of(2 * SECOND);
    let means = values(&env).key_by(F0).window(windows()).aggregate(Mean);
    let means = means.map(|mean| format!("{mean:.2}"));
    assert_eq!(sorted(&means)?, ["2.33", "30.00", "50.00", "8.00"]);

    let env = environment(2);
    let means = values(&env).key_by(F0).window(windows()).aggregate_with::<_, String>(
        Mean,
        |sensor, window, mean, out| {
            out.collect(&format!("{sensor} from {} to {}: {mean:.2}", window.start, window.end));
        },
    );
    let expected = [
        "elm from 0 to 2000: 30.00",
        "elm from 4000 to 6000: 50.00",
        "oak from 0 to 2000: 2.33",
        "oak from 4000 to 6000: 8.00",
    ];
    assert_eq!(sorted(&means)?, expected);
    Ok(())
}

#[test]
fn sessions_are_reduced() -> Result<(), JobError> {
    let env = environment(2);
    let sessions = values(&env)
        .key_by(F0)
        .window(EventTimeSessionWindows::with_gap(SECOND))
        .reduce_with::<(String, i64, i64, i64)>(
            |sum, (_, value)| sum.1 += value,
            |sensor, window, (_, sum), out| out.collect((sensor, window.start, window.end, sum)),
        );
    let expected = [
        ("elm", 500, 1500, 30),
        ("elm", 4000, 5000, 50),
        ("oak", 0, 2500, 7),
        ("oak", 4500, 5500, 8),
    ];
    assert_eq!(sorted(&sessions)?, expected.map(|(s, a, b, n)| (s.to_owned(), a, b, n)));
    Ok(())
}

#[test]
fn a_window_function_sees_all_records() -> Result<(), JobError> {
    for windows in [2 * SECOND, 3 * SECOND] {
        let env = environment(1);
        let lists = values(&env)
            .key_by(F0)
            .window(SlidingEventTimeWindows::of(windows, windows))
            .apply::<String>(|sensor, _, elements, out| {
            let values: Vec<_> = elements.map(|(_, value)| value.to_string()).collect();
            out.collect(&format!("{sensor} {}", values.join(" ")));
        });
        assert_eq!(sorted(&lists)?, ["elm 30", "elm 50", "oak 1 2 4", "oak 8"]);
    }
    Ok(())
}

/// Emits the number of records, and windows of one record into a side output.
#[derive(Clone)]
struct Count {
    lonely: OutputTag<String>,
}

impl ProcessWindowFunction for Count {
    type Key = String;
    type Window = TimeWindow;
    type In = (String, i64);
    type Out = (String, i64);

    fn process(
        &mut self,
        key: &str,
        ctx: &mut WindowContext<'_, TimeWindow>,
        elements: WindowElements<'_, (String, i64)>,
        out: &mut Collector<'_, (String, i64)>,
    ) -> Result<(), BoxError> {
        match elements.len() {
            1 => ctx.output(&self.lonely, &format!("{key} at {}", ctx.window().start)),
            count => out.collect((key, i64::try_from(count)?)),
        }
        Ok(())
    }
}

#[test]
fn a_process_window_function_has_side_outputs() -> Result<(), JobError> {
    let lonely = OutputTag::new("lonely");
    let env = environment(2);
    let counts = values(&env)
        .key_by(F0)
        .window(TumblingEventTimeWindows::of(2 * SECOND))
        .process(Count { lonely: lonely.clone() });
    let sides = counts.get_side_output(&lonely);
    let all = counts.map(|(key, count)| format!("{key} {count}")).union(&[&sides]);
    assert_eq!(sorted(&all)?, ["elm at 0", "elm at 4000", "oak 3", "oak at 4000"]);
    Ok(())
}

#[test]
fn count_windows() -> Result<(), JobError> {
    let env = environment(1);
    let numbers: Vec<_> = (1..=7).map(|n| ("a".to_owned(), n)).collect();
    let stream = env.from_elements(numbers.clone()).key_by(F0);
    assert_eq!(sorted(&stream.count_window(3).sum(F1))?, pairs([("a", 6), ("a", 15)]));

    let env = environment(1);
    let stream = env.from_elements(numbers);
    let sums = stream.key_by(F0).count_window_sliding(4, 2).sum(F1);
    assert_eq!(sorted(&sums)?, pairs([("a", 3), ("a", 10), ("a", 18)]));
    let greatest = stream.count_window_all_sliding(2, 1).max(F1);
    let expected = [1, 2, 3, 4, 5, 6, 7].map(|n| ("a", n));
    assert_eq!(sorted(&greatest)?, pairs(expected));
    Ok(())
}

#[test]
fn windows_over_all_records_have_one_subtask() -> Result<(), JobError> {
    let env = environment(3);
    let sums = values(&env)
        .rebalance()
        .window_all(TumblingEventTimeWindows::of(2 * SECOND))
        .aggregate_with::<_, String>(Mean, |window, mean, out| {
            out.collect(&format!("{} {mean}", window.start));
        });
    assert_eq!(sorted(&sums)?, ["0 9.25", "4000 29"]);

    let env = environment(3);
    let lists = values(&env)
        .window_all(EventTimeSessionWindows::with_gap(2 * SECOND))
        .apply::<i64>(|_, elements, out| out.collect(elements.map(|(_, value)| value).sum()));
    assert_eq!(sorted(&lists)?, [37, 58]);
    Ok(())
}

#[test]
fn late_records_can_be_read() -> Result<(), JobError> {
    let late = OutputTag::new("late");
    let env = environment(1);
    let strategy =
        WatermarkStrategy::for_generator(|| Punctual).with_timestamp_assigner(|(_, time), _| time);
    let records = CollectionSource::new([5, 1500, 7, 2400, 1600].map(|t| ("a".to_owned(), t)));
    let sums = env
        .from_source(records, strategy, "records")
        .key_by(F0)
        .window(TumblingEventTimeWindows::of(SECOND))
        .allowed_lateness(SECOND / 2)
        .side_output_late_data(&late)
        .reduce(|sum, (_, value)| sum.1 += value);
    let all = sums.map(|(_, sum)| sum).union(&[&sums.get_side_output(&late).map(|(_, t)| -t)]);
    // The third record is too late; the last one finds its window and fires it again.
    assert_eq!(sorted(&all)?, [-7, 5, 1500, 2400, 3100]);
    Ok(())
}

/// Makes a watermark of every timestamp.
#[derive(Clone)]
struct Punctual;

impl WatermarkGenerator<(String, i64)> for Punctual {
    fn on_event(&mut self, _: (&str, i64), timestamp: Timestamp, out: &mut WatermarkOutput) {
        out.emit_watermark(timestamp);
    }

    fn on_periodic_emit(&mut self, _: &mut WatermarkOutput) {}
}

#[test]
fn in_batch_execution_no_record_is_late() -> Result<(), JobError> {
    let env = environment(1);
    env.set_runtime_mode(RuntimeMode::Batch);
    let strategy =
        WatermarkStrategy::for_generator(|| Punctual).with_timestamp_assigner(|(_, time), _| time);
    let records = CollectionSource::new([5, 1500, 7].map(|time| ("a".to_owned(), time)));
    let stream = env.from_source(records, strategy, "records").key_by(F0);
    let sums = stream.window(TumblingEventTimeWindows::of(SECOND)).sum(F1);
    assert_eq!(sorted(&sums)?, pairs([("a", 12), ("a", 1500)]));
    let sums = stream.window(EventTimeSessionWindows::with_gap(SECOND)).sum(F1);
    assert_eq!(sorted(&sums)?, pairs([("a", 12), ("a", 1500)]));
    Ok(())
}

#[test]
#[should_panic(expected = "does not support merging")]
fn sessions_need_a_trigger_that_merges() {
    #[derive(Clone)]
    struct Eager;

    impl<W: Window> Trigger<(String, i64), W> for Eager {
        type State = ();

        fn on_element(
            &self,
            _: (&str, i64),
            _: Option<Timestamp>,
            _: &W,
            (): &mut (),
            _: &mut TriggerContext<'_>,
        ) -> TriggerResult {
            TriggerResult::FireAndPurge
        }
    }

    let stream = values(&environment(1)).key_by(F0);
    let _ = stream.window(EventTimeSessionWindows::with_gap(SECOND)).trigger(Eager);
}

#[test]
fn timestamps_are_assigned_in_the_midst_of_a_job() -> Result<(), JobError> {
    let env = environment(2);
    let strategy =
        WatermarkStrategy::for_monotonous_timestamps().with_timestamp_assigner(|(_, time), _| time);
    let sums = env
        .from_elements([5, 900, 1500].map(|time| ("a".to_owned(), time)))
        .assign_timestamps_and_watermarks(strategy)
        .key_by(F0)
        .window(TumblingEventTimeWindows::of(SECOND))
        .sum(F1);
    assert_eq!(sorted(&sums)?, pairs([("a", 905), ("a", 1500)]));
    Ok(())
}

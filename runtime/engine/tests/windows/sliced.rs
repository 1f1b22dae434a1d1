use std::time::Duration;

use proptest::prelude::*;
use sciurus_core::record::F1;
use sciurus_engine::exchange::KeyExtractorFactory;
use sciurus_engine::operator::{BatchLimits, Operator, OperatorContext};
use sciurus_engine::windowing::assigner::{
    SlidingEventTimeWindows, TumblingEventTimeWindows, TumblingProcessingTimeWindows,
    WindowAssigner,
};
use sciurus_engine::windowing::contents::{Aggregate, ColumnExtreme, ColumnSum, Extreme, Reduce};
use sciurus_engine::windowing::output::{
    Accumulated, AggregateResult, ApplyToResult, KeyAndValue, PassThrough, RowOutput,
};
use sciurus_engine::windowing::sliced::{SlicedOptions, SlicedWindowOperator};
use sciurus_engine::windowing::slicing::Slicing;
use sciurus_engine::windowing::window::TimeWindow;
use sciurus_engine::{OutputTag, TaskResult};
use sciurus_state::timer::TimeDomain;
use sciurus_testkit::{Event, HarnessOptions, KeyedHarness, OneInputHarness};

use crate::harness::{Collect, Word, compare, describe_result, keys};
use crate::input::{Step, steps};
use crate::model::{Fired, Model};

fn options(slicing: Slicing, allowed_lateness: i64) -> SlicedOptions {
    SlicedOptions { slicing, domain: TimeDomain::Event, allowed_lateness, late_tag: None }
}

fn collecting(options: SlicedOptions, context: &OperatorContext) -> impl Operator + use<> {
    let function = ApplyToResult::new(describe_result);
    let output = RowOutput::new(AggregateResult::new(Collect), function, context.limits);
    let extractor = keys().create();
    SlicedWindowOperator::<Word, String, TimeWindow, _, _>::new(
        options,
        extractor,
        Aggregate::new(Collect),
        output,
        context,
    )
}

/// Windows whose late records go into the side output `late`.
fn with_late_tag(mut options: SlicedOptions) -> SlicedOptions {
    options.late_tag = Some("late".into());
    options
}

proptest! {
    #[test]
    fn tumbling_windows_hold_the_records_of_their_span(
        input in steps(12, 40),
        parallelism in 1..4_u32,
        (size, offset) in (1..20_i64).prop_flat_map(|size| (Just(size), -size + 1..size)),
        lateness in prop_oneof![Just(0), 0..40_i64],
    ) {
        let model = Model::sliding(size, size, offset, lateness);
        let options = with_late_tag(options(Slicing::tumbling(size, offset), lateness));
        compare(parallelism, &input, model, move |context| collecting(options.clone(), context))
            .unwrap();
    }

    #[test]
    fn sliding_windows_hold_the_records_of_their_span(
        input in steps(8, 40),
        parallelism in 1..4_u32,
        size in 1..30_i64,
        (slide, offset) in (1..10_i64).prop_flat_map(|slide| (Just(slide), -slide + 1..slide)),
        lateness in prop_oneof![Just(0), 0..40_i64],
    ) {
        let model = Model::sliding(size, slide, offset, lateness);
        let options = with_late_tag(options(Slicing::sliding(size, slide, offset), lateness));
        compare(parallelism, &input, model, move |context| collecting(options.clone(), context))
            .unwrap();
    }

    #[test]
    fn sums_and_extremes_of_one_column_are_those_of_the_records(
        input in steps(8, 30),
        parallelism in 1..4_u32,
        size in 1..30_i64,
        slide in 1..10_i64,
        lateness in prop_oneof![Just(0), 0..40_i64],
        aggregate in 0..3_u8,
    ) {
        columnar(&input, parallelism, Slicing::sliding(size, slide, 0), lateness, aggregate,
            Model::sliding(size, slide, 0, lateness)).unwrap();
    }
}

fn columnar(
    input: &[Step],
    parallelism: u32,
    slicing: Slicing,
    lateness: i64,
    aggregate: u8,
    mut model: Model,
) -> TaskResult {
    let limits = BatchLimits { max_rows: 2, ..BatchLimits::default() };
    let harness_options = HarnessOptions { parallelism, limits, ..HarnessOptions::default() };
    let output = |context: &OperatorContext| {
        let schema = arrow_schema::Schema::new(<Word as sciurus_core::Record>::fields());
        KeyAndValue::<String, i64>::new(schema.into(), vec![0], context.limits)
    };
    let open = |options: SlicedOptions| match aggregate {
        0 => KeyedHarness::<Word, Word>::open_with(harness_options, &keys(), move |context| {
            SlicedWindowOperator::<Word, String, TimeWindow, _, _>::new(
                options.clone(),
                keys().create(),
                ColumnSum::new(F1),
                output(context),
                context,
            )
        }),
        kind => KeyedHarness::<Word, Word>::open_with(harness_options, &keys(), move |context| {
            let extreme = if kind == 1 { Extreme::Min } else { Extreme::Max };
            let contents = ColumnExtreme::new(F1, extreme);
            SlicedWindowOperator::<Word, String, TimeWindow, _, _>::new(
                options.clone(),
                keys().create(),
                contents,
                output(context),
                context,
            )
        }),
    };
    let mut harness = open(options(slicing, lateness))?;
    for step in input {
        let fired: Vec<Fired> = match step {
            Step::Batch(records) => {
                let rows = records.iter().map(|(key, value, time)| ((&key[..], *value), *time));
                harness.process_elements_at(rows)?;
                records.iter().flat_map(|(k, v, time)| model.element(k, *v, *time)).collect()
            }
            Step::Watermark(watermark) => {
                harness.process_watermark(*watermark)?;
                model.watermark(*watermark)
            }
        };
        let mut expected: Vec<_> = fired
            .into_iter()
            .map(|(key, (_, end), values)| {
                let value = match aggregate {
                    0 => values.iter().sum(),
                    1 => values[0],
                    _ => values[values.len() - 1],
                };
                (end - 1, key, value)
            })
            .collect();
        let mut actual: Vec<_> = harness
            .take_output()?
            .into_iter()
            .filter_map(|event| match event {
                Event::RecordAt((key, value), timestamp) => Some((timestamp, key, value)),
                _ => None,
            })
            .collect();
        expected.sort();
        actual.sort();
        assert_eq!(actual, expected, "after {step:?}");
    }
    Ok(())
}

fn summing(
    slicing: Slicing,
    domain: TimeDomain,
    context: &OperatorContext,
) -> impl Operator + use<> {
    let contents = Reduce::new(|sum: &mut Word, (_, value): (&str, i64)| sum.1 += value);
    let output = RowOutput::new(Accumulated, PassThrough, context.limits);
    SlicedWindowOperator::<Word, String, TimeWindow, _, _>::new(
        SlicedOptions { domain, ..options(slicing, 0) },
        keys().create(),
        contents,
        output,
        context,
    )
}

#[test]
fn windows_by_the_clock_fire_when_it_has_passed_their_end() -> TaskResult {
    let tumbling = TumblingProcessingTimeWindows::of(Duration::from_millis(10));
    let slicing = WindowAssigner::<Word>::slicing(&tumbling).unwrap();
    let mut harness = OneInputHarness::<Word, Word>::open(move |context| {
        summing(slicing, TimeDomain::Processing, context)
    })?;
    harness.process_elements([("a", 1), ("b", 2)])?;
    assert_eq!(harness.next_processing_time(), Some(10));
    harness.set_processing_time(9)?;
    harness.process_element(("a", 3))?;
    assert!(harness.take_output()?.is_empty());
    harness.set_processing_time(10)?;
    let expected = [("a", 4), ("b", 2)].map(|(k, n)| Event::RecordAt((k.to_owned(), n), 9));
    assert_eq!(harness.take_output()?, expected);
    assert_eq!(harness.next_processing_time(), None);
    // The watermark has nothing to do with it.
    harness.process_element(("a", 5))?;
    harness.process_watermark(1000)?;
    assert_eq!(harness.take_records()?, []);
    harness.end_input()?;
    assert_eq!(harness.take_records()?, []);
    Ok(())
}

#[test]
fn a_batch_that_comes_before_the_timer_fires_the_windows_before_it() -> TaskResult {
    let slicing = Slicing::sliding(20, 10, 0);
    let mut harness = OneInputHarness::<Word, Word>::open(move |context| {
        summing(slicing, TimeDomain::Processing, context)
    })?;
    harness.process_element(("a", 1))?;
    harness.set_processing_time(35)?;
    let expected = [9, 19].map(|time| Event::RecordAt(("a".to_owned(), 1), time));
    assert_eq!(harness.take_output()?, expected);
    harness.process_element(("a", 2))?;
    assert_eq!(harness.next_processing_time(), Some(40));
    Ok(())
}

#[test]
fn in_batch_execution_windows_by_the_clock_fire_at_the_end() -> TaskResult {
    let slicing = Slicing::tumbling(10, 0);
    let options = HarnessOptions { batch_mode: true, ..HarnessOptions::default() };
    let mut harness = OneInputHarness::<Word, Word>::open_with(options, move |context| {
        summing(slicing, TimeDomain::Processing, context)
    })?;
    harness.process_elements([("a", 1), ("a", 2)])?;
    harness.end_input()?;
    assert_eq!(harness.take_records()?, [("a".to_owned(), 3)]);
    Ok(())
}

#[test]
fn late_records_are_counted_or_go_into_a_side_output() -> TaskResult {
    let tumbling = TumblingEventTimeWindows::of(Duration::from_millis(10));
    let slicing = WindowAssigner::<Word>::slicing(&tumbling).unwrap();
    let late = OutputTag::<Word>::new("late");
    for has_tag in [false, true] {
        let mut harness = OneInputHarness::<Word, Word>::open(move |context| {
            let contents = Reduce::new(|sum: &mut Word, (_, value): (&str, i64)| sum.1 += value);
            let output = RowOutput::new(Accumulated, PassThrough, context.limits);
            let options = options(slicing, 5);
            let options = if has_tag { with_late_tag(options) } else { options };
            SlicedWindowOperator::<Word, String, TimeWindow, _, _>::new(
                options,
                keys().create(),
                contents,
                output,
                context,
            )
        })?;
        harness.read_side_output(&late);
        harness.process_elements_at([(("a", 1), 3), (("a", 2), 13)])?;
        harness.process_watermark(13)?;
        harness.take_output()?;
        // Still kept, so that it fires again, with all records.
        harness.process_element_at(("a", 4), 9)?;
        assert_eq!(harness.take_output()?, [Event::RecordAt(("a".to_owned(), 5), 9)]);
        harness.process_watermark(14)?;
        harness.process_elements_at([(("a", 8), 9), (("b", 16), 8), (("a", 32), 12)])?;
        assert_eq!(harness.take_records()?, []);
        let dropped = harness.context().metrics.late_records_dropped.get();
        let refused: Vec<_> =
            harness.take_side_output(&late)?.into_iter().filter_map(Event::into_record).collect();
        if has_tag {
            let expected = vec![("a".to_owned(), 8), ("b".to_owned(), 16)];
            assert_eq!((dropped, refused), (0, expected));
        } else {
            assert_eq!((dropped, refused), (2, vec![]));
        }
    }
    Ok(())
}

#[test]
fn records_without_timestamps_are_refused_with_advice() -> TaskResult {
    let sliding = SlidingEventTimeWindows::of(Duration::from_millis(10), Duration::from_millis(5));
    let slicing = WindowAssigner::<Word>::slicing(&sliding).unwrap();
    let mut harness = OneInputHarness::<Word, Word>::open(move |context| {
        summing(slicing, TimeDomain::Event, context)
    })?;
    let error = harness.process_element(("a", 1)).unwrap_err();
    assert!(error.to_string().contains("watermark strategy"), "{error}");
    Ok(())
}

#[test]
fn the_last_watermark_fires_every_window() -> TaskResult {
    let mut harness = OneInputHarness::<Word, Word>::open(move |context| {
        summing(Slicing::sliding(3, 1, 0), TimeDomain::Event, context)
    })?;
    harness.process_elements_at([(("a", 1), 0), (("a", 2), 1_000_000_000)])?;
    harness.end_input()?;
    let times = |event: &Event<Word>| match event {
        Event::RecordAt(_, time) => Some(*time),
        _ => None,
    };
    let fired: Vec<_> = harness.take_output()?.iter().filter_map(times).collect();
    assert_eq!(fired, [0, 1, 2, 1_000_000_000, 1_000_000_001, 1_000_000_002]);
    Ok(())
}

#[test]
fn keys_that_have_left_the_window_make_room_for_others() -> TaskResult {
    // Every slice has keys of its own and one in common: most keys of the index leave soon.
    const KEYS: i64 = 3000;
    for aggregate in 0..3 {
        let mut input = Vec::new();
        for slice in 0..6 {
            let word = |n: i64| {
                let key = if n == 0 { "common".to_owned() } else { format!("{slice} {n}") };
                (key, slice * KEYS + n, 10 * slice)
            };
            input.push(Step::Batch((0..KEYS).map(word).collect()));
            // Late, but in time for the windows to come.
            input.push(Step::Batch(vec![("common".to_owned(), slice, 10 * slice - 5)]));
            input.push(Step::Watermark(10 * slice + 9));
        }
        let slicing = Slicing::sliding(20, 10, 0);
        columnar(&input, 1, slicing, 0, aggregate, Model::sliding(20, 10, 0, 0))?;
    }
    Ok(())
}

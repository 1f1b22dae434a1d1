use std::time::Duration;

use proptest::prelude::*;
use sciurus_core::Record;
use sciurus_core::time::Timestamp;
use sciurus_engine::exchange::KeyExtractorFactory;
use sciurus_engine::operator::{Operator, OperatorContext};
use sciurus_engine::windowing::assigner::{
    EventTimeSessionWindows, GlobalWindows, ProcessingTimeSessionWindows, SlidingEventTimeWindows,
    TumblingEventTimeWindows, WindowAssigner,
};
use sciurus_engine::windowing::contents::{Aggregate, ElementList, Reduce, WindowContents};
use sciurus_engine::windowing::general::{WindowOperator, WindowOptions};
use sciurus_engine::windowing::output::{
    Accumulated, AggregateResult, AllElements, Apply, ApplyToResult, PassThrough, Projection,
    Recomputed, RowOutput,
};
use sciurus_engine::windowing::trigger::{
    ContinuousEventTimeTrigger, ContinuousProcessingTimeTrigger, CountTrigger, EventTimeTrigger,
    ProcessingTimeTrigger, PurgingTrigger, Trigger, TriggerContext, TriggerResult,
};
use sciurus_engine::windowing::window::{GlobalWindow, TimeWindow, Window};
use sciurus_engine::{OutputTag, TaskResult};
use sciurus_testkit::{Event, HarnessOptions, OneInputHarness};

use crate::harness::{Collect, Word, compare, describe_elements, describe_result, keys};
use crate::input::steps;
use crate::model::Model;

fn millis(millis: i64) -> Duration {
    Duration::from_millis(millis as u64)
}

fn late<A, G>(assigner: A, trigger: G, allowed_lateness: i64) -> WindowOptions<A, G> {
    WindowOptions { assigner, trigger, allowed_lateness, late_tag: Some("late".into()) }
}

fn incremental<A>(
    options: WindowOptions<A, EventTimeTrigger>,
    context: &OperatorContext,
) -> impl Operator + use<A>
where
    A: WindowAssigner<Word, Window = TimeWindow>,
{
    let function = ApplyToResult::new(describe_result);
    let output = RowOutput::new(AggregateResult::new(Collect), function, context.limits);
    let contents = Aggregate::new(Collect);
    WindowOperator::<Word, String, _, _, _, _>::new(
        options,
        keys().create(),
        contents,
        output,
        context,
    )
}

fn full<A>(
    options: WindowOptions<A, EventTimeTrigger>,
    context: &OperatorContext,
) -> impl Operator + use<A>
where
    A: WindowAssigner<Word, Window = TimeWindow>,
{
    let output = RowOutput::new(AllElements, Apply::new(describe_elements), context.limits);
    let contents = ElementList::all();
    WindowOperator::<Word, String, _, _, _, _>::new(
        options,
        keys().create(),
        contents,
        output,
        context,
    )
}

proptest! {
    #[test]
    fn sliding_windows_hold_the_records_of_their_span(
        input in steps(8, 40),
        parallelism in 1..4_u32,
        size in 1..30_i64,
        (slide, offset) in (1..10_i64).prop_flat_map(|slide| (Just(slide), -slide + 1..slide)),
        lateness in prop_oneof![Just(0), 0..40_i64],
    ) {
        let assigner =
            SlidingEventTimeWindows::with_offset(millis(size), millis(slide), offset);
        let model = Model::sliding(size, slide, offset, lateness);
        compare(parallelism, &input, model, move |context| {
            full(late(assigner, EventTimeTrigger, lateness), context)
        }).unwrap();
    }

    #[test]
    fn sessions_end_when_no_record_has_come_for_the_gap(
        input in steps(8, 40),
        parallelism in 1..4_u32,
        gap in 1..15_i64,
        lateness in prop_oneof![Just(0), 0..40_i64],
    ) {
        let assigner = EventTimeSessionWindows::with_gap(millis(gap));
        let model = Model::sessions(gap, lateness);
        compare(parallelism, &input, model, move |context| {
            incremental(late(assigner, EventTimeTrigger, lateness), context)
        }).unwrap();
    }

    #[test]
    fn sessions_keep_all_their_records(
        input in steps(8, 40),
        gap in 1..15_i64,
        lateness in prop_oneof![Just(0), 0..40_i64],
    ) {
        let assigner = EventTimeSessionWindows::with_dynamic_gap::<Word>(move |_| millis(gap));
        let model = Model::sessions(gap, lateness);
        compare(1, &input, model, move |context| {
            full(late(assigner.clone(), EventTimeTrigger, lateness), context)
        }).unwrap();
    }
}

/// An operator that sums and passes on.
fn summing<A, G>(
    assigner: A,
    trigger: G,
    lateness: i64,
    context: &OperatorContext,
) -> impl Operator + use<A, G>
where
    A: WindowAssigner<Word>,
    G: Trigger<Word, A::Window>,
{
    with_contents(late(assigner, trigger, lateness), sum(), Accumulated, context)
}

fn sum() -> impl WindowContents<Word, Accumulator = Word> {
    Reduce::new(|sum: &mut Word, (_, value): (&str, i64)| sum.1 += value)
}

fn with_contents<A, G, C, P>(
    options: WindowOptions<A, G>,
    contents: C,
    projection: P,
    context: &OperatorContext,
) -> impl Operator + use<A, G, C, P>
where
    A: WindowAssigner<Word>,
    G: Trigger<Word, A::Window>,
    C: WindowContents<Word>,
    P: Projection<C::Accumulator> + 'static,
{
    let output = RowOutput::<_, _, P::Item>::new(projection, PassThrough, context.limits);
    WindowOperator::<Word, String, _, _, _, _>::new(
        options,
        keys().create(),
        contents,
        output,
        context,
    )
}

/// Takes values and timestamps of what came out.
fn values(harness: &mut OneInputHarness<Word, Word>) -> TaskResult<Vec<(i64, Timestamp)>> {
    Ok(harness
        .take_output()?
        .into_iter()
        .filter_map(|event| match event {
            Event::RecordAt((_, value), timestamp) => Some((value, timestamp)),
            _ => None,
        })
        .collect())
}

fn feed(
    harness: &mut OneInputHarness<Word, Word>,
    records: impl IntoIterator<Item = (i64, Timestamp)>,
) -> TaskResult {
    harness.process_elements_at(records.into_iter().map(|(value, time)| (("a", value), time)))
}

#[test]
fn count_windows_hold_so_many_records_of_a_key() -> TaskResult {
    let trigger = PurgingTrigger::of(CountTrigger::of(3));
    let mut harness = OneInputHarness::<Word, Word>::open(move |context| {
        summing(GlobalWindows::create(), trigger, 0, context)
    })?;
    harness.process_elements((1..=7).map(|n| ("a", n)))?;
    harness.process_elements([("b", 100), ("b", 100)])?;
    let sums = [1 + 2 + 3, 4 + 5 + 6];
    assert_eq!(values(&mut harness)?, sums.map(|sum| (sum, Timestamp::MAX)));
    harness.end_input()?;
    assert_eq!(values(&mut harness)?, []);
    Ok(())
}

#[test]
fn sliding_count_windows_hold_the_last_records_of_a_key() -> TaskResult {
    // As Flink's countWindow(4, 2): the first windows are shorter.
    let mut harness = OneInputHarness::<Word, Word>::open(move |context| {
        let options = late(GlobalWindows::create(), CountTrigger::of(2), 0);
        let recomputed = Recomputed::new(sum(), Accumulated);
        with_contents(options, ElementList::last(4), recomputed, context)
    })?;
    for value in 1..=9 {
        harness.process_element(("a", value))?;
    }
    let sums: Vec<_> = values(&mut harness)?.into_iter().map(|(sum, _)| sum).collect();
    assert_eq!(sums, [1 + 2, 1 + 2 + 3 + 4, 3 + 4 + 5 + 6, 5 + 6 + 7 + 8]);
    Ok(())
}

#[test]
fn a_continuous_trigger_shows_what_a_window_has_so_far() -> TaskResult {
    let tumbling = TumblingEventTimeWindows::of(millis(100));
    let trigger = ContinuousEventTimeTrigger::of(millis(20));
    let mut harness =
        OneInputHarness::<Word, Word>::open(move |context| summing(tumbling, trigger, 0, context))?;
    feed(&mut harness, [(1, 5), (2, 30)])?;
    harness.process_watermark(45)?;
    // At 20 and at 40; what came out of order before the watermark is in both.
    assert_eq!(values(&mut harness)?, [(3, 99), (3, 99)]);
    feed(&mut harness, [(4, 50)])?;
    harness.process_watermark(200)?;
    assert_eq!(values(&mut harness)?, [60, 80, 99].map(|_| (7, 99)));
    Ok(())
}

#[test]
fn a_continuous_trigger_on_a_window_without_end_comes_to_an_end() -> TaskResult {
    let trigger = ContinuousEventTimeTrigger::of(millis(20));
    let mut harness = OneInputHarness::<Word, Word>::open(move |context| {
        summing(GlobalWindows::create(), trigger, 0, context)
    })?;
    feed(&mut harness, [(1, 5)])?;
    harness.process_watermark(25)?;
    harness.end_input()?;
    let shown: Vec<_> = values(&mut harness)?.into_iter().map(|(sum, _)| sum).collect();
    // At 20, at 40 and at the end.
    assert_eq!(shown, [1, 1, 1]);
    Ok(())
}

#[test]
fn sessions_by_the_clock_last_while_records_come() -> TaskResult {
    let sessions = ProcessingTimeSessionWindows::with_gap(millis(10));
    let mut harness = OneInputHarness::<Word, Word>::open(move |context| {
        summing(sessions, ProcessingTimeTrigger, 0, context)
    })?;
    harness.process_element(("a", 1))?;
    harness.set_processing_time(7)?;
    harness.process_element(("a", 2))?;
    harness.set_processing_time(16)?;
    assert_eq!(values(&mut harness)?, []);
    harness.set_processing_time(17)?;
    assert_eq!(values(&mut harness)?, [(3, 16)]);
    // A record that comes before the timer has been called starts a session of its own.
    harness.process_element(("a", 4))?;
    harness.set_processing_time(40)?;
    harness.process_element(("a", 8))?;
    assert_eq!(values(&mut harness)?, [(4, 26)]);
    harness.end_input()?;
    assert_eq!(values(&mut harness)?, []);
    Ok(())
}

#[test]
fn in_batch_execution_windows_by_the_clock_fire_at_the_end() -> TaskResult {
    let sessions = ProcessingTimeSessionWindows::with_gap(millis(10));
    let options = HarnessOptions { batch_mode: true, ..HarnessOptions::default() };
    let mut harness = OneInputHarness::<Word, Word>::open_with(options, move |context| {
        summing(sessions, ContinuousProcessingTimeTrigger::of(millis(1)), 0, context)
    })?;
    harness.process_elements([("a", 1), ("b", 2)])?;
    harness.end_input()?;
    // Once: timers that are set at the end are ignored.
    assert_eq!(values(&mut harness)?, [(1, 9), (2, 9)]);
    Ok(())
}

#[test]
fn a_purged_session_keeps_its_span() -> TaskResult {
    let sessions = EventTimeSessionWindows::with_gap(millis(10));
    let trigger = PurgingTrigger::of(CountTrigger::of(2));
    let mut harness =
        OneInputHarness::<Word, Word>::open(move |context| summing(sessions, trigger, 0, context))?;
    feed(&mut harness, [(1, 0), (2, 5)])?;
    assert_eq!(values(&mut harness)?, [(3, 14)]);
    feed(&mut harness, [(4, 14), (8, -8)])?;
    assert_eq!(values(&mut harness)?, [(12, 23)]);
    Ok(())
}

/// Fires when a value of 100 or more comes, and again at the time that it is.
#[derive(Debug, Clone)]
struct Alarm;

impl<W: Window> Trigger<Word, W> for Alarm {
    type State = u64;

    fn on_element(
        &self,
        (_, value): (&str, i64),
        _: Option<Timestamp>,
        _: &W,
        alarms: &mut u64,
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        if value < 100 {
            return TriggerResult::Continue;
        }
        *alarms += 1;
        context.register_event_time_timer(value);
        if *alarms > 2 { TriggerResult::Purge } else { TriggerResult::Fire }
    }

    fn on_event_time(
        &self,
        time: Timestamp,
        _: &W,
        _: &mut u64,
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        assert!(context.current_watermark() >= time);
        TriggerResult::FireAndPurge
    }
}

#[test]
fn a_trigger_of_the_users_has_state_and_timers() -> TaskResult {
    let mut harness = OneInputHarness::<Word, Word>::open(move |context| {
        summing(GlobalWindows::create(), Alarm, 0, context)
    })?;
    harness.process_elements([("a", 1), ("b", 2), ("a", 110), ("a", 120)])?;
    let global = |values: &[i64]| -> Vec<_> {
        values.iter().map(|value| (*value, GlobalWindow.max_timestamp())).collect()
    };
    assert_eq!(values(&mut harness)?, global(&[111, 231]));
    harness.process_watermark(110)?;
    assert_eq!(values(&mut harness)?, global(&[231]));
    // Nothing is left to fire at 120; the third alarm purges.
    harness.process_watermark(125)?;
    harness.process_elements([("a", 130), ("a", 5)])?;
    assert_eq!(values(&mut harness)?, []);
    harness.process_watermark(130)?;
    assert_eq!(values(&mut harness)?, global(&[5]));
    Ok(())
}

#[test]
fn late_records_of_sessions_are_counted_or_go_into_a_side_output() -> TaskResult {
    let tag = OutputTag::<Word>::new("late");
    for has_tag in [true, false] {
        let sessions = EventTimeSessionWindows::with_gap(millis(10));
        let mut harness = OneInputHarness::<Word, Word>::open(move |context| {
            let options = late(sessions, EventTimeTrigger, 0);
            let late_tag = options.late_tag.clone().filter(|_| has_tag);
            with_contents(WindowOptions { late_tag, ..options }, sum(), Accumulated, context)
        })?;
        harness.read_side_output(&tag);
        feed(&mut harness, [(1, 100)])?;
        harness.process_watermark(95)?;
        // The first is too late; the second would be, but for the session that it extends.
        feed(&mut harness, [(2, 80), (4, 91)])?;
        harness.process_watermark(200)?;
        assert_eq!(values(&mut harness)?, [(5, 109)]);
        let refused: Vec<_> =
            harness.take_side_output(&tag)?.into_iter().filter_map(Event::into_record).collect();
        let dropped = harness.context().metrics.late_records_dropped.get();
        if has_tag {
            assert_eq!((refused, dropped), (vec![("a".to_owned(), 2)], 0));
        } else {
            assert_eq!((refused, dropped), (vec![], 1));
        }
    }
    Ok(())
}

#[test]
fn records_without_timestamps_are_refused_with_advice() -> TaskResult {
    let sessions = EventTimeSessionWindows::with_gap(millis(10));
    let mut harness = OneInputHarness::<Word, Word>::open(move |context| {
        summing(sessions, EventTimeTrigger, 0, context)
    })?;
    let error = harness.process_element(<Word as Record>::view(&("a".into(), 1))).unwrap_err();
    assert!(error.to_string().contains("watermark strategy"), "{error}");
    Ok(())
}

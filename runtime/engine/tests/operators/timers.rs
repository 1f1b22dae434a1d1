use sciurus_core::BoxError;
use sciurus_core::record::F0;
use sciurus_core::time::Timestamp;
use sciurus_engine::exchange::{ColumnKeys, KeyExtractorFactory};
use sciurus_engine::function::{
    KeyedContext, KeyedProcessFunction, KeyedRuntimeContext, OnTimerContext, TimeDomain,
};
use sciurus_engine::operators::KeyedProcess;
use sciurus_engine::{Collector, OutputTag, TaskResult};
use sciurus_state::{StateAccess, ValueState};
use sciurus_testkit::{Event, KeyedHarness};

type Reading = (String, i64);
/// Key, count so far, what happened.
type Out = (String, i64, String);

fn keys() -> ColumnKeys<Reading, F0> {
    ColumnKeys::default()
}

/// Counts per key; a record's value says what to do with timers.
#[derive(Clone)]
struct Timers {
    count: ValueState<i64>,
    fired: OutputTag<String>,
}

impl Timers {
    fn new() -> Self {
        Self { count: ValueState::new("count"), fired: OutputTag::new("fired") }
    }
}

impl KeyedProcessFunction for Timers {
    type Key = String;
    type In = Reading;
    type Out = Out;

    fn open(&mut self, ctx: &mut KeyedRuntimeContext<'_>) -> Result<(), BoxError> {
        Ok(ctx.register(&mut self.count)?)
    }

    fn process_element(
        &mut self,
        (_, value): (&str, i64),
        ctx: &mut KeyedContext<'_, String>,
        _: &mut Collector<'_, Out>,
    ) -> Result<(), BoxError> {
        let count = self.count.value(ctx)?.unwrap_or(0);
        self.count.update(ctx, count + 1)?;
        let timestamp = ctx.timestamp().unwrap_or(0);
        let mut timers = ctx.timer_service();
        match value {
            0 => timers.delete_event_time_timer(timestamp)?,
            1.. => timers.register_event_time_timer(timestamp + value)?,
            _ => {
                let due = timers.current_processing_time() - value;
                timers.register_processing_time_timer(due)?;
            }
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        timestamp: Timestamp,
        ctx: &mut OnTimerContext<'_, String>,
        out: &mut Collector<'_, Out>,
    ) -> Result<(), BoxError> {
        assert_eq!(ctx.timestamp(), Some(timestamp));
        let count = self.count.value(ctx)?.unwrap_or(0);
        let time = match ctx.time_domain() {
            TimeDomain::Event => ctx.timer_service().current_watermark(),
            TimeDomain::Processing => ctx.timer_service().current_processing_time(),
        };
        let key = ctx.current_key();
        ctx.output(&self.fired, key);
        out.collect((key, count, format!("{timestamp} at {time}").as_str()));
        if timestamp == 30 {
            ctx.timer_service().register_event_time_timer(35)?;
        }
        if timestamp == 100 {
            self.count.clear(ctx)?;
        }
        Ok(())
    }
}

fn harness(parallelism: u32) -> TaskResult<KeyedHarness<Reading, Out>> {
    KeyedHarness::open(parallelism, &keys(), |context| {
        KeyedProcess::new(Timers::new(), keys().create(), context)
    })
}

fn fired(key: &str, count: i64, what: &str) -> Out {
    (key.to_owned(), count, what.to_owned())
}

#[test]
fn event_timers_fire_in_order_before_the_watermark_that_they_waited_for() -> TaskResult {
    let mut harness = harness(1)?;
    harness.process_elements_at([(("b", 10), 10), (("a", 10), 10), (("a", 5), 10)])?;
    harness.process_watermark(14)?;
    harness.process_element_at(("a", 1), 14)?;
    harness.process_watermark(25)?;
    let expected = [
        Event::Watermark(14),
        Event::RecordAt(fired("a", 3, "15 at 25"), 15),
        Event::RecordAt(fired("a", 3, "20 at 25"), 20),
        Event::RecordAt(fired("b", 1, "20 at 25"), 20),
        Event::Watermark(25),
    ];
    assert_eq!(harness.take_output()?, expected);
    Ok(())
}

#[test]
fn the_same_timer_is_there_once_and_can_be_deleted() -> TaskResult {
    let mut harness = harness(1)?;
    harness.process_elements_at([(("a", 10), 10), (("a", 5), 15), (("b", 10), 10)])?;
    harness.process_element_at(("b", 0), 20)?;
    harness.process_element_at(("c", 0), 20)?;
    harness.process_watermark(20)?;
    assert_eq!(harness.take_records()?, [fired("a", 2, "20 at 20")]);
    Ok(())
}

#[test]
fn a_timer_registered_by_a_timer_fires_with_the_same_watermark_if_it_is_due() -> TaskResult {
    let mut harness = harness(1)?;
    harness.process_elements_at([(("a", 10), 20), (("b", 12), 20)])?;
    harness.process_watermark(40)?;
    let expected =
        [fired("a", 1, "30 at 40"), fired("b", 1, "32 at 40"), fired("a", 1, "35 at 40")];
    assert_eq!(harness.take_records()?, expected);
    Ok(())
}

#[test]
fn processing_timers_fire_by_the_clock_and_their_results_have_no_timestamp() -> TaskResult {
    let mut harness = harness(1)?;
    harness.set_processing_time(1000)?;
    harness.process_elements_at([(("a", -10), 5), (("b", -7), 5)])?;
    assert_eq!(harness.next_processing_time(), Some(1007));
    harness.set_processing_time(1008)?;
    assert_eq!(harness.take_output()?, [Event::Record(fired("b", 1, "1007 at 1008"))]);
    assert_eq!(harness.next_processing_time(), Some(1010));
    harness.set_processing_time(1010)?;
    assert_eq!(harness.take_output()?, [Event::Record(fired("a", 1, "1010 at 1010"))]);
    assert_eq!(harness.next_processing_time(), None);
    Ok(())
}

#[test]
fn the_end_of_the_input_fires_what_waits_for_event_time_only() -> TaskResult {
    let mut harness = harness(1)?;
    harness.process_elements_at([(("a", 50), 50), (("b", -10), 50)])?;
    harness.end_input()?;
    let events = harness.take_output()?;
    let Some(Event::RecordAt((key, 1, _), 100)) = events.first() else {
        panic!("the event-time timer is first: {events:?}");
    };
    assert_eq!((key.as_str(), events.len()), ("a", 3));
    assert_eq!(harness.next_processing_time(), None);
    Ok(())
}

#[test]
fn state_cleared_by_a_timer_is_gone() -> TaskResult {
    let mut harness = harness(1)?;
    harness.process_elements_at([(("a", 50), 50), (("a", 10), 95)])?;
    harness.process_watermark(200)?;
    let expected = [fired("a", 2, "100 at 200"), fired("a", 0, "105 at 200")];
    assert_eq!(harness.take_records()?, expected);
    Ok(())
}

#[test]
fn timers_have_side_outputs_with_their_own_timestamp() -> TaskResult {
    let function = Timers::new();
    let tag = function.fired.clone();
    let mut harness = KeyedHarness::<Reading, Out>::open(1, &keys(), |context| {
        KeyedProcess::new(function.clone(), keys().create(), context)
    })?;
    harness.read_side_output(&tag);
    harness.process_element_at(("a", 10), 10)?;
    harness.process_watermark(50)?;
    let events = harness.take_side_output(&tag)?;
    let expected = [Event::RecordAt("a".to_owned(), 20), Event::Watermark(50)];
    assert_eq!(events, expected);
    Ok(())
}

#[test]
fn timers_fire_for_every_key_at_any_parallelism() -> TaskResult {
    let names: Vec<String> = (0..100).map(|n| format!("key {n}")).collect();
    for parallelism in [1, 2, 3] {
        let mut harness = harness(parallelism)?;
        let rows = names.iter().enumerate();
        harness.process_elements_at(rows.map(|(n, name)| ((name.as_str(), 7), 200 + n as i64)))?;
        harness.process_watermark(256)?;
        assert_eq!(harness.take_records()?.len(), 50, "at parallelism {parallelism}");
        harness.process_watermark(1000)?;
        let mut last = harness.take_records()?;
        last.sort();
        let mut expected: Vec<_> =
            (50..100).map(|n| fired(&names[n], 1, &format!("{} at 1000", n + 207))).collect();
        expected.sort();
        assert_eq!(last, expected, "at parallelism {parallelism}");
    }
    Ok(())
}

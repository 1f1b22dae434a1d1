use sciurus_core::BoxError;
use sciurus_core::record::F0;
use sciurus_engine::exchange::{ColumnKeys, KeyExtractorFactory};
use sciurus_engine::function::{KeyedContext, KeyedProcessFunction, KeyedRuntimeContext};
use sciurus_engine::operators::KeyedProcess;
use sciurus_engine::{Collector, OutputTag, TaskResult};
use sciurus_state::{ListState, StateAccess, ValueState};
use sciurus_testkit::{Event, KeyedHarness, OneInputHarness};

type Reading = (String, i64);
type Change3 = (String, i64, i64);

fn keys() -> ColumnKeys<Reading, F0> {
    ColumnKeys::default()
}

/// Emits each sensor's change since its last reading and notes large ones in a side output.
#[derive(Clone)]
struct Change {
    last: ValueState<i64>,
    history: ListState<i64>,
    jumps: OutputTag<i64>,
}

impl Change {
    fn new() -> Self {
        Self {
            last: ValueState::new("last"),
            history: ListState::new("history"),
            jumps: OutputTag::new("jumps"),
        }
    }
}

impl KeyedProcessFunction for Change {
    type Key = String;
    type In = Reading;
    type Out = Change3;

    fn open(&mut self, ctx: &mut KeyedRuntimeContext<'_>) -> Result<(), BoxError> {
        ctx.register(&mut self.last)?;
        ctx.register(&mut self.history)?;
        Ok(())
    }

    fn process_element(
        &mut self,
        (sensor, value): (&str, i64),
        ctx: &mut KeyedContext<'_, String>,
        out: &mut Collector<'_, (String, i64, i64)>,
    ) -> Result<(), BoxError> {
        // A key can be held while state is used: it borrows from the batch, not from the context.
        let key = ctx.current_key();
        assert_eq!(key, sensor);
        let last = self.last.value(ctx)?.unwrap_or(value);
        self.last.update(ctx, value)?;
        self.history.add(ctx, value)?;
        let readings = self.history.with(ctx, |history| history.len() as i64)?;
        if value.abs_diff(last) > 100 {
            ctx.output(&self.jumps, value);
        }
        if value < 0 {
            self.last.clear(ctx)?;
        }
        out.collect((key, value - last, readings));
        Ok(())
    }
}

fn change(sensor: &str, change: i64, readings: i64) -> Change3 {
    (sensor.to_owned(), change, readings)
}

#[test]
fn state_belongs_to_the_key_at_any_parallelism() -> TaskResult {
    for parallelism in [1, 2, 3] {
        let mut harness =
            KeyedHarness::<Reading, Change3>::open(parallelism, &keys(), |context| {
                KeyedProcess::new(Change::new(), keys().create(), context)
            })?;
        harness.process_elements([("a", 1), ("b", 10), ("a", 3), ("c", 5), ("b", 7)])?;
        harness.process_elements([("a", -1), ("a", 100), ("b", 7)])?;
        let mut changes = harness.take_records()?;
        changes.sort();
        let expected = [
            change("a", -4, 3),
            change("a", 0, 1),
            change("a", 0, 4),
            change("a", 2, 2),
            change("b", -3, 2),
            change("b", 0, 1),
            change("b", 0, 3),
            change("c", 0, 1),
        ];
        assert_eq!(changes, expected, "at parallelism {parallelism}");
    }
    Ok(())
}

#[test]
fn keyed_functions_have_side_outputs() -> TaskResult {
    let function = Change::new();
    let jumps = function.jumps.clone();
    let mut harness = KeyedHarness::<Reading, Change3>::open(2, &keys(), |context| {
        KeyedProcess::new(function.clone(), keys().create(), context)
    })?;
    harness.read_side_output(&jumps);
    harness.process_elements_at([(("a", 1), 5), (("a", 500), 6), (("b", 0), 7)])?;
    assert_eq!(harness.take_side_output(&jumps)?, [Event::RecordAt(500, 6)]);
    Ok(())
}

#[test]
fn keys_are_extracted_where_the_exchange_left_them_behind() -> TaskResult {
    let mut harness = OneInputHarness::<Reading, Change3>::open(|context| {
        KeyedProcess::new(Change::new(), keys().create(), context)
    })?;
    harness.process_elements([("a", 1), ("b", 2), ("a", 2)])?;
    let expected = [change("a", 0, 1), change("b", 0, 1), change("a", 1, 2)];
    assert_eq!(harness.take_records()?, expected);
    Ok(())
}

#[test]
fn state_cannot_be_used_before_a_record_is_there() {
    #[derive(Clone)]
    struct TooEarly(ValueState<i64>);

    impl KeyedProcessFunction for TooEarly {
        type Key = String;
        type In = Reading;
        type Out = i64;

        fn open(&mut self, ctx: &mut KeyedRuntimeContext<'_>) -> Result<(), BoxError> {
            ctx.register(&mut self.0)?;
            self.0.update(ctx, 1)?;
            Ok(())
        }

        fn process_element(
            &mut self,
            _: (&str, i64),
            _: &mut KeyedContext<'_, String>,
            _: &mut Collector<'_, i64>,
        ) -> Result<(), BoxError> {
            Ok(())
        }
    }

    let opened = OneInputHarness::<Reading, i64>::open(|context| {
        KeyedProcess::new(TooEarly(ValueState::new("early")), keys().create(), context)
    });
    let message = opened.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(message.contains("without a current key"), "{message}");
}

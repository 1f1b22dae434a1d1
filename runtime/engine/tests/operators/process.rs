use sciurus_core::BoxError;
use sciurus_core::time::MIN_WATERMARK;
use sciurus_engine::accumulator::LongCounter;
use sciurus_engine::function::{Context, ProcessFunction, RuntimeContext};
use sciurus_engine::operator::BatchLimits;
use sciurus_engine::operators::Process;
use sciurus_engine::{Collector, OutputTag, TaskError, TaskResult};
use sciurus_testkit::{Event, HarnessOptions, OneInputHarness};

/// Passes even numbers on, odd ones into a side output; counts both.
#[derive(Clone)]
struct Divide {
    odd: OutputTag<(i64, String)>,
    seen: LongCounter,
    opened: bool,
}

impl Divide {
    fn new() -> Self {
        Self { odd: OutputTag::new("odd"), seen: LongCounter::new(), opened: false }
    }
}

impl ProcessFunction for Divide {
    type In = i64;
    type Out = i64;

    fn open(&mut self, ctx: &mut RuntimeContext<'_>) -> Result<(), BoxError> {
        ctx.add_accumulator("seen", &self.seen);
        self.opened = true;
        Ok(())
    }

    fn process_element(
        &mut self,
        value: i64,
        ctx: &mut Context<'_>,
        out: &mut Collector<'_, i64>,
    ) -> Result<(), BoxError> {
        assert!(self.opened, "functions are opened first");
        self.seen.add(1);
        if value < 0 {
            return Err("negative".into());
        }
        if value % 2 == 0 {
            out.collect(value);
        } else {
            let text = value.to_string();
            ctx.output(&self.odd, (value, text.as_str()));
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), BoxError> {
        if self.opened { Ok(()) } else { Err("never opened".into()) }
    }
}

#[test]
fn side_outputs_have_the_records_timestamps() -> TaskResult {
    let function = Divide::new();
    let odd = function.odd.clone();
    let mut harness =
        OneInputHarness::<i64, i64>::open(|context| Process::new(function.clone(), context))?;
    harness.read_side_output(&odd);
    harness.process_elements_at([(1, 10), (2, 20), (3, 30)])?;
    harness.process_element(5)?;
    assert_eq!(harness.take_output()?, [Event::RecordAt(2, 20)]);
    let expected = [
        Event::RecordAt((1, "1".to_owned()), 10),
        Event::RecordAt((3, "3".to_owned()), 30),
        Event::Record((5, "5".to_owned())),
    ];
    assert_eq!(harness.take_side_output(&odd)?, expected);
    let counts = harness.context().accumulators.snapshot();
    assert_eq!(counts.get("seen"), Some(&4));
    harness.close()
}

#[test]
fn side_outputs_that_nobody_reads_are_dropped() -> TaskResult {
    let mut harness =
        OneInputHarness::<i64, i64>::open(|context| Process::new(Divide::new(), context))?;
    harness.process_elements([1, 2])?;
    assert_eq!(harness.take_records()?, [2]);
    assert_eq!(harness.context().metrics.records_out.get(), 1);
    Ok(())
}

#[test]
fn a_side_output_goes_out_in_several_batches_when_it_is_large() -> TaskResult {
    let function = Divide::new();
    let odd = function.odd.clone();
    let limits = BatchLimits { max_rows: 2, ..BatchLimits::default() };
    let options = HarnessOptions { limits, ..HarnessOptions::default() };
    let mut harness = OneInputHarness::<i64, i64>::open_with(options, |context| {
        Process::new(function.clone(), context)
    })?;
    harness.read_side_output(&odd);
    harness.process_elements((0..11).map(|n| 2 * n + 1))?;
    let values: Vec<_> = harness
        .take_side_output(&odd)?
        .into_iter()
        .filter_map(Event::into_record)
        .map(|(value, _)| value)
        .collect();
    assert_eq!(values, (0..11).map(|n| 2 * n + 1).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn errors_fail_the_operator_and_it_is_closed_all_the_same() -> TaskResult {
    let mut harness =
        OneInputHarness::<i64, i64>::open(|context| Process::new(Divide::new(), context))?;
    let error = harness.process_element(-1).unwrap_err();
    assert!(matches!(error.root(), TaskError::User(_)));
    harness.close()
}

/// Uses one side output for two types.
#[derive(Clone)]
struct Confused;

impl ProcessFunction for Confused {
    type In = i64;
    type Out = i64;

    fn process_element(
        &mut self,
        value: i64,
        ctx: &mut Context<'_>,
        _: &mut Collector<'_, i64>,
    ) -> Result<(), BoxError> {
        ctx.output(&OutputTag::<i64>::new("one"), value);
        ctx.output(&OutputTag::<String>::new("one"), "two");
        Ok(())
    }
}

#[test]
fn one_side_output_for_two_types_is_refused() -> TaskResult {
    let mut harness = OneInputHarness::<i64, i64>::open(|context| Process::new(Confused, context))?;
    let error = harness.process_element(1).unwrap_err();
    assert!(matches!(error.root(), TaskError::SideOutputType { id } if **id == *"one"));
    Ok(())
}

/// Emits what the time is.
#[derive(Clone)]
struct Times;

impl ProcessFunction for Times {
    type In = i64;
    type Out = (i64, i64);

    fn process_element(
        &mut self,
        _: i64,
        ctx: &mut Context<'_>,
        out: &mut Collector<'_, (i64, i64)>,
    ) -> Result<(), BoxError> {
        let time = ctx.timer_service();
        out.collect((time.current_watermark(), time.current_processing_time()));
        Ok(())
    }
}

#[test]
fn functions_see_watermark_and_clock() -> TaskResult {
    let mut harness =
        OneInputHarness::<i64, (i64, i64)>::open(|context| Process::new(Times, context))?;
    harness.process_element(0)?;
    harness.process_watermark(7)?;
    harness.set_processing_time(1000)?;
    harness.process_element(0)?;
    assert_eq!(harness.take_records()?, [(MIN_WATERMARK, 0), (7, 1000)]);
    Ok(())
}

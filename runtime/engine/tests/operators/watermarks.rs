use std::time::Duration;

use sciurus_core::Batch;
use sciurus_core::time::Timestamp;
use sciurus_engine::TaskResult;
use sciurus_engine::watermark::{
    TimestampsAndWatermarks, WatermarkGenerator, WatermarkOutput, WatermarkStrategy,
};
use sciurus_testkit::{Event, HarnessOptions, OneInputHarness};

type Harness = OneInputHarness<i64, i64>;

/// Opens the operator; a record is its timestamp, and generators are asked every 100 ms.
fn open(strategy: WatermarkStrategy<i64>) -> TaskResult<Harness> {
    open_with(strategy, HarnessOptions::default())
}

fn open_with(strategy: WatermarkStrategy<i64>, options: HarnessOptions) -> TaskResult<Harness> {
    let options = HarnessOptions { watermark_interval: Duration::from_millis(100), ..options };
    let strategy = strategy.with_timestamp_assigner(|n, _| n);
    Harness::open_with(options, |context| TimestampsAndWatermarks::new(strategy.clone(), context))
}

fn at(n: i64) -> Event<i64> {
    Event::RecordAt(n, n)
}

#[test]
fn monotonous_timestamps() -> TaskResult {
    let mut harness = open(WatermarkStrategy::for_monotonous_timestamps())?;
    harness.set_processing_time(100)?;
    harness.process_elements([5, 7])?;
    harness.set_processing_time(200)?;
    // Nothing new, and a record that is late.
    harness.set_processing_time(300)?;
    harness.process_element(3)?;
    harness.set_processing_time(400)?;
    harness.process_element(9)?;
    harness.end_input()?;
    let end = [Event::Watermark(Timestamp::MAX), Event::End];
    let expected = [at(5), at(7), Event::Watermark(6), at(3), at(9)].into_iter().chain(end);
    assert_eq!(harness.take_output()?, expected.collect::<Vec<_>>());
    Ok(())
}

/// Emits a watermark behind every record that is a multiple of ten, and behind what it calls idle.
struct Tens;

impl WatermarkGenerator<i64> for Tens {
    fn on_event(&mut self, n: i64, timestamp: Timestamp, out: &mut WatermarkOutput) {
        assert_eq!(n, timestamp);
        if n % 10 == 0 {
            out.emit_watermark(n);
        }
    }

    fn on_periodic_emit(&mut self, _: &mut WatermarkOutput) {}
}

#[test]
fn punctuated_watermarks_stand_right_behind_their_records() -> TaskResult {
    let mut harness = open(WatermarkStrategy::for_generator(|| Tens))?;
    harness.process_elements([1, 10, 11, 20, 10, 21])?;
    harness.process_elements([20, 30])?;
    let expected = [
        at(1),
        at(10),
        Event::Watermark(10),
        at(11),
        at(20),
        Event::Watermark(20),
        at(10),
        at(21),
        at(20),
        at(30),
        Event::Watermark(30),
    ];
    assert_eq!(harness.take_output()?, expected);
    Ok(())
}

#[test]
fn a_watermark_that_is_none_cuts_no_batch() -> TaskResult {
    let mut harness = open(WatermarkStrategy::for_generator(|| Tens))?;
    harness.process_elements([30, 10, 20, 1, 30])?;
    assert_eq!(harness.take_batches().iter().map(Batch::len).collect::<Vec<_>>(), [1, 4]);
    Ok(())
}

#[test]
fn batch_execution_has_no_punctuated_watermarks_either() -> TaskResult {
    let options = HarnessOptions { batch_mode: true, ..HarnessOptions::default() };
    let mut harness = open_with(WatermarkStrategy::for_generator(|| Tens), options)?;
    harness.process_elements([1, 10, 11, 20])?;
    harness.end_input()?;
    let records = [at(1), at(10), at(11), at(20)].into_iter();
    let expected = records.chain([Event::Watermark(Timestamp::MAX), Event::End]);
    assert_eq!(harness.take_output()?, expected.collect::<Vec<_>>());
    Ok(())
}

#[test]
fn generators_see_records_without_timestamps() -> TaskResult {
    #[derive(Default)]
    struct Count(i64);
    impl WatermarkGenerator<i64> for Count {
        fn on_event(&mut self, _: i64, timestamp: Timestamp, _: &mut WatermarkOutput) {
            assert_eq!(timestamp, Timestamp::MIN);
            self.0 += 1;
        }
        fn on_periodic_emit(&mut self, out: &mut WatermarkOutput) {
            out.emit_watermark(self.0);
        }
    }
    let mut harness = Harness::open(|context| {
        TimestampsAndWatermarks::new(WatermarkStrategy::for_generator(Count::default), context)
    })?;
    harness.process_elements([7, 8, 9])?;
    harness.process_elements([7, 8])?;
    harness.set_processing_time(1_000)?;
    let records = [7, 8, 9, 7, 8].map(Event::Record).into_iter();
    let expected = records.chain([Event::Watermark(5)]);
    assert_eq!(harness.take_output()?, expected.collect::<Vec<_>>());
    Ok(())
}

fn with_idleness(millis: u64) -> WatermarkStrategy<i64> {
    let strategy = WatermarkStrategy::for_monotonous_timestamps();
    strategy.with_idleness(Duration::from_millis(millis))
}

#[test]
fn a_stream_without_records_is_idle_until_the_next_one() -> TaskResult {
    let mut harness = open(with_idleness(250))?;
    harness.process_element(5)?;
    for now in [100, 200, 300, 400] {
        harness.set_processing_time(now)?;
    }
    assert_eq!(harness.take_output()?, [at(5), Event::Watermark(4), Event::Idle]);
    harness.process_element(6)?;
    for now in [500, 600] {
        harness.set_processing_time(now)?;
    }
    assert_eq!(harness.take_output()?, [Event::Active, at(6), Event::Watermark(5)]);
    Ok(())
}

#[test]
fn a_pause_of_the_task_is_none_of_its_input() -> TaskResult {
    let mut harness = open(with_idleness(500))?;
    harness.process_element(5)?;
    harness.set_processing_time(100)?;
    // The task was at something else for long.
    harness.set_processing_time(10_000)?;
    assert_eq!(harness.take_output()?, [at(5), Event::Watermark(4)]);
    Ok(())
}

#[test]
fn a_generator_may_call_itself_idle_and_goes_on_with_a_watermark() -> TaskResult {
    struct OnAndOff(u32);
    impl WatermarkGenerator<i64> for OnAndOff {
        fn on_event(&mut self, _: i64, _: Timestamp, _: &mut WatermarkOutput) {}
        fn on_periodic_emit(&mut self, out: &mut WatermarkOutput) {
            self.0 += 1;
            match self.0 {
                1 => out.mark_idle(),
                2 => out.emit_watermark(7),
                _ => {}
            }
        }
    }
    let mut harness = open(WatermarkStrategy::for_generator(|| OnAndOff(0)))?;
    for now in [100, 200, 300] {
        harness.set_processing_time(now)?;
    }
    let expected: [Event<i64>; 3] = [Event::Idle, Event::Active, Event::Watermark(7)];
    assert_eq!(harness.take_output()?, expected);
    Ok(())
}

#[test]
fn the_status_of_upstream_ends_here() -> TaskResult {
    let mut harness = open(WatermarkStrategy::for_monotonous_timestamps())?;
    harness.process_status(true)?;
    harness.process_status(false)?;
    assert_eq!(harness.take_output()?, []);
    Ok(())
}

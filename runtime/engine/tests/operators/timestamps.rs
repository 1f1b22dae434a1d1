use std::time::Duration;

use sciurus_engine::TaskResult;
use sciurus_engine::watermark::{TimestampsAndWatermarks, WatermarkStrategy};
use sciurus_testkit::{Event, HarnessOptions, OneInputHarness};

type Reading = (String, i64);

fn open(options: HarnessOptions) -> TaskResult<OneInputHarness<Reading, Reading>> {
    OneInputHarness::open_with(options, |context| {
        let bound = Duration::from_millis(10);
        let strategy = WatermarkStrategy::<Reading>::for_bounded_out_of_orderness(bound)
            .with_timestamp_assigner(|(_, time), old| time + old.unwrap_or(0));
        TimestampsAndWatermarks::new(strategy, context)
    })
}

#[test]
fn timestamps_are_assigned_and_watermarks_made_at_regular_intervals() -> TaskResult {
    let interval = Duration::from_millis(50);
    let mut harness =
        open(HarnessOptions { watermark_interval: interval, ..HarnessOptions::default() })?;
    harness.process_element(("a", 100))?;
    harness.process_element_at(("b", 30), 5)?;
    assert_eq!(harness.next_processing_time(), Some(50));
    harness.set_processing_time(60)?;
    let record = |key: &str, time, at| Event::RecordAt((key.to_owned(), time), at);
    let expected = [record("a", 100, 100), record("b", 30, 35), Event::Watermark(89)];
    assert_eq!(harness.take_output()?, expected);
    assert_eq!(harness.next_processing_time(), Some(110));
    Ok(())
}

#[test]
fn watermarks_from_upstream_end_here_but_for_the_last() -> TaskResult {
    let mut harness = open(HarnessOptions::default())?;
    harness.process_watermark(1000)?;
    assert!(harness.take_output()?.is_empty());
    harness.end_input()?;
    assert_eq!(harness.take_output()?, [Event::Watermark(i64::MAX), Event::End]);
    Ok(())
}

#[test]
fn batch_execution_makes_no_watermarks_on_the_way() -> TaskResult {
    let harness = open(HarnessOptions { batch_mode: true, ..HarnessOptions::default() })?;
    assert_eq!(harness.next_processing_time(), None);
    Ok(())
}

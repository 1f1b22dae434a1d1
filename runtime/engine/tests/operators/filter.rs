use std::sync::Arc;

use sciurus_engine::TaskResult;
use sciurus_engine::operators::Filter;
use sciurus_testkit::{Event, OneInputHarness};

#[test]
fn records_that_pass_keep_order_and_timestamps() -> TaskResult {
    let mut harness = OneInputHarness::<i64, i64>::open(|_| Filter::<i64, _>::new(|n| n % 2 == 0))?;
    harness.process_elements_at([(1, 10), (2, 20), (3, 30), (4, 40)])?;
    harness.process_elements_at([(5, 50)])?;
    harness.process_watermark(50)?;
    let expected = [Event::RecordAt(2, 20), Event::RecordAt(4, 40), Event::Watermark(50)];
    assert_eq!(harness.take_output()?, expected);
    Ok(())
}

#[test]
fn a_filter_behind_a_filter_sees_only_what_passed_the_first() -> TaskResult {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut first = OneInputHarness::<i64, i64>::open(|_| Filter::<i64, _>::new(|n| n > 1))?;
    let note = seen.clone();
    let mut second = OneInputHarness::<i64, i64>::open(move |_| {
        let note = note.clone();
        Filter::<i64, _>::new(move |n| {
            note.lock().unwrap().push(n);
            n < 4
        })
    })?;
    first.process_elements([1, 2, 3, 4])?;
    for batch in first.take_batches() {
        second.process_batch(batch)?;
    }
    assert_eq!(*seen.lock().unwrap(), [2, 3, 4]);
    assert_eq!(second.take_records()?, [2, 3]);
    Ok(())
}

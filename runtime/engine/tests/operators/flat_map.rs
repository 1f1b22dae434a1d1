use sciurus_engine::operator::BatchLimits;
use sciurus_engine::operators::{FlatMap, TryFlatMap};
use sciurus_engine::{Collector, TaskResult};
use sciurus_testkit::{Event, HarnessOptions, OneInputHarness};

fn split(line: &str, out: &mut Collector<'_, String>) {
    line.split(' ').for_each(|word| out.collect(word));
}

#[test]
fn every_result_has_the_timestamp_of_its_record() -> TaskResult {
    let mut harness = OneInputHarness::<String, String>::open(|context| {
        FlatMap::<String, String, _>::new(split, context.limits)
    })?;
    harness.process_elements_at([("to be", 1), ("or", 2)])?;
    let expected = [("to", 1), ("be", 1), ("or", 2)];
    let expected = expected.map(|(word, time)| Event::RecordAt(word.to_owned(), time));
    assert_eq!(harness.take_output()?, expected);
    Ok(())
}

#[test]
fn results_beyond_the_limit_of_a_batch_go_out_in_several_in_order() -> TaskResult {
    let limits = BatchLimits { max_rows: 3, ..BatchLimits::default() };
    let options = HarnessOptions { limits, ..HarnessOptions::default() };
    let mut harness = OneInputHarness::<i64, i64>::open_with(options, |context| {
        FlatMap::<i64, i64, _>::new(
            |n: i64, out: &mut Collector<'_, i64>| (0..n).for_each(|i| out.collect(i)),
            context.limits,
        )
    })?;
    harness.process_elements([7, 1])?;
    assert_eq!(harness.take_records()?, [0, 1, 2, 3, 4, 5, 6, 0]);
    assert_eq!(harness.context().metrics.records_out.get(), 8);
    Ok(())
}

#[test]
fn an_error_fails_the_operator() -> TaskResult {
    let mut harness = OneInputHarness::<i64, i64>::open(|context| {
        TryFlatMap::<i64, i64, _>::new(
            |n: i64, out: &mut Collector<'_, i64>| {
                out.collect(100 / u8::try_from(n).map(i64::from)?);
                Ok(())
            },
            context.limits,
        )
    })?;
    harness.process_elements([50, 20])?;
    assert_eq!(harness.take_records()?, [2, 5]);
    assert!(harness.process_element(-1).is_err());
    Ok(())
}

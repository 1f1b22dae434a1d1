use sciurus_core::Columns;
use sciurus_core::record::{F0, KeyColumns, Record};
use sciurus_engine::TaskResult;
use sciurus_engine::exchange::{ColumnKeys, KeyExtractorFactory};
use sciurus_engine::operators::RollingReduce;
use sciurus_testkit::{Event, HarnessOptions, KeyedHarness, OneInputHarness};

type Sale = (String, i64, String);

fn keys() -> ColumnKeys<Sale, F0> {
    fn assert_key<C: KeyColumns<Sale, Key = String>>(_: C) {}
    assert_key(F0);
    ColumnKeys::default()
}

/// Adds up the amounts and keeps the first record's note.
fn add(total: &mut Sale, columns: &<Sale as Record>::Columns, row: usize) {
    total.1 += columns.get(row).1;
}

fn sale(shop: &str, amount: i64, note: &str) -> Sale {
    (shop.to_owned(), amount, note.to_owned())
}

#[test]
fn each_record_gives_the_result_so_far_at_its_own_time() -> TaskResult {
    for parallelism in [1, 2, 3] {
        let mut harness = KeyedHarness::<Sale, Sale>::open(parallelism, &keys(), |context| {
            RollingReduce::new(add, keys().create(), context)
        })?;
        let sales = [("oak", 1, "a"), ("elm", 2, "b"), ("oak", 3, "c")];
        harness.process_elements_at(sales.into_iter().zip([10, 20, 30]))?;
        harness.process_element_at(("oak", 4, "d"), 40)?;
        let mut events = harness.take_output()?;
        events.sort_by_key(|event| match event {
            Event::RecordAt(_, time) => *time,
            _ => unreachable!("only records with timestamps went in"),
        });
        let expected = [
            Event::RecordAt(sale("oak", 1, "a"), 10),
            Event::RecordAt(sale("elm", 2, "b"), 20),
            Event::RecordAt(sale("oak", 4, "a"), 30),
            Event::RecordAt(sale("oak", 8, "a"), 40),
        ];
        assert_eq!(events, expected, "at parallelism {parallelism}");
    }
    Ok(())
}

#[test]
fn batch_execution_gives_one_result_per_key_at_the_end() -> TaskResult {
    for parallelism in [1, 3] {
        let options = HarnessOptions { parallelism, batch_mode: true, ..HarnessOptions::default() };
        let mut harness = KeyedHarness::<Sale, Sale>::open_with(options, &keys(), |context| {
            RollingReduce::new(add, keys().create(), context)
        })?;
        harness.process_elements([("oak", 1, "a"), ("elm", 2, "b")])?;
        harness.process_elements([("oak", 3, "c")])?;
        assert!(harness.take_output()?.is_empty());
        harness.end_input()?;
        let mut results = harness.take_records()?;
        results.sort();
        assert_eq!(results, [sale("elm", 2, "b"), sale("oak", 4, "a")]);
    }
    Ok(())
}

#[test]
fn keys_are_extracted_where_the_exchange_left_them_behind() -> TaskResult {
    let mut harness = OneInputHarness::<Sale, Sale>::open(|context| {
        RollingReduce::new(add, keys().create(), context)
    })?;
    harness.process_elements([("oak", 1, "a"), ("oak", 2, "b")])?;
    assert_eq!(harness.take_records()?, [sale("oak", 1, "a"), sale("oak", 3, "a")]);
    Ok(())
}

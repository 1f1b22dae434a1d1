//! Runs a window operator and the model side by side.

use std::collections::BTreeMap;

use sciurus_core::Record;
use sciurus_core::record::F0;
use sciurus_core::time::Timestamp;
use sciurus_engine::exchange::ColumnKeys;
use sciurus_engine::operator::{BatchLimits, Operator, OperatorContext};
use sciurus_engine::windowing::output::WindowElements;
use sciurus_engine::windowing::window::TimeWindow;
use sciurus_engine::{Collector, OutputTag, TaskResult};
use sciurus_state::AggregateFunction;
use sciurus_testkit::{Event, HarnessOptions, KeyedHarness};

use crate::input::Step;
use crate::model::{Fired, Model};

/// A key and a value.
pub type Word = (String, i64);

/// Key, start and end of a window, and the values of its records, sorted.
pub type Described = (String, i64, i64, Vec<i64>);

pub fn keys() -> ColumnKeys<Word, F0> {
    ColumnKeys::default()
}

/// Collects values, sorted.
#[derive(Clone)]
pub struct Collect;

impl AggregateFunction for Collect {
    type Input = Word;
    type Accumulator = Vec<i64>;
    type Output = Vec<i64>;

    fn create_accumulator(&self) -> Vec<i64> {
        Vec::new()
    }

    fn add(&self, (_, value): (&str, i64), values: &mut Vec<i64>) {
        values.insert(values.partition_point(|other| *other < value), value);
    }

    fn result(&self, values: &Vec<i64>) -> Vec<i64> {
        values.clone()
    }

    fn merge(&self, mut one: Vec<i64>, other: Vec<i64>) -> Vec<i64> {
        one.extend(other);
        one.sort_unstable();
        one
    }
}

/// Emits key, window and values.
pub fn describe_result(
    key: &str,
    window: &TimeWindow,
    values: <Vec<i64> as Record>::View<'_>,
    out: &mut Collector<'_, Described>,
) {
    out.collect((key, window.start, window.end, values));
}

/// Emits key, window and the values of all records.
pub fn describe_elements(
    key: &str,
    window: &TimeWindow,
    elements: WindowElements<'_, Word>,
    out: &mut Collector<'_, Described>,
) {
    let mut values: Vec<i64> = elements.map(|(_, value)| value).collect();
    values.sort_unstable();
    out.collect_owned(&(key.to_owned(), window.start, window.end, values));
}

/// Runs steps through an operator and the model, and compares after each step.
pub fn compare<P: Operator + 'static>(
    parallelism: u32,
    input: &[Step],
    mut model: Model,
    make: impl Fn(&OperatorContext) -> P + Send + Sync,
) -> TaskResult {
    let limits = BatchLimits { max_rows: 3, ..BatchLimits::default() };
    let options = HarnessOptions { parallelism, limits, ..HarnessOptions::default() };
    let mut harness = KeyedHarness::<Word, Described>::open_with(options, &keys(), make)?;
    let late = OutputTag::<Word>::new("late");
    harness.read_side_output(&late);
    let mut late_records = 0;
    for step in input {
        let mut expected: Vec<Fired> = match step {
            Step::Batch(records) => {
                let rows = records.iter().map(|(key, value, time)| ((&key[..], *value), *time));
                harness.process_elements_at(rows)?;
                records
                    .iter()
                    .flat_map(|(key, value, time)| model.element(key, *value, *time))
                    .collect()
            }
            Step::Watermark(watermark) => {
                harness.process_watermark(*watermark)?;
                model.watermark(*watermark)
            }
        };
        let mut actual: Vec<Fired> = Vec::new();
        for event in harness.take_output()? {
            let Event::RecordAt((key, start, end, values), timestamp) = event else { continue };
            assert_eq!(timestamp, end - 1, "a result has its window's greatest timestamp");
            actual.push((key, (start, end), values));
        }
        if matches!(step, Step::Watermark(_)) {
            assert_in_order(&actual);
        }
        expected.sort();
        actual.sort();
        assert_eq!(actual, expected, "after {step:?}");
        late_records += harness
            .take_side_output(&late)?
            .iter()
            .filter(|event| matches!(event, Event::RecordAt(..)))
            .count() as u64;
        assert_eq!(late_records, model.late, "late records after {step:?}");
    }
    harness.close()
}

/// Windows of one key fire in order.
fn assert_in_order(fired: &[Fired]) {
    let mut last = BTreeMap::new();
    for (key, (_, end), _) in fired {
        let before = last.insert(key, *end).unwrap_or(Timestamp::MIN);
        assert!(before < *end, "window {end} of {key} fired after {before}");
    }
}

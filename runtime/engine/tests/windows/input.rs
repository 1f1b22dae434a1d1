//! Random input: records out of order, watermarks that come too early, batches cut anywhere.

use proptest::prelude::*;
use sciurus_core::time::Timestamp;

/// What an operator is given.
#[derive(Debug, Clone)]
pub enum Step {
    /// Records of one batch: key, value, timestamp.
    Batch(Vec<(String, i64, Timestamp)>),
    /// A watermark.
    Watermark(Timestamp),
}

/// Steps in which time moves on by `stride` or less at a time, and records are up to `disorder`
/// earlier or later than the watermark.
pub fn steps(stride: i64, disorder: i64) -> impl Strategy<Value = Vec<Step>> {
    let record = (0..5_u8, -100..100_i64, -disorder..=disorder);
    let batch = prop::collection::vec(record, 0..12);
    prop::collection::vec((batch, 0..=stride), 1..40).prop_map(|steps| {
        let mut watermark = -50;
        let mut input = Vec::new();
        for (records, forward) in steps {
            let key = |number: u8| ["a", "b", "c", "a key longer than a view", ""][number as usize];
            let records = records
                .into_iter()
                .map(|(number, value, away)| (key(number).to_owned(), value, watermark + away));
            input.push(Step::Batch(records.collect()));
            if forward > 0 {
                watermark += forward;
                input.push(Step::Watermark(watermark));
            }
        }
        input
    })
}

//! What an operator emitted.

use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::element::{StreamElement, WatermarkStatus};
use sciurus_core::time::Timestamp;
use sciurus_core::{Columns, Record};
use sciurus_engine::TaskResult;

/// One thing that came out of an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<T> {
    /// A record without a timestamp.
    Record(T),
    /// A record with its timestamp.
    RecordAt(T, Timestamp),
    /// A watermark.
    Watermark(Timestamp),
    /// The output is idle.
    Idle,
    /// The output is active again.
    Active,
    /// A checkpoint's barrier.
    Barrier(CheckpointId),
    /// The end of the data.
    End,
    /// Nothing follows.
    Closed,
}

impl<T: Record> Event<T> {
    /// Appends the events that `element` stands for.
    pub(crate) fn of_element(element: StreamElement, events: &mut Vec<Self>) -> TaskResult {
        match element {
            StreamElement::Batch(batch) => {
                let columns = batch.columns::<T>()?;
                batch.for_each(|row| {
                    let record = T::from_view(columns.get(row));
                    events.push(match batch.timestamps() {
                        None => Self::Record(record),
                        Some(timestamps) => Self::RecordAt(record, timestamps[row]),
                    });
                });
            }
            StreamElement::Watermark(watermark) => events.push(Self::Watermark(watermark)),
            StreamElement::WatermarkStatus(WatermarkStatus::Idle) => events.push(Self::Idle),
            StreamElement::WatermarkStatus(WatermarkStatus::Active) => events.push(Self::Active),
            StreamElement::Barrier(barrier) => events.push(Self::Barrier(barrier.id)),
            // They are the task's, and pass operators by.
            StreamElement::LatencyMarker(_) => {}
            StreamElement::EndOfInput => events.push(Self::End),
            StreamElement::EndOfPartition => events.push(Self::Closed),
        }
        Ok(())
    }

    /// Returns the record, where there is one.
    pub fn into_record(self) -> Option<T> {
        match self {
            Self::Record(record) | Self::RecordAt(record, _) => Some(record),
            _ => None,
        }
    }
}

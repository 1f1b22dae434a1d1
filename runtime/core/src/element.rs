//! What travels between two operators, in order.

use crate::batch::Batch;
use crate::time::Timestamp;

/// An element of a stream.
#[derive(Debug, Clone)]
pub enum StreamElement {
    /// Rows.
    Batch(Batch),
    /// No record with a timestamp at or below this one follows, but for late ones.
    Watermark(Timestamp),
    /// Whether the input sends data and watermarks, or is idle and must not hold others back.
    WatermarkStatus(WatermarkStatus),
    /// Nothing follows.
    EndOfInput,
}

/// Whether an input takes part in the watermark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatermarkStatus {
    /// It does.
    Active,
    /// It sends nothing for now and must not hold back the watermark.
    Idle,
}

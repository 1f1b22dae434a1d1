//! What travels between two operators, in order.

use crate::batch::Batch;
use crate::checkpoint::CheckpointBarrier;
use crate::ids::OperatorId;
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
    /// Records before it belong to the checkpoint, those behind it don't.
    Barrier(CheckpointBarrier),
    /// Shows how long records take to where it arrives; operators do nothing with it.
    LatencyMarker(LatencyMarker),
    /// The end of the data: no rows, watermarks or statuses follow. Barriers may.
    EndOfInput,
    /// The channel is closed: nothing follows at all. Without an end of the data before it the job
    /// is suspended.
    EndOfPartition,
}

/// When and where a source sent a latency marker off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatencyMarker {
    /// When it was due, milliseconds since the epoch.
    pub emitted_at: Timestamp,
    /// The source.
    pub source: OperatorId,
    /// Its subtask.
    pub subtask: u32,
}

/// Whether an input takes part in the watermark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatermarkStatus {
    /// It does.
    Active,
    /// It sends nothing for now and must not hold back the watermark.
    Idle,
}

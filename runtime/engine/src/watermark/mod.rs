//! How watermarks come to be and how those of several inputs combine.

pub mod combined;
mod operator;
pub mod strategy;
pub mod tracker;
pub mod valve;

use sciurus_core::element::WatermarkStatus;
use sciurus_core::time::Timestamp;

pub use operator::TimestampsAndWatermarks;
pub use strategy::{TimestampAssigner, WatermarkGenerator, WatermarkOutput, WatermarkStrategy};
pub use tracker::WatermarkTracker;

/// How the watermark and status that several have in common change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WatermarkChange {
    /// The watermark, where it grew.
    pub watermark: Option<Timestamp>,
    /// The status, where it changed.
    pub status: Option<WatermarkStatus>,
}

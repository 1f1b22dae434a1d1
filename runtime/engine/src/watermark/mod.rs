//! How watermarks come to be and how those of several inputs combine.

pub mod strategy;
pub mod tracker;
pub mod valve;

pub use strategy::{TimestampAssigner, WatermarkGenerator, WatermarkOutput, WatermarkStrategy};
pub use tracker::WatermarkTracker;

//! Event time and processing time, both in milliseconds since the Unix epoch.

/// A point in event or processing time, in milliseconds since the Unix epoch.
pub type Timestamp = i64;

/// The watermark before which nothing is known: no watermark was seen yet.
pub const MIN_WATERMARK: Timestamp = Timestamp::MIN;

/// The watermark of an input at its end: no record follows.
pub const MAX_WATERMARK: Timestamp = Timestamp::MAX;

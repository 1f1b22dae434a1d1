//! Windows that are the same for all keys, over functions that put records together one by one.
//!
//! Time is cut into slices in such a way that the records of one slice belong to the same windows.
//! The rows of a batch are sorted by slice, of which there are seldom more than two, and added to
//! the accumulators of their keys there: one look-up of all keys and one loop per slice, and neither
//! windows nor timers record by record. When the watermark or the clock passes the end of a window,
//! tumbling windows go out slice by slice; those that overlap from the aggregate of the current
//! window, which [`running`] keeps.

mod ahead;
mod grouping;
mod keys;
mod late;
mod operator;
mod panes;
mod running;

pub use operator::{SlicedOptions, SlicedWindowOperator};

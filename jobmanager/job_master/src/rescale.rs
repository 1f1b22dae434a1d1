//! Running with other parallelism: within which bounds, with how many slots, and what came of it.

mod allocation;
mod bounds;
mod history;
mod options;

pub(crate) use allocation::{allocate, bounds_of_groups};
pub use bounds::{BoundsError, ParallelismBounds, check_bounds};
pub use history::{
    Rescale, RescaleCounts, RescaleEnd, RescaleHistory, RescaleTrigger, RescaledGroup,
    RescaledVertex,
};
pub use options::{AdaptiveOptions, Scheduler};

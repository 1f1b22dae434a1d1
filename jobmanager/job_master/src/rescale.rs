//! Running with other parallelism.

mod bounds;

pub use bounds::ParallelismBounds;

//! Runs a subtask: its thread and loop ([`task`]), the contract of an operator ([`operator`]) and
//! what it emits into ([`output`], [`collector`], [`side_output`]), the exchanges between tasks
//! ([`exchange`]), checkpoints ([`checkpoint`]), sources ([`source`]), watermarks ([`watermark`]), user functions with a life
//! cycle ([`function`]) and the operators themselves ([`operators`]).
//!
//! An operator sees whole batches. Chained operators call each other once a batch; per record
//! there is no dynamic call, lock or allocation of the engine's.

pub mod accumulator;
pub mod checkpoint;
pub mod collector;
pub mod deployment;
pub mod error;
pub mod exchange;
pub mod function;
pub mod metrics;
pub mod notify;
pub mod operator;
mod operator_node;
mod operator_order;
pub mod operators;
pub mod output;
pub mod program;
pub mod side_output;
pub mod source;
pub mod task;
mod timed_state;
pub mod watermark;
pub mod windowing;

pub use collector::Collector;
pub use error::{TaskError, TaskResult};
pub use side_output::OutputTag;

//! Runs operators in tests without a job around them: one [`OneInputHarness`], [`TwoInputHarness`]
//! or, over several subtasks, [`KeyedHarness`] takes records, watermarks and the time of a clock
//! that stands still, and hands out what the operator emits.
//!
//! A harness drives the engine's own [`OperatorNode`](sciurus_engine::output::OperatorNode), so
//! that watermarks, statuses and ends of input reach the operator as they do in a task. Debug
//! builds of the engine check around every operator that they come and go in order.
//!
//! Each takes snapshots, and is restored from them at any parallelism: [`OperatorCheckpoint`].
//!
//! [`JobProcess`] starts a job's process and plays its manager.

mod checkpoint;
mod event;
#[allow(clippy::unwrap_used, clippy::panic, reason = "only tests call it")]
mod job_process;
mod keyed;
mod keyed_two_input;
mod one_input;
mod options;
mod recorder;
mod subtask;
mod two_input;

pub use checkpoint::OperatorCheckpoint;
pub use event::Event;
pub use job_process::JobProcess;
pub use keyed::KeyedHarness;
pub use keyed_two_input::KeyedTwoInputHarness;
pub use one_input::OneInputHarness;
pub use options::HarnessOptions;
pub use two_input::TwoInputHarness;

//! The master of one job, as pure data: events go in, actions come out.
//!
//! [`JobMaster`] decides what runs, what is cancelled and what is restarted. It has no threads, no
//! clock and no network: whoever owns it hands it [`Event`]s with the time at which they came, and
//! carries out the [`Action`]s that it answers with. The embedded cluster and the JobManager share
//! it, and a simulation can drive it through every interleaving.
//!
//! It works on an [`execution_graph`], one [`execution_graph::Execution`] per attempt to run a
//! subtask. States and their legal transitions are in [`ExecutionState`] and [`JobStatus`], what
//! restarts together in [`region`], when it restarts in [`restart`], and what went wrong in
//! [`failure`]. Checkpoints are [`checkpoint_coordinator`]'s, other parallelism is [`rescale`]'s.

pub mod checkpoint_coordinator;
pub mod execution_graph;
mod execution_state;
pub mod failure;
mod job_master;
mod job_status;
mod lifecycle;
pub mod region;
pub mod rescale;
pub mod restart;
pub mod slots;

pub use execution_state::ExecutionState;
pub use job_master::{Action, Event, JobMaster, JobMasterOptions, SlotShortage, Timer, TimerId};
pub use job_status::JobStatus;
pub use lifecycle::{IllegalTransition, Lifecycle, State};

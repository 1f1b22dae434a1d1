//! Running tasks, wherever the job's master is: what the embedded cluster and the processes of a
//! cluster's job share.

mod assignments;
mod failure;
mod sources;
mod thread;

pub(crate) use failure::cause_of;
pub(crate) use sources::{Decisions, Sources, SourcesRestore};
pub(crate) use thread::{TaskListener, spawn, task_span, thread_name};

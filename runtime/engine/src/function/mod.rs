//! What user functions with a life cycle implement and what they are given: process functions and
//! their contexts.

mod process;
mod runtime_context;
mod timer_service;

pub use process::{Context, ProcessFunction};
pub use runtime_context::{KeyedRuntimeContext, RuntimeContext};
pub use timer_service::TimeService;

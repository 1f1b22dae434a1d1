//! What user functions with a life cycle implement and what they are given: process functions and
//! their contexts.

mod broadcast_context;
mod broadcast_process;
mod co_process;
mod keyed_broadcast_process;
mod keyed_co_process;
mod keyed_context;
mod keyed_process;
mod process;
mod runtime_context;
mod state_context;
mod timer_service;

pub use broadcast_context::{
    BroadcastContext, KeyedReadOnlyContext, ReadBroadcast, ReadOnlyContext, ReadOnlyOnTimerContext,
};
pub use broadcast_process::BroadcastProcessFunction;
pub use co_process::CoProcessFunction;
pub use keyed_broadcast_process::KeyedBroadcastProcessFunction;
pub use keyed_co_process::KeyedCoProcessFunction;
pub use keyed_context::{KeyedContext, OnTimerContext};
pub use keyed_process::KeyedProcessFunction;
pub use process::{Context, ProcessFunction};
pub use runtime_context::{KeyedRuntimeContext, RuntimeContext};
pub use sciurus_state::timer::TimeDomain;
pub(crate) use state_context::initialize;
pub use state_context::{FunctionInitializationContext, FunctionSnapshotContext};
pub use timer_service::{TimeService, TimerService};

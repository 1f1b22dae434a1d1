//! What a function is given when it is opened.

use std::ops::Deref;

use sciurus_state::{KeyedBackend, StateAccess};

use crate::accumulator::LongCounter;
use crate::metrics::user::MetricGroup;
use crate::operator::{OperatorContext, SubtaskInfo};

/// Where a function runs and what it may use; Flink's `RuntimeContext`.
pub struct RuntimeContext<'a> {
    context: &'a OperatorContext,
}

impl<'a> RuntimeContext<'a> {
    /// Makes the context of a function of the operator that `context` belongs to.
    pub fn new(context: &'a OperatorContext) -> Self {
        Self { context }
    }

    /// Returns the operator's name.
    pub fn operator_name(&self) -> &str {
        &self.context.name
    }

    /// Returns which of the operator's subtasks this is.
    pub fn task_info(&self) -> SubtaskInfo {
        self.context.subtask
    }

    /// Lets `counter` count for the accumulator `name` of the job's result, which sums all
    /// counters of that name.
    pub fn add_accumulator(&self, name: &str, counter: &LongCounter) {
        self.context.accumulators.register(name, counter);
    }

    /// Returns where the function registers metrics of its own, which the REST API and Prometheus
    /// show as the operator's.
    pub fn metrics(&self) -> MetricGroup<'a> {
        MetricGroup::new(&self.context.metrics.user)
    }
}

/// The [`RuntimeContext`] of a function with keyed state, which it registers here:
/// `ctx.register(&mut self.count)?`.
pub struct KeyedRuntimeContext<'a> {
    runtime: RuntimeContext<'a>,
    state: &'a mut KeyedBackend,
    uses_state: bool,
}

impl<'a> KeyedRuntimeContext<'a> {
    /// Makes the context of a function whose keyed state is in `state`.
    pub fn new(context: &'a OperatorContext, state: &'a mut KeyedBackend) -> Self {
        Self { runtime: RuntimeContext::new(context), state, uses_state: false }
    }

    /// Returns whether the function has asked for keyed state.
    pub fn uses_state(&self) -> bool {
        self.uses_state
    }
}

impl<'a> Deref for KeyedRuntimeContext<'a> {
    type Target = RuntimeContext<'a>;

    fn deref(&self) -> &RuntimeContext<'a> {
        &self.runtime
    }
}

impl StateAccess for KeyedRuntimeContext<'_> {
    fn keyed_state(&mut self) -> &mut KeyedBackend {
        self.uses_state = true;
        self.state
    }
}

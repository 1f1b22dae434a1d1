//! What a harness pretends about the job around its operator.

use std::sync::Arc;
use std::time::Duration;

use sciurus_core::clock::ManualClock;
use sciurus_core::time::Timestamp;
use sciurus_engine::accumulator::Accumulators;
use sciurus_engine::metrics::OperatorMetrics;
use sciurus_engine::notify::Notifier;
use sciurus_engine::operator::{BatchLimits, OperatorContext, SubtaskInfo};
use sciurus_state::settings::StateBackendSettings;

use crate::checkpoint::HarnessState;

/// What a harness pretends about the job around its operator; changed with struct update syntax.
#[derive(Debug, Clone, Copy)]
pub struct HarnessOptions {
    /// Which subtask of the operator runs; a [`KeyedHarness`](crate::KeyedHarness) runs all.
    pub subtask: u32,
    /// How many subtasks the operator has.
    pub parallelism: u32,
    /// How many key groups there are.
    pub max_parallelism: u32,
    /// When a batch under construction is full.
    pub limits: BatchLimits,
    /// How often periodic watermarks are made; never where zero.
    pub watermark_interval: Duration,
    /// Whether results are wanted once, at the end of the input.
    pub batch_mode: bool,
    /// The processing time that the clock starts with.
    pub processing_time: Timestamp,
    /// Which backend keyed state is in.
    pub state_backend: &'static StateBackendSettings,
}

/// Keyed state in memory.
static IN_MEMORY: StateBackendSettings = StateBackendSettings::HashMap;

impl Default for HarnessOptions {
    fn default() -> Self {
        Self {
            subtask: 0,
            parallelism: 1,
            max_parallelism: 128,
            limits: BatchLimits::default(),
            watermark_interval: Duration::from_millis(200),
            batch_mode: false,
            processing_time: 0,
            state_backend: &IN_MEMORY,
        }
    }
}

impl HarnessOptions {
    /// Makes an operator's context, with a clock that is set by hand.
    pub fn context(&self) -> (OperatorContext, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(self.processing_time));
        let context = OperatorContext {
            name: "operator under test".into(),
            subtask: SubtaskInfo {
                index: self.subtask,
                parallelism: self.parallelism,
                max_parallelism: self.max_parallelism,
                attempt: 0,
            },
            clock: clock.clone(),
            metrics: Arc::new(OperatorMetrics::default()),
            notifier: Notifier::default(),
            accumulators: Accumulators::default(),
            limits: self.limits,
            watermark_interval: self.watermark_interval,
            bounded: self.batch_mode,
            batch_mode: self.batch_mode,
            state: Arc::new(HarnessState::new(self.state_backend)),
        };
        (context, clock)
    }
}

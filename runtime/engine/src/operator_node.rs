//! An operator in its place in a task.

use sciurus_core::Batch;
use sciurus_core::checkpoint::{CheckpointBarrier, CheckpointId};
use sciurus_core::element::{StreamElement, WatermarkStatus};
use sciurus_core::ids::OperatorId;
use sciurus_core::time::Timestamp;

use crate::checkpoint::{OperatorPart, SnapshotContext};
use crate::error::{TaskError, TaskResult};
use crate::operator::{Operator, OperatorContext};
use crate::operator_order::OrderChecked;
use crate::output::Output;
use crate::task::panics;
use crate::watermark::WatermarkChange;
use crate::watermark::combined::CombinedWatermark;

/// An operator with its output, in its place in a task.
pub struct OperatorNode {
    /// Where the operator runs.
    pub context: OperatorContext,
    id: OperatorId,
    operator: Box<dyn Operator>,
    /// What it emits into.
    pub output: Output,
    watermarks: CombinedWatermark,
    open_inputs: usize,
}

impl OperatorNode {
    /// Puts an operator with `inputs` inputs (1 or 2) in its place.
    pub fn new(
        context: OperatorContext,
        operator: Box<dyn Operator>,
        output: Output,
        inputs: usize,
    ) -> Self {
        Self {
            context,
            id: OperatorId::from_bytes([0; 16]),
            operator: checked(operator),
            output,
            watermarks: CombinedWatermark::new(inputs),
            open_inputs: inputs,
        }
    }

    /// Says under which id the operator's state is kept.
    #[must_use]
    pub fn with_id(mut self, id: OperatorId) -> Self {
        self.id = id;
        self
    }

    /// Returns whether this operator and all that is behind it can take more rows.
    pub fn is_available(&self) -> bool {
        self.operator.is_available() && self.output.is_available()
    }

    /// Opens the operator.
    ///
    /// # Errors
    /// What the operator reports, with its name.
    pub fn open(&mut self) -> TaskResult {
        let opened = panics::catch(|| self.operator.open(&self.context));
        opened.map_err(|error| error.in_operator(&self.context.name))
    }

    /// Opens the operators chained behind this one and then this one, so that what it emits finds
    /// them ready.
    ///
    /// # Errors
    /// The first failure, with the operator's name.
    pub fn open_chain(&mut self) -> TaskResult {
        self.output.open()?;
        self.open()
    }

    /// Closes the operators chained behind this one and then this one.
    ///
    /// # Errors
    /// The first failure, with the operator's name; it keeps no other from being closed.
    pub fn close_chain(&mut self) -> TaskResult {
        let behind = self.output.close();
        behind.and(self.close())
    }

    /// Processes one element of input `input`.
    ///
    /// # Errors
    /// What the operator or one behind it reports, with the operator's name.
    pub fn process(&mut self, input: usize, element: StreamElement) -> TaskResult {
        panics::catch(|| self.dispatch(input, element))
            .map_err(|error| error.in_operator(&self.context.name))
    }

    fn dispatch(&mut self, input: usize, element: StreamElement) -> TaskResult {
        match element {
            StreamElement::Batch(batch) => {
                self.context.metrics.records_in.add(batch.len() as u64);
                self.operator.process_batch(input, batch, &mut self.output)
            }
            StreamElement::Watermark(watermark) => {
                let change = self.watermarks.on_watermark(input, watermark);
                self.apply(change)
            }
            StreamElement::WatermarkStatus(status) => {
                let change = self.watermarks.on_status(input, status);
                self.apply(change)
            }
            StreamElement::LatencyMarker(marker) => {
                let context = &self.context;
                context.metrics.latencies.record(&marker, context.clock.now());
                self.output.emit_control(&StreamElement::LatencyMarker(marker))
            }
            StreamElement::Barrier(_) => {
                Err(TaskError::Defect("a barrier reaches an operator as an element"))
            }
            StreamElement::EndOfPartition => {
                self.output.emit_control(&StreamElement::EndOfPartition)
            }
            StreamElement::EndOfInput => {
                let Some(open_inputs) = self.open_inputs.checked_sub(1) else {
                    return Err(TaskError::Defect("more inputs end than there are"));
                };
                self.open_inputs = open_inputs;
                // As in Flink, event time ends before the input does.
                let change = self.watermarks.on_end(input);
                self.apply(change)?;
                self.operator.end_input(input, &mut self.output)?;
                if open_inputs > 0 {
                    return Ok(());
                }
                self.operator.finish(&mut self.output)?;
                self.output.emit_control(&StreamElement::EndOfInput)
            }
        }
    }

    /// Hands the operator what changes: active before the watermark, idle after it, so that a
    /// watermark never comes from where all is idle.
    fn apply(&mut self, change: WatermarkChange) -> TaskResult {
        let WatermarkChange { watermark, status } = change;
        if status == Some(WatermarkStatus::Active) {
            self.operator.process_watermark_status(WatermarkStatus::Active, &mut self.output)?;
        }
        if let Some(watermark) = watermark {
            self.context.metrics.input_watermark.set(watermark);
            self.operator.process_watermark(watermark, &mut self.output)?;
        }
        if status == Some(WatermarkStatus::Idle) {
            self.operator.process_watermark_status(WatermarkStatus::Idle, &mut self.output)?;
        }
        Ok(())
    }

    /// Returns when the operator wants to be called next.
    pub fn next_processing_time(&self) -> Option<Timestamp> {
        // What an operator that has finished emits would follow the end of its output.
        if self.open_inputs == 0 { None } else { self.operator.next_processing_time() }
    }

    /// Tells the operator the processing time where it asked for that.
    ///
    /// # Errors
    /// What the operator or one behind it reports, with the operator's name.
    pub fn on_processing_time(&mut self, now: Timestamp) -> TaskResult {
        if self.next_processing_time().is_some_and(|due| due <= now) {
            return panics::catch(|| self.operator.on_processing_time(now, &mut self.output))
                .map_err(|error| error.in_operator(&self.context.name));
        }
        Ok(())
    }

    /// Takes a snapshot of the operator, then lets the barrier go on to what is behind it.
    ///
    /// # Errors
    /// What the operator or one behind it reports, with the operator's name.
    pub fn checkpoint(
        &mut self,
        barrier: &CheckpointBarrier,
        parts: &mut Vec<OperatorPart>,
    ) -> TaskResult {
        let mut snapshot = SnapshotContext::new(barrier);
        panics::catch(|| self.operator.snapshot(&mut snapshot, &mut self.output))
            .map_err(|error| error.in_operator(&self.context.name))?;
        let SnapshotContext { keyed, operator, .. } = snapshot;
        if keyed.is_some() || operator.is_some() {
            parts.push(OperatorPart { id: self.id, keyed, operator });
        }
        self.output.checkpoint(barrier, parts)
    }

    /// Tells the operator that a checkpoint is complete.
    ///
    /// # Errors
    /// What the operator reports, with its name.
    pub fn checkpoint_complete(&mut self, checkpoint: CheckpointId) -> TaskResult {
        panics::catch(|| self.operator.checkpoint_complete(checkpoint))
            .map_err(|error| error.in_operator(&self.context.name))
    }

    /// Tells the operator that a checkpoint was given up.
    ///
    /// # Errors
    /// What the operator reports, with its name.
    pub fn checkpoint_aborted(&mut self, checkpoint: CheckpointId) -> TaskResult {
        panics::catch(|| self.operator.checkpoint_aborted(checkpoint))
            .map_err(|error| error.in_operator(&self.context.name))
    }

    /// Closes the operator.
    ///
    /// # Errors
    /// What the operator reports, with its name.
    pub fn close(&mut self) -> TaskResult {
        let closed = panics::catch(|| self.operator.close());
        closed.map_err(|error| error.in_operator(&self.context.name))
    }
}

/// Puts checks around an operator in debug builds.
fn checked(operator: Box<dyn Operator>) -> Box<dyn Operator> {
    if cfg!(debug_assertions) { Box::new(OrderChecked::new(operator)) } else { operator }
}

/// Stands for an operator that had finished before the restore: no rows come any more.
pub(crate) struct Finished;

impl Operator for Finished {
    fn process_batch(&mut self, _: usize, _: Batch, _: &mut Output) -> TaskResult {
        Err(TaskError::Defect("rows reach an operator that has finished"))
    }
}

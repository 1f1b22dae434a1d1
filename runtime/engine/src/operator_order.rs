//! Checks around an operator that it is called in order.

use sciurus_core::Batch;
use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::element::WatermarkStatus;
use sciurus_core::time::{MIN_WATERMARK, Timestamp};

use crate::checkpoint::SnapshotContext;
use crate::error::{TaskError, TaskResult};
use crate::operator::{Operator, OperatorContext};
use crate::output::Output;

/// Passes all calls on to an operator and fails where they break the order that [`Operator`]
/// promises: watermarks that don't grow, rows of an input that has ended. Debug builds put it
/// around every operator; it looks at batches, never at records.
pub struct OrderChecked {
    operator: Box<dyn Operator>,
    stage: Stage,
    watermark: Timestamp,
    ended: [bool; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Made,
    Open,
    Finished,
    Closed,
}

impl OrderChecked {
    /// Wraps an operator that is not open yet.
    pub fn new(operator: Box<dyn Operator>) -> Self {
        Self { operator, stage: Stage::Made, watermark: MIN_WATERMARK, ended: [false; 2] }
    }

    fn expect(&self, stage: Stage, otherwise: &'static str) -> TaskResult {
        if self.stage == stage { Ok(()) } else { Err(TaskError::Defect(otherwise)) }
    }

    /// Checkpoints go on behind the end of the input.
    fn expect_running(&self, otherwise: &'static str) -> TaskResult {
        match self.stage {
            Stage::Open | Stage::Finished => Ok(()),
            Stage::Made | Stage::Closed => Err(TaskError::Defect(otherwise)),
        }
    }
}

impl Operator for OrderChecked {
    fn open(&mut self, context: &OperatorContext) -> TaskResult {
        self.expect(Stage::Made, "an operator is opened twice")?;
        self.stage = Stage::Open;
        self.operator.open(context)
    }

    fn process_batch(&mut self, input: usize, batch: Batch, out: &mut Output) -> TaskResult {
        self.expect(Stage::Open, "rows reach an operator that isn't open")?;
        if self.ended[input] {
            return Err(TaskError::Defect("rows follow the end of their input"));
        }
        self.operator.process_batch(input, batch, out)
    }

    fn process_watermark(&mut self, watermark: Timestamp, out: &mut Output) -> TaskResult {
        self.expect(Stage::Open, "a watermark reaches an operator that isn't open")?;
        if watermark <= self.watermark {
            return Err(TaskError::Defect("a watermark doesn't grow"));
        }
        self.watermark = watermark;
        self.operator.process_watermark(watermark, out)
    }

    fn process_watermark_status(
        &mut self,
        status: WatermarkStatus,
        out: &mut Output,
    ) -> TaskResult {
        self.expect(Stage::Open, "a status reaches an operator that isn't open")?;
        self.operator.process_watermark_status(status, out)
    }

    fn is_available(&self) -> bool {
        self.operator.is_available()
    }

    fn next_processing_time(&self) -> Option<Timestamp> {
        self.operator.next_processing_time()
    }

    fn on_processing_time(&mut self, now: Timestamp, out: &mut Output) -> TaskResult {
        self.expect(Stage::Open, "a timer fires in an operator that isn't open")?;
        self.operator.on_processing_time(now, out)
    }

    fn end_input(&mut self, input: usize, out: &mut Output) -> TaskResult {
        self.expect(Stage::Open, "an input ends of an operator that isn't open")?;
        if std::mem::replace(&mut self.ended[input], true) {
            return Err(TaskError::Defect("an input ends twice"));
        }
        self.operator.end_input(input, out)
    }

    fn finish(&mut self, out: &mut Output) -> TaskResult {
        self.expect(Stage::Open, "an operator finishes that isn't open")?;
        self.stage = Stage::Finished;
        self.operator.finish(out)
    }

    fn snapshot(&mut self, snapshot: &mut SnapshotContext<'_>, out: &mut Output) -> TaskResult {
        self.expect_running("a snapshot is taken of an operator that isn't open")?;
        self.operator.snapshot(snapshot, out)
    }

    fn checkpoint_complete(&mut self, checkpoint: CheckpointId) -> TaskResult {
        self.expect_running("an operator that isn't open hears of a checkpoint")?;
        self.operator.checkpoint_complete(checkpoint)
    }

    fn checkpoint_aborted(&mut self, checkpoint: CheckpointId) -> TaskResult {
        self.expect_running("an operator that isn't open hears of a checkpoint")?;
        self.operator.checkpoint_aborted(checkpoint)
    }

    fn close(&mut self) -> TaskResult {
        if self.stage == Stage::Closed {
            return Err(TaskError::Defect("an operator is closed twice"));
        }
        self.stage = Stage::Closed;
        self.operator.close()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::RecordBatch;
    use arrow_schema::Schema;

    use super::*;
    use crate::metrics::OperatorMetrics;

    struct Nothing;

    impl Operator for Nothing {
        fn process_batch(&mut self, _: usize, _: Batch, _: &mut Output) -> TaskResult {
            Ok(())
        }
    }

    fn opened() -> (OrderChecked, Output) {
        let mut checked = OrderChecked::new(Box::new(Nothing));
        checked.stage = Stage::Open;
        (checked, Output::new(Arc::new(OperatorMetrics::default())))
    }

    fn no_rows() -> Batch {
        Batch::new(RecordBatch::new_empty(Arc::new(Schema::empty())))
    }

    #[test]
    fn a_watermark_that_does_not_grow_is_a_defect() {
        let (mut checked, mut out) = opened();
        assert!(checked.process_watermark(5, &mut out).is_ok());
        assert!(checked.process_watermark(6, &mut out).is_ok());
        assert!(matches!(checked.process_watermark(6, &mut out), Err(TaskError::Defect(_))));
    }

    #[test]
    fn rows_behind_the_end_of_their_input_are_a_defect() {
        let (mut checked, mut out) = opened();
        assert!(checked.end_input(0, &mut out).is_ok());
        assert!(checked.process_batch(1, no_rows(), &mut out).is_ok());
        assert!(matches!(checked.process_batch(0, no_rows(), &mut out), Err(TaskError::Defect(_))));
    }

    #[test]
    fn nothing_may_happen_after_the_end() {
        let (mut checked, mut out) = opened();
        assert!(checked.finish(&mut out).is_ok());
        assert!(matches!(checked.on_processing_time(0, &mut out), Err(TaskError::Defect(_))));
        assert!(matches!(checked.process_watermark(9, &mut out), Err(TaskError::Defect(_))));
        assert!(checked.close().is_ok());
        assert!(matches!(checked.close(), Err(TaskError::Defect(_))));
    }
}

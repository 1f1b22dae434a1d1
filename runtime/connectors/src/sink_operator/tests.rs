//! When what a sink stages is committed.

use std::sync::Arc;

use parking_lot::Mutex;
use sciurus_core::checkpoint::{Ending, SavepointFormat, SnapshotKind};
use sciurus_core::{Batch, BoxError, Columns};
use sciurus_engine::operator::OperatorContext;

use crate::sink::{Committer, Sink, SinkWriter};
use crate::testing::{SinkHarness, checkpointed_context, message};

/// Stages numbers; keeps what was committed, and refuses to commit so many times.
#[derive(Clone, Default)]
struct Numbers {
    committed: Arc<Mutex<Vec<i64>>>,
    refusals: Arc<Mutex<usize>>,
}

struct NumbersWriter(Vec<i64>);

impl Sink<i64> for Numbers {
    type Committable = i64;

    fn writer(&self, _: &OperatorContext) -> Result<Box<dyn SinkWriter<i64, i64>>, BoxError> {
        Ok(Box::new(NumbersWriter(Vec::new())))
    }

    fn committer(&self, _: &OperatorContext) -> Result<Box<dyn Committer<i64>>, BoxError> {
        Ok(Box::new(self.clone()))
    }
}

impl SinkWriter<i64, i64> for NumbersWriter {
    fn write_batch(
        &mut self,
        batch: &Batch,
        columns: &<i64 as sciurus_core::Record>::Columns,
    ) -> Result<(), BoxError> {
        batch.for_each(|row| self.0.push(columns.get(row)));
        Ok(())
    }

    fn prepare_commit(&mut self) -> Result<Vec<i64>, BoxError> {
        Ok(std::mem::take(&mut self.0))
    }
}

impl Committer<i64> for Numbers {
    fn commit(&mut self, committables: Vec<i64>) -> Result<(), BoxError> {
        let mut refusals = self.refusals.lock();
        if *refusals > 0 {
            *refusals -= 1;
            return Err("not now".into());
        }
        self.committed.lock().extend(committables);
        Ok(())
    }
}

const CHECKPOINT: SnapshotKind = SnapshotKind::Checkpoint;

fn savepoint(ending: Option<Ending>) -> SnapshotKind {
    SnapshotKind::Savepoint { format: SavepointFormat::Canonical, ending }
}

impl Numbers {
    fn open(&self) -> SinkHarness {
        SinkHarness::open::<i64, _>(self.clone(), checkpointed_context((0, 1), None)).unwrap()
    }

    fn committed(&self) -> Vec<i64> {
        self.committed.lock().clone()
    }
}

#[test]
fn what_is_staged_is_committed_when_a_checkpoint_that_has_it_is_complete() {
    let sink = Numbers::default();
    let mut subtask = sink.open();
    subtask.write(&[1_i64]).unwrap();
    subtask.checkpoint(1, CHECKPOINT).unwrap();
    subtask.write(&[2_i64]).unwrap();
    assert_eq!(sink.committed(), [0; 0]);
    subtask.complete(1).unwrap();
    assert_eq!(sink.committed(), [1]);
    // The second is given up, the third has what it had.
    subtask.checkpoint(2, CHECKPOINT).unwrap();
    subtask.node().checkpoint_aborted(sciurus_core::checkpoint::CheckpointId(2)).unwrap();
    subtask.write(&[3_i64]).unwrap();
    subtask.checkpoint(3, CHECKPOINT).unwrap();
    subtask.write(&[4_i64]).unwrap();
    subtask.complete(3).unwrap();
    assert_eq!(sink.committed(), [1, 2, 3]);
    subtask.end_input().unwrap();
    assert_eq!(sink.committed(), [1, 2, 3], "the end waits for a last checkpoint");
    subtask.checkpoint(4, CHECKPOINT).unwrap();
    subtask.complete(4).unwrap();
    subtask.node().close().unwrap();
    assert_eq!(sink.committed(), [1, 2, 3, 4]);
}

#[test]
fn a_savepoint_commits_only_where_the_job_ends_with_it() {
    let sink = Numbers::default();
    let mut subtask = sink.open();
    subtask.write(&[1_i64]).unwrap();
    subtask.checkpoint(1, savepoint(None)).unwrap();
    subtask.complete(1).unwrap();
    assert_eq!(sink.committed(), [0; 0], "the job may be restored from before it");
    subtask.checkpoint(2, CHECKPOINT).unwrap();
    subtask.complete(2).unwrap();
    assert_eq!(sink.committed(), [1]);
    subtask.write(&[2_i64]).unwrap();
    subtask.checkpoint(3, savepoint(Some(Ending::Suspend))).unwrap();
    subtask.complete(3).unwrap();
    assert_eq!(sink.committed(), [1, 2]);
}

#[test]
fn what_is_restored_is_committed_first_at_any_parallelism() {
    for parallelism in [1, 2, 3] {
        let sink = Numbers::default();
        let former: Vec<_> = (0..2_i64)
            .map(|subtask| {
                let mut subtask_of_two = sink.open();
                subtask_of_two.write(&[subtask, subtask + 10]).unwrap();
                subtask_of_two.checkpoint(1, CHECKPOINT).unwrap()
            })
            .collect();
        for index in 0..parallelism {
            let context = checkpointed_context((index, parallelism), Some(&former));
            let mut subtask = SinkHarness::open::<i64, _>(sink.clone(), context).unwrap();
            let again = subtask.checkpoint(2, CHECKPOINT).unwrap();
            assert!(again.states.is_empty(), "it is committed, and nobody's concern any more");
        }
        let mut committed = sink.committed();
        committed.sort_unstable();
        assert_eq!(committed, [0, 1, 10, 11], "at parallelism {parallelism}");
    }
}

#[test]
fn a_commit_that_fails_is_tried_again_some_times() {
    let sink = Numbers::default();
    let mut subtask = sink.open();
    subtask.write(&[1_i64]).unwrap();
    subtask.checkpoint(1, CHECKPOINT).unwrap();
    *sink.refusals.lock() = 2;
    subtask.complete(1).unwrap();
    assert_eq!(sink.committed(), [1]);
    subtask.write(&[2_i64]).unwrap();
    subtask.checkpoint(2, CHECKPOINT).unwrap();
    *sink.refusals.lock() = usize::MAX;
    assert_eq!(message(&subtask.complete(2).unwrap_err()), "not now");
}

//! What a checkpoint holds of a source's reader: its splits, in a list of operator state.

use sciurus_core::time::Timestamp;
use sciurus_state::OperatorSnapshot;
use sciurus_state::operator::{OperatorStateItems, Redistribution};

use super::{SourceDriver, SourceEvent, SourceProgress};
use crate::error::TaskResult;
use crate::output::Output;

/// The name of the list, which is Flink's.
const READER_STATE: &str = "SourceReaderState";

/// Returns the state of a reader that goes on with `splits`, each in its serialised form.
pub(crate) fn reader_state(splits: Vec<Vec<u8>>) -> OperatorSnapshot {
    let (name, redistribution) = (READER_STATE.to_owned(), Redistribution::Split);
    OperatorSnapshot { states: vec![OperatorStateItems { name, redistribution, items: splits }] }
}

/// Returns the splits that a reader goes on with.
pub(crate) fn splits_of(state: OperatorSnapshot) -> Vec<Vec<u8>> {
    let lists = state.states.into_iter().filter(|state| state.name == READER_STATE);
    lists.flat_map(|state| state.items).collect()
}

/// Stands for a reader that had read all before the restore.
pub(crate) struct FinishedDriver;

impl SourceDriver for FinishedDriver {
    fn on_event(&mut self, _: SourceEvent) -> TaskResult {
        Ok(())
    }

    fn poll(&mut self, _: &mut Output) -> TaskResult<SourceProgress> {
        Ok(SourceProgress::Ended)
    }

    fn snapshot(&self) -> TaskResult<Vec<Vec<u8>>> {
        Ok(Vec::new())
    }

    fn next_processing_time(&self) -> Option<Timestamp> {
        None
    }

    fn on_processing_time(&mut self, _: Timestamp, _: &mut Output) -> TaskResult {
        Ok(())
    }

    fn close(&mut self) {}
}

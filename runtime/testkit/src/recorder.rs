//! Keeps what an operator emits into one of its outputs.

use std::sync::Arc;

use parking_lot::Mutex;
use sciurus_core::element::StreamElement;
use sciurus_core::{Batch, Record};
use sciurus_engine::TaskResult;
use sciurus_engine::exchange::{ChannelSender, Partitioner, RecordWriter};
use sciurus_engine::metrics::TaskMetrics;
use sciurus_engine::notify::Notifier;
use sciurus_engine::output::OutputEdge;
use sciurus_engine::task::TaskControl;

use crate::event::Event;

/// The elements that came out of one output and nobody has taken yet.
#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Vec<StreamElement>>>);

impl Recorder {
    /// Makes an edge that records.
    pub(crate) fn edge(&self) -> OutputEdge {
        OutputEdge::Exchange(RecordWriter::new(
            Partitioner::Forward,
            vec![Box::new(self.clone())],
            Arc::new(TaskControl::new(Notifier::default())),
            Arc::new(TaskMetrics::default()),
            None,
        ))
    }

    /// Takes what was recorded.
    pub(crate) fn take<T: Record>(&self) -> TaskResult<Vec<Event<T>>> {
        let mut events = Vec::new();
        for element in self.0.lock().drain(..) {
            Event::of_element(element, &mut events)?;
        }
        Ok(events)
    }

    /// Takes the batches that were recorded; all else is lost.
    pub(crate) fn take_batches(&self) -> Vec<Batch> {
        let batch = |element| match element {
            StreamElement::Batch(batch) => Some(batch),
            _ => None,
        };
        self.0.lock().drain(..).filter_map(batch).collect()
    }
}

impl ChannelSender for Recorder {
    fn send(&mut self, element: StreamElement, _: usize) -> TaskResult {
        self.0.lock().push(element);
        Ok(())
    }

    fn has_credit(&self) -> bool {
        true
    }
}

//! The end of a stream.

use sciurus_connectors::{DiscardingSink, PrintSink, Sink, SinkOperatorFactory};
use sciurus_core::Record;

use super::{DataStream, SingleOutputStreamOperator};

/// A sink, which can be given a name and the like.
#[derive(Clone)]
pub struct DataStreamSink(SingleOutputStreamOperator<()>);

impl DataStreamSink {
    /// Names the sink in plans, logs and metrics.
    #[allow(
        clippy::must_use_candidate,
        clippy::return_self_not_must_use,
        reason = "the sink is in the job already"
    )]
    pub fn name(self, name: &str) -> Self {
        Self(self.0.name(name))
    }

    /// Sets the id by which the sink's state is found again after the job has changed.
    #[allow(
        clippy::must_use_candidate,
        clippy::return_self_not_must_use,
        reason = "the sink is in the job already"
    )]
    pub fn uid(self, uid: &str) -> Self {
        Self(self.0.uid(uid))
    }

    /// Sets how many subtasks run the sink.
    #[allow(
        clippy::must_use_candidate,
        clippy::return_self_not_must_use,
        reason = "the sink is in the job already"
    )]
    pub fn set_parallelism(self, parallelism: u32) -> Self {
        Self(self.0.set_parallelism(parallelism))
    }

    /// Sets the slot sharing group.
    #[allow(
        clippy::must_use_candidate,
        clippy::return_self_not_must_use,
        reason = "the sink is in the job already"
    )]
    pub fn slot_sharing_group(self, group: &str) -> Self {
        Self(self.0.slot_sharing_group(group))
    }

    /// Keeps the sink in a task of its own.
    #[allow(
        clippy::must_use_candidate,
        clippy::return_self_not_must_use,
        reason = "the sink is in the job already"
    )]
    pub fn disable_chaining(self) -> Self {
        Self(self.0.disable_chaining())
    }
}

impl<T: Record> DataStream<T> {
    /// Writes the stream to a sink.
    pub fn sink_to<S: Sink<T>>(&self, sink: S) -> DataStreamSink {
        DataStreamSink(self.transform("Sink", SinkOperatorFactory::new(sink))).name("Sink: Unnamed")
    }

    /// Prints each record on a line of the standard output, behind `N> ` with the number of the
    /// subtask where there are several.
    pub fn print(&self) -> DataStreamSink {
        self.sink_to(PrintSink::new()).name("Sink: Print to Std. Out")
    }

    /// Prints each record on a line of the standard output, behind `identifier:N> ` or
    /// `identifier> `.
    pub fn print_with(&self, identifier: &str) -> DataStreamSink {
        self.sink_to(PrintSink::new().identifier(identifier)).name("Sink: Print to Std. Out")
    }

    /// Drops all records.
    pub fn discard(&self) -> DataStreamSink {
        self.sink_to(DiscardingSink).name("Sink: Discard")
    }
}

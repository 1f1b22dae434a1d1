//! A stream that comes straight from one operator, which can be given a name and the like.

use std::ops::Deref;

use sciurus_core::Record;
use sciurus_core::graph::{ChainingStrategy, StreamNode};
use sciurus_engine::OutputTag;

use super::DataStream;

/// The output of one operator: a [`DataStream`] whose operator can be configured.
#[derive(Clone)]
pub struct SingleOutputStreamOperator<T: Record>(DataStream<T>);

impl<T: Record> From<DataStream<T>> for SingleOutputStreamOperator<T> {
    fn from(stream: DataStream<T>) -> Self {
        Self(stream)
    }
}

impl<T: Record> Deref for SingleOutputStreamOperator<T> {
    type Target = DataStream<T>;

    fn deref(&self) -> &DataStream<T> {
        &self.0
    }
}

impl<T: Record> SingleOutputStreamOperator<T> {
    /// Names the operator in plans, logs and metrics.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.change(|node| name.clone_into(&mut node.name))
    }

    /// Describes the operator in plans.
    #[must_use]
    pub fn set_description(self, description: &str) -> Self {
        self.change(|node| node.description = Some(description.to_owned()))
    }

    /// Sets the id by which the operator's state is found again after the job has changed. It must
    /// be unique in the job.
    #[must_use]
    pub fn uid(self, uid: &str) -> Self {
        self.change(|node| node.uid = Some(uid.to_owned()))
    }

    /// Sets how many subtasks run the operator.
    #[must_use]
    pub fn set_parallelism(self, parallelism: u32) -> Self {
        self.change(|node| node.parallelism = Some(parallelism))
    }

    /// Sets the number of key groups of the operator's state.
    #[must_use]
    pub fn set_max_parallelism(self, max_parallelism: u32) -> Self {
        self.change(|node| node.max_parallelism = Some(max_parallelism))
    }

    /// Sets the slot sharing group: subtasks of different groups never share a slot.
    #[must_use]
    pub fn slot_sharing_group(self, group: &str) -> Self {
        self.change(|node| node.slot_sharing_group = Some(group.to_owned()))
    }

    /// Starts a new chain with this operator.
    #[must_use]
    pub fn start_new_chain(self) -> Self {
        self.change(|node| node.chaining = ChainingStrategy::Head)
    }

    /// Keeps this operator in a task of its own.
    #[must_use]
    pub fn disable_chaining(self) -> Self {
        self.change(|node| node.chaining = ChainingStrategy::Never)
    }

    /// Returns the records that the operator emits into the side output `tag`.
    pub fn get_side_output<S: Record>(&self, tag: &OutputTag<S>) -> DataStream<S> {
        let upstreams = self.0.upstreams.iter().map(|upstream| upstream.side(tag.id().clone()));
        DataStream::new(self.0.environment.clone(), upstreams.collect())
    }

    pub(crate) fn change(self, change: impl FnOnce(&mut StreamNode)) -> Self {
        if let [upstream] = self.0.upstreams.as_slice() {
            self.0.environment.builder().lock().change(upstream.node, change);
        }
        self
    }
}

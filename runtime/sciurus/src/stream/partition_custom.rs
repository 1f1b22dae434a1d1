//! Partitioning by functions of the user.

use std::sync::Arc;

use sciurus_core::Record;
use sciurus_core::graph::Partitioning;
use sciurus_core::record::KeyColumns;
use sciurus_engine::exchange::{choose_by_key, choose_by_record};
use sciurus_engine::program::EdgeCode;

use super::DataStream;

impl<T: Record> DataStream<T> {
    /// Sends each record to the subtask of the next operator that the partitioner names, given the
    /// record's key and the number of subtasks; they count from 0.
    ///
    /// ```
    /// # use sciurus::prelude::*;
    /// # let env = StreamExecutionEnvironment::new();
    /// let orders = env.from_elements([(7_i64, "acorns".to_owned())]);
    /// orders.partition_custom(|id, partitions| id as usize % partitions, F0);
    /// ```
    #[must_use]
    pub fn partition_custom<C: KeyColumns<T>>(
        &self,
        partitioner: impl for<'a> FnMut(<C::Key as Record>::View<'a>, usize) -> usize
        + Clone
        + Send
        + Sync
        + 'static,
        key: C,
    ) -> Self {
        let _ = key;
        let code =
            EdgeCode::Custom(Arc::new(move || choose_by_key::<T, C, _>(partitioner.clone())));
        self.partitioned_with(Partitioning::Custom, Some(&code))
    }

    /// Sends each record to the subtask of the next operator that the partitioner names, given the
    /// record and the number of subtasks; they count from 0.
    #[must_use]
    pub fn partition_custom_fn(
        &self,
        partitioner: impl for<'a> FnMut(T::View<'a>, usize) -> usize + Clone + Send + Sync + 'static,
    ) -> Self {
        let code =
            EdgeCode::Custom(Arc::new(move || choose_by_record::<T, _>(partitioner.clone())));
        self.partitioned_with(Partitioning::Custom, Some(&code))
    }
}

//! A stream that isn't keyed, cut into windows.

use std::sync::Arc;
use std::time::Duration;

use sciurus_core::Record;
use sciurus_core::record::{Field, Numeric};
use sciurus_engine::windowing::all::OneKey;
use sciurus_engine::windowing::assigner::{GlobalWindows, WindowAssigner};
use sciurus_engine::windowing::output::{ProcessWindowFunction, WindowElements};
use sciurus_engine::windowing::trigger::{CountTrigger, PurgingTrigger, Trigger};
use sciurus_engine::{Collector, OutputTag};
use sciurus_state::AggregateFunction;

use super::{DataStream, KeyedStream, SingleOutputStreamOperator, WindowedStream};

impl<T: Record> DataStream<T> {
    /// Cuts the stream into windows over all its records. One subtask does all the work: a keyed
    /// stream's windows scale, these don't.
    pub fn window_all<A: WindowAssigner<T>>(
        &self,
        assigner: A,
    ) -> AllWindowedStream<T, A, A::DefaultTrigger> {
        AllWindowedStream { windows: self.with_one_key().window(assigner) }
    }

    /// Cuts the stream into windows of `size` records, in one subtask.
    ///
    /// # Panics
    /// Where `size` is zero.
    pub fn count_window_all(
        &self,
        size: u64,
    ) -> AllWindowedStream<T, GlobalWindows, PurgingTrigger<CountTrigger>> {
        AllWindowedStream { windows: self.with_one_key().count_window(size) }
    }

    /// Cuts the stream into windows of the last `size` records, one every `slide` records, in one
    /// subtask. The first ones are shorter.
    ///
    /// # Panics
    /// Where `size` or `slide` is zero.
    pub fn count_window_all_sliding(
        &self,
        size: u64,
        slide: u64,
    ) -> AllWindowedStream<T, GlobalWindows, CountTrigger> {
        AllWindowedStream { windows: self.with_one_key().count_window_sliding(size, slide) }
    }

    fn with_one_key(&self) -> KeyedStream<T, ()> {
        KeyedStream::new(self, Arc::new(OneKey), Vec::new())
    }
}

/// A stream that isn't keyed, cut into windows: as a [`WindowedStream`] whose records all have the
/// same key.
pub struct AllWindowedStream<T: Record, A, G> {
    windows: WindowedStream<T, (), A, G>,
}

/// All records have one key, so that there is work for one subtask.
fn in_one_subtask<O: Record>(
    stream: SingleOutputStreamOperator<O>,
) -> SingleOutputStreamOperator<O> {
    stream.set_parallelism(1).set_max_parallelism(1)
}

impl<T, A, G> AllWindowedStream<T, A, G>
where
    T: Record,
    A: WindowAssigner<T>,
    G: Trigger<T, A::Window>,
{
    /// Sets what fires the windows.
    ///
    /// # Panics
    /// Where windows are merged and the trigger can't do that.
    #[must_use]
    pub fn trigger<H: Trigger<T, A::Window>>(self, trigger: H) -> AllWindowedStream<T, A, H> {
        AllWindowedStream { windows: self.windows.trigger(trigger) }
    }

    /// Keeps windows by event time for so long after their end. A late record that finds its window
    /// fires it again, with all its records.
    #[must_use]
    pub fn allowed_lateness(self, lateness: Duration) -> Self {
        Self { windows: self.windows.allowed_lateness(lateness) }
    }

    /// Sends records that are too late for all of their windows into a side output, instead of
    /// dropping them.
    #[must_use]
    pub fn side_output_late_data(self, tag: &OutputTag<T>) -> Self {
        Self { windows: self.windows.side_output_late_data(tag) }
    }

    /// Combines the records of each window into one: `reduce(|sum, record| sum.1 += record.1)`. It
    /// starts with the first record; the function puts each further one in.
    pub fn reduce(
        &self,
        function: impl for<'a, 'b> FnMut(&'b mut T, T::View<'a>) + Clone + Send + Sync + 'static,
    ) -> SingleOutputStreamOperator<T> {
        in_one_subtask(self.windows.reduce(function))
    }

    /// Combines the records of each window into one, which `function` is called with: window,
    /// result, and where to collect.
    pub fn reduce_with<O: Record>(
        &self,
        reduce: impl for<'a, 'b> FnMut(&'b mut T, T::View<'a>) + Clone + Send + Sync + 'static,
        mut function: impl for<'b, 'c, 'd, 'e> FnMut(
            &'b A::Window,
            T::View<'c>,
            &'d mut Collector<'e, O>,
        ) + Clone
        + Send
        + Sync
        + 'static,
    ) -> SingleOutputStreamOperator<O> {
        in_one_subtask(self.windows.reduce_with(reduce, move |(), window, result, out| {
            function(window, result, out);
        }))
    }

    /// Combines the records of each window into one, which a [`ProcessWindowFunction`] processes.
    pub fn reduce_process<F>(
        &self,
        reduce: impl for<'a, 'b> FnMut(&'b mut T, T::View<'a>) + Clone + Send + Sync + 'static,
        function: F,
    ) -> SingleOutputStreamOperator<F::Out>
    where
        F: ProcessWindowFunction<Key = (), Window = A::Window, In = T>,
    {
        in_one_subtask(self.windows.reduce_process(reduce, function))
    }

    /// Computes an aggregate of each window.
    pub fn aggregate<F>(&self, function: F) -> SingleOutputStreamOperator<F::Output>
    where
        F: AggregateFunction<Input = T> + Sync,
        F::Output: Record,
    {
        in_one_subtask(self.windows.aggregate(function))
    }

    /// Computes an aggregate of each window, which `function` is called with: window, result, and
    /// where to collect.
    pub fn aggregate_with<F, O>(
        &self,
        aggregate: F,
        mut function: impl for<'b, 'c, 'd, 'e> FnMut(
            &'b A::Window,
            <F::Output as Record>::View<'c>,
            &'d mut Collector<'e, O>,
        ) + Clone
        + Send
        + Sync
        + 'static,
    ) -> SingleOutputStreamOperator<O>
    where
        F: AggregateFunction<Input = T> + Sync,
        F::Output: Record,
        O: Record,
    {
        in_one_subtask(self.windows.aggregate_with(aggregate, move |(), window, result, out| {
            function(window, result, out);
        }))
    }

    /// Computes an aggregate of each window, which a [`ProcessWindowFunction`] processes.
    pub fn aggregate_process<F, P>(
        &self,
        aggregate: F,
        function: P,
    ) -> SingleOutputStreamOperator<P::Out>
    where
        F: AggregateFunction<Input = T> + Sync,
        F::Output: Record,
        P: ProcessWindowFunction<Key = (), Window = A::Window, In = F::Output>,
    {
        in_one_subtask(self.windows.aggregate_process(aggregate, function))
    }

    /// Calls a function with each window: window, all its records, and where to collect.
    pub fn apply<O: Record>(
        &self,
        mut function: impl for<'b, 'c, 'd, 'e> FnMut(
            &'b A::Window,
            WindowElements<'c, T>,
            &'d mut Collector<'e, O>,
        ) + Clone
        + Send
        + Sync
        + 'static,
    ) -> SingleOutputStreamOperator<O> {
        in_one_subtask(self.windows.apply(move |(), window, elements, out| {
            function(window, elements, out);
        }))
    }

    /// Processes all records of each window.
    pub fn process<F>(&self, function: F) -> SingleOutputStreamOperator<F::Out>
    where
        F: ProcessWindowFunction<Key = (), Window = A::Window, In = T>,
    {
        in_one_subtask(self.windows.process(function))
    }

    /// Sums a field of each window's records. What goes out has the first record's other fields.
    pub fn sum<F>(&self, field: F) -> SingleOutputStreamOperator<T>
    where
        F: Field<T>,
        F::Type: Numeric,
    {
        in_one_subtask(self.windows.sum(field))
    }

    /// Finds the smallest value of a field in each window. What goes out has the first
    /// record's other fields; [`min_by`](Self::min_by) gives the record with the smallest value.
    pub fn min<F>(&self, field: F) -> SingleOutputStreamOperator<T>
    where
        F: Field<T>,
        for<'a> <F::Type as Record>::View<'a>: PartialOrd,
    {
        in_one_subtask(self.windows.min(field))
    }

    /// Finds the largest value of a field in each window. What goes out has the first
    /// record's other fields; [`max_by`](Self::max_by) gives the record with the largest value.
    pub fn max<F>(&self, field: F) -> SingleOutputStreamOperator<T>
    where
        F: Field<T>,
        for<'a> <F::Type as Record>::View<'a>: PartialOrd,
    {
        in_one_subtask(self.windows.max(field))
    }

    /// Finds the record with the smallest value of a field in each window, of several the first.
    pub fn min_by<F>(&self, field: F) -> SingleOutputStreamOperator<T>
    where
        F: Field<T>,
        for<'a> <F::Type as Record>::View<'a>: PartialOrd,
    {
        in_one_subtask(self.windows.min_by(field))
    }

    /// Finds the record with the largest value of a field in each window, of several the first.
    pub fn max_by<F>(&self, field: F) -> SingleOutputStreamOperator<T>
    where
        F: Field<T>,
        for<'a> <F::Type as Record>::View<'a>: PartialOrd,
    {
        in_one_subtask(self.windows.max_by(field))
    }
}

//! A keyed stream cut into windows.

use std::time::Duration;

use sciurus_core::Record;
use sciurus_core::record::{Field, Numeric};
use sciurus_engine::windowing::assigner::{GlobalWindows, WindowAssigner};
use sciurus_engine::windowing::contents::{
    Aggregate, ColumnExtreme, ColumnSum, Extreme, FieldExtreme, FieldSum, RecordExtreme, Reduce,
};
use sciurus_engine::windowing::output::{
    Accumulated, AggregateResult, Apply, ApplyToResult, PassThrough, Process,
    ProcessWindowFunction, WindowElements,
};
use sciurus_engine::windowing::trigger::{CountTrigger, PurgingTrigger, Trigger};
use sciurus_engine::{Collector, OutputTag};
use sciurus_state::AggregateFunction;

use super::window_operator::WindowSettings;
use super::{KeyedStream, SingleOutputStreamOperator};

impl<T: Record, K: Record> KeyedStream<T, K> {
    /// Cuts the stream into windows, which the assigner assigns records to.
    pub fn window<A: WindowAssigner<T>>(
        &self,
        assigner: A,
    ) -> WindowedStream<T, K, A, A::DefaultTrigger> {
        let settings = WindowSettings {
            trigger: assigner.default_trigger(),
            assigner,
            allowed_lateness: 0,
            late_tag: None,
            last: None,
        };
        WindowedStream { stream: self.clone(), settings }
    }

    /// Cuts the stream into windows of `size` records of a key.
    ///
    /// # Panics
    /// Where `size` is zero.
    pub fn count_window(
        &self,
        size: u64,
    ) -> WindowedStream<T, K, GlobalWindows, PurgingTrigger<CountTrigger>> {
        self.window(GlobalWindows::create()).trigger(PurgingTrigger::of(CountTrigger::of(size)))
    }

    /// Cuts the stream into windows of the last `size` records of a key, one every `slide` records.
    /// The first ones of a key are shorter.
    ///
    /// # Panics
    /// Where `size` or `slide` is zero.
    pub fn count_window_sliding(
        &self,
        size: u64,
        slide: u64,
    ) -> WindowedStream<T, K, GlobalWindows, CountTrigger> {
        assert!(size > 0, "a count window has one record at least");
        let mut windows = self.window(GlobalWindows::create()).trigger(CountTrigger::of(slide));
        windows.settings.last = Some(size as usize);
        windows
    }
}

/// A keyed stream cut into windows: what is computed of each goes out when its trigger fires, with
/// the window's greatest timestamp.
///
/// Windows by time that don't differ from key to key and fire when they do by default are cut into
/// slices, which overlapping windows share: a record costs the same whatever their size and slide.
/// The functions of `reduce` and `aggregate` must then be associative, and what came first is a
/// matter of time first and of arrival second.
pub struct WindowedStream<T: Record, K: Record, A, G> {
    pub(super) stream: KeyedStream<T, K>,
    pub(super) settings: WindowSettings<A, G>,
}

impl<T, K, A, G> WindowedStream<T, K, A, G>
where
    T: Record,
    K: Record,
    A: WindowAssigner<T>,
    G: Trigger<T, A::Window>,
{
    /// Sets what fires the windows.
    ///
    /// # Panics
    /// Where windows are merged and the trigger can't do that.
    #[must_use]
    pub fn trigger<H: Trigger<T, A::Window>>(self, trigger: H) -> WindowedStream<T, K, A, H> {
        let WindowSettings { assigner, allowed_lateness, late_tag, last, .. } = self.settings;
        assert!(
            !assigner.is_merging() || trigger.can_merge(),
            "a merging window assigner cannot be used with a trigger that does not support merging"
        );
        let settings = WindowSettings { assigner, trigger, allowed_lateness, late_tag, last };
        WindowedStream { stream: self.stream, settings }
    }

    /// Keeps windows by event time for so long after their end. A late record that finds its window
    /// fires it again, with all its records.
    #[must_use]
    pub fn allowed_lateness(mut self, lateness: Duration) -> Self {
        self.settings.allowed_lateness = i64::try_from(lateness.as_millis()).unwrap_or(i64::MAX);
        self
    }

    /// Sends records that are too late for all of their windows into a side output, instead of
    /// dropping them.
    #[must_use]
    pub fn side_output_late_data(mut self, tag: &OutputTag<T>) -> Self {
        self.settings.late_tag = Some(tag.id().clone());
        self
    }

    /// Combines the records of each window into one: `reduce(|sum, record| sum.1 += record.1)`. It
    /// starts with the first record; the function puts each further one in.
    pub fn reduce(
        &self,
        function: impl for<'a, 'b> FnMut(&'b mut T, T::View<'a>) + Clone + Send + Sync + 'static,
    ) -> SingleOutputStreamOperator<T> {
        self.incremental("ReduceFunction", Reduce::new(function), Accumulated, PassThrough)
    }

    /// Combines the records of each window into one, which `function` is called with: key, window,
    /// result, and where to collect.
    pub fn reduce_with<O: Record>(
        &self,
        reduce: impl for<'a, 'b> FnMut(&'b mut T, T::View<'a>) + Clone + Send + Sync + 'static,
        function: impl for<'a, 'b, 'c, 'd, 'e> FnMut(
            K::View<'a>,
            &'b A::Window,
            T::View<'c>,
            &'d mut Collector<'e, O>,
        ) + Clone
        + Send
        + Sync
        + 'static,
    ) -> SingleOutputStreamOperator<O> {
        let function = ApplyToResult::new(function);
        self.incremental("ReduceFunction", Reduce::new(reduce), Accumulated, function)
    }

    /// Combines the records of each window into one, which a [`ProcessWindowFunction`] processes.
    pub fn reduce_process<F>(
        &self,
        reduce: impl for<'a, 'b> FnMut(&'b mut T, T::View<'a>) + Clone + Send + Sync + 'static,
        function: F,
    ) -> SingleOutputStreamOperator<F::Out>
    where
        F: ProcessWindowFunction<Key = K, Window = A::Window, In = T>,
    {
        let function = Process::new(function);
        self.incremental("ReduceFunction", Reduce::new(reduce), Accumulated, function)
    }

    /// Computes an aggregate of each window.
    pub fn aggregate<F>(&self, function: F) -> SingleOutputStreamOperator<F::Output>
    where
        F: AggregateFunction<Input = T> + Sync,
        F::Output: Record,
    {
        let result = AggregateResult::new(function.clone());
        self.incremental("AggregateFunction", Aggregate::new(function), result, PassThrough)
    }

    /// Computes an aggregate of each window, which `function` is called with: key, window, result,
    /// and where to collect.
    pub fn aggregate_with<F, O>(
        &self,
        aggregate: F,
        function: impl for<'a, 'b, 'c, 'd, 'e> FnMut(
            K::View<'a>,
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
        let result = AggregateResult::new(aggregate.clone());
        let function = ApplyToResult::new(function);
        self.incremental("AggregateFunction", Aggregate::new(aggregate), result, function)
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
        P: ProcessWindowFunction<Key = K, Window = A::Window, In = F::Output>,
    {
        let result = AggregateResult::new(aggregate.clone());
        let function = Process::new(function);
        self.incremental("AggregateFunction", Aggregate::new(aggregate), result, function)
    }

    /// Calls a function with each window: key, window, all its records, and where to collect.
    pub fn apply<O: Record>(
        &self,
        function: impl for<'a, 'b, 'c, 'd, 'e> FnMut(
            K::View<'a>,
            &'b A::Window,
            WindowElements<'c, T>,
            &'d mut Collector<'e, O>,
        ) + Clone
        + Send
        + Sync
        + 'static,
    ) -> SingleOutputStreamOperator<O> {
        self.full("WindowFunction", Apply::new(function))
    }

    /// Processes all records of each window.
    pub fn process<F>(&self, function: F) -> SingleOutputStreamOperator<F::Out>
    where
        F: ProcessWindowFunction<Key = K, Window = A::Window, In = T>,
    {
        self.full("ProcessWindowFunction", Process::new(function))
    }

    /// Sums a field of each window's records. What goes out has the first record's other fields.
    pub fn sum<F>(&self, field: F) -> SingleOutputStreamOperator<T>
    where
        F: Field<T>,
        F::Type: Numeric,
    {
        const NAME: &str = "SumAggregator";
        self.columnar(NAME, field, ColumnSum::new(field)).unwrap_or_else(|| {
            self.incremental(NAME, FieldSum::new(field), Accumulated, PassThrough)
        })
    }

    /// Finds the smallest value of a field in each window. What goes out has the first
    /// record's other fields; [`min_by`](Self::min_by) gives the record with the smallest value.
    pub fn min<F>(&self, field: F) -> SingleOutputStreamOperator<T>
    where
        F: Field<T>,
        for<'a> <F::Type as Record>::View<'a>: PartialOrd,
    {
        self.extreme(field, Extreme::Min)
    }

    /// Finds the largest value of a field in each window. What goes out has the first
    /// record's other fields; [`max_by`](Self::max_by) gives the record with the largest value.
    pub fn max<F>(&self, field: F) -> SingleOutputStreamOperator<T>
    where
        F: Field<T>,
        for<'a> <F::Type as Record>::View<'a>: PartialOrd,
    {
        self.extreme(field, Extreme::Max)
    }

    /// Finds the record with the smallest value of a field in each window, of several the first.
    pub fn min_by<F>(&self, field: F) -> SingleOutputStreamOperator<T>
    where
        F: Field<T>,
        for<'a> <F::Type as Record>::View<'a>: PartialOrd,
    {
        let contents = RecordExtreme::new(field, Extreme::Min);
        self.incremental("ComparableAggregator", contents, Accumulated, PassThrough)
    }

    /// Finds the record with the largest value of a field in each window, of several the first.
    pub fn max_by<F>(&self, field: F) -> SingleOutputStreamOperator<T>
    where
        F: Field<T>,
        for<'a> <F::Type as Record>::View<'a>: PartialOrd,
    {
        let contents = RecordExtreme::new(field, Extreme::Max);
        self.incremental("ComparableAggregator", contents, Accumulated, PassThrough)
    }

    fn extreme<F>(&self, field: F, extreme: Extreme) -> SingleOutputStreamOperator<T>
    where
        F: Field<T>,
        for<'a> <F::Type as Record>::View<'a>: PartialOrd,
    {
        const NAME: &str = "ComparableAggregator";
        self.columnar(NAME, field, ColumnExtreme::new(field, extreme)).unwrap_or_else(|| {
            let contents = FieldExtreme::new(field, extreme);
            self.incremental(NAME, contents, Accumulated, PassThrough)
        })
    }
}

//! Functions that are called when a window fires.

use std::iter::FusedIterator;
use std::slice;

use sciurus_core::time::Timestamp;
use sciurus_core::{BoxError, Record};

use super::Progress;
use crate::collector::Collector;
use crate::error::{TaskError, TaskResult};
use crate::function::RuntimeContext;
use crate::side_output::{OutputTag, SideOutputs};
use crate::windowing::window::Window;

/// The records of a window that fires, as views: all of them, or the one result of an incremental
/// function.
#[derive(Debug, Clone)]
pub struct WindowElements<'a, T> {
    records: slice::Iter<'a, T>,
}

impl<'a, T> WindowElements<'a, T> {
    /// Borrows records.
    pub fn new(records: &'a [T]) -> Self {
        Self { records: records.iter() }
    }

    /// Returns the records that are left as owned ones.
    pub fn as_slice(&self) -> &'a [T] {
        self.records.as_slice()
    }
}

impl<'a, T: Record> Iterator for WindowElements<'a, T> {
    type Item = T::View<'a>;

    fn next(&mut self) -> Option<T::View<'a>> {
        self.records.next().map(T::view)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.records.size_hint()
    }
}

impl<T: Record> DoubleEndedIterator for WindowElements<'_, T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.records.next_back().map(T::view)
    }
}

impl<T: Record> ExactSizeIterator for WindowElements<'_, T> {}

impl<T: Record> FusedIterator for WindowElements<'_, T> {}

/// What a window function may ask, and its side outputs.
pub struct WindowContext<'a, W> {
    window: &'a W,
    progress: Progress,
    sides: &'a mut SideOutputs,
}

impl<'a, W: Window> WindowContext<'a, W> {
    /// Makes the context of a window.
    pub(super) fn new(window: &'a W, progress: Progress, sides: &'a mut SideOutputs) -> Self {
        Self { window, progress, sides }
    }

    /// Returns the window.
    pub fn window(&self) -> &'a W {
        self.window
    }

    /// Returns the watermark.
    pub fn current_watermark(&self) -> Timestamp {
        self.progress.watermark
    }

    /// Returns processing time, milliseconds since the Unix epoch.
    pub fn current_processing_time(&self) -> Timestamp {
        self.progress.processing_time
    }

    /// Emits a record into the side output `tag`, with the window's greatest timestamp.
    pub fn output<T: Record>(&mut self, tag: &OutputTag<T>, record: T::View<'_>) {
        self.sides.append(tag, record, Some(self.window.max_timestamp()));
    }
}

/// Processes the records of a window when it fires; Flink's `ProcessWindowFunction`.
///
/// Each subtask works with its own clone of the function.
pub trait ProcessWindowFunction: Clone + Send + Sync + 'static {
    /// What the stream is keyed by.
    type Key: Record;
    /// What the windows are.
    type Window: Window;
    /// What is processed: the stream's records, or the results of an incremental function.
    type In: Record;
    /// What is collected.
    type Out: Record;

    /// Gets ready.
    ///
    /// # Errors
    /// Fails the job.
    fn open(&mut self, ctx: &mut RuntimeContext<'_>) -> Result<(), BoxError> {
        let _ = ctx;
        Ok(())
    }

    /// Processes the records of one key and window. A window that fires again is processed again.
    ///
    /// # Errors
    /// Fails the job.
    fn process(
        &mut self,
        key: <Self::Key as Record>::View<'_>,
        ctx: &mut WindowContext<'_, Self::Window>,
        elements: WindowElements<'_, Self::In>,
        out: &mut Collector<'_, Self::Out>,
    ) -> Result<(), BoxError>;

    /// Lets go of what the function holds.
    ///
    /// # Errors
    /// Fails the job.
    fn close(&mut self) -> Result<(), BoxError> {
        Ok(())
    }
}

/// What is done with the elements of a window that fires.
pub trait WindowFunction<K: Record, W: Window, I: Record>: Send {
    /// What is collected.
    type Output: Record;

    /// Whether the function looks at the key; else it is given none.
    const NEEDS_KEY: bool;

    /// Gets ready.
    ///
    /// # Errors
    /// What a user function reports.
    fn open(&mut self, ctx: &mut RuntimeContext<'_>) -> TaskResult {
        let _ = ctx;
        Ok(())
    }

    /// Is called with key, window and elements.
    ///
    /// # Errors
    /// What a user function reports.
    fn process(
        &mut self,
        key: Option<K::View<'_>>,
        ctx: &mut WindowContext<'_, W>,
        elements: &[I],
        out: &mut Collector<'_, Self::Output>,
    ) -> TaskResult;

    /// Lets go of what a user function holds.
    ///
    /// # Errors
    /// What a user function reports.
    fn close(&mut self) -> TaskResult {
        Ok(())
    }
}

const NO_KEY: TaskError = TaskError::Defect("a window function is called without a key");

/// Collects the elements as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct PassThrough;

impl<K: Record, W: Window, I: Record> WindowFunction<K, W, I> for PassThrough {
    type Output = I;

    const NEEDS_KEY: bool = false;

    fn process(
        &mut self,
        _: Option<K::View<'_>>,
        _: &mut WindowContext<'_, W>,
        elements: &[I],
        out: &mut Collector<'_, I>,
    ) -> TaskResult {
        for element in elements {
            out.collect(element.view());
        }
        Ok(())
    }
}

/// Calls a closure with key, window and elements.
#[derive(Debug, Clone)]
pub struct Apply<F, O> {
    function: F,
    output: std::marker::PhantomData<fn() -> O>,
}

impl<F, O> Apply<F, O> {
    /// Calls `function`.
    pub fn new(function: F) -> Self {
        Self { function, output: std::marker::PhantomData }
    }
}

impl<K, W, I, O, F> WindowFunction<K, W, I> for Apply<F, O>
where
    K: Record,
    W: Window,
    I: Record,
    O: Record,
    F: for<'a, 'b, 'c, 'd, 'e> FnMut(
            K::View<'a>,
            &'b W,
            WindowElements<'c, I>,
            &'d mut Collector<'e, O>,
        ) + Send,
{
    type Output = O;

    const NEEDS_KEY: bool = true;

    fn process(
        &mut self,
        key: Option<K::View<'_>>,
        ctx: &mut WindowContext<'_, W>,
        elements: &[I],
        out: &mut Collector<'_, O>,
    ) -> TaskResult {
        (self.function)(key.ok_or(NO_KEY)?, ctx.window(), WindowElements::new(elements), out);
        Ok(())
    }
}

/// Calls a closure with key, window and the one result of an incremental function.
#[derive(Debug, Clone)]
pub struct ApplyToResult<F, O> {
    function: F,
    output: std::marker::PhantomData<fn() -> O>,
}

impl<F, O> ApplyToResult<F, O> {
    /// Calls `function`.
    pub fn new(function: F) -> Self {
        Self { function, output: std::marker::PhantomData }
    }
}

impl<K, W, I, O, F> WindowFunction<K, W, I> for ApplyToResult<F, O>
where
    K: Record,
    W: Window,
    I: Record,
    O: Record,
    F: for<'a, 'b, 'c, 'd, 'e> FnMut(K::View<'a>, &'b W, I::View<'c>, &'d mut Collector<'e, O>)
        + Send,
{
    type Output = O;

    const NEEDS_KEY: bool = true;

    fn process(
        &mut self,
        key: Option<K::View<'_>>,
        ctx: &mut WindowContext<'_, W>,
        elements: &[I],
        out: &mut Collector<'_, O>,
    ) -> TaskResult {
        let key = key.ok_or(NO_KEY)?;
        for result in elements {
            (self.function)(key, ctx.window(), result.view(), out);
        }
        Ok(())
    }
}

/// Calls a [`ProcessWindowFunction`].
#[derive(Debug, Clone)]
pub struct Process<F> {
    function: F,
}

impl<F> Process<F> {
    /// Calls `function`.
    pub fn new(function: F) -> Self {
        Self { function }
    }
}

impl<F: ProcessWindowFunction> WindowFunction<F::Key, F::Window, F::In> for Process<F> {
    type Output = F::Out;

    const NEEDS_KEY: bool = true;

    fn open(&mut self, ctx: &mut RuntimeContext<'_>) -> TaskResult {
        self.function.open(ctx).map_err(TaskError::user)
    }

    fn process(
        &mut self,
        key: Option<<F::Key as Record>::View<'_>>,
        ctx: &mut WindowContext<'_, F::Window>,
        elements: &[F::In],
        out: &mut Collector<'_, F::Out>,
    ) -> TaskResult {
        self.function
            .process(key.ok_or(NO_KEY)?, ctx, WindowElements::new(elements), out)
            .map_err(TaskError::user)
    }

    fn close(&mut self) -> TaskResult {
        self.function.close().map_err(TaskError::user)
    }
}

//! Results that are made row by row.

use arrow_array::ArrayRef;
use sciurus_core::{Columns, Record};

use super::{Progress, Projection, WindowContext, WindowFunction, WindowOutput};
use crate::collector::Emitter;
use crate::error::TaskResult;
use crate::function::RuntimeContext;
use crate::operator::{BatchLimits, OperatorContext};
use crate::output::Output;
use crate::side_output::SideOutputs;
use crate::windowing::window::Window;

/// Calls a function with what each window keeps and collects its results.
pub struct RowOutput<P, F, O: Record> {
    projection: P,
    function: F,
    emitter: Emitter<O>,
    sides: SideOutputs,
}

impl<P, F, O: Record> RowOutput<P, F, O> {
    /// Calls `function` with what `projection` makes of the contents.
    pub fn new(projection: P, function: F, limits: BatchLimits) -> Self {
        let (emitter, sides) = (Emitter::new(limits), SideOutputs::new(limits));
        Self { projection, function, emitter, sides }
    }

    fn call<K, W, A>(
        &mut self,
        key: Option<K::View<'_>>,
        window: &W,
        progress: Progress,
        contents: &A,
        out: &mut Output,
    ) -> TaskResult
    where
        K: Record,
        W: Window,
        P: Projection<A>,
        F: WindowFunction<K, W, P::Item, Output = O>,
    {
        let Self { projection, function, emitter, sides } = self;
        let mut collector = emitter.collector(out);
        collector.set_timestamp(Some(window.max_timestamp()));
        projection.project(contents, |elements| {
            let mut context = WindowContext::new(window, progress, sides);
            function.process(key, &mut context, elements, &mut collector)
        })?;
        sides.emit_full(collector.output())?;
        collector.check()
    }
}

impl<K, W, A, P, F, O> WindowOutput<K, W, A> for RowOutput<P, F, O>
where
    K: Record,
    W: Window,
    P: Projection<A>,
    F: WindowFunction<K, W, P::Item, Output = O>,
    O: Record,
{
    const NEEDS_KEYS: bool = F::NEEDS_KEY;

    fn open(&mut self, context: &OperatorContext) -> TaskResult {
        self.function.open(&mut RuntimeContext::new(context))
    }

    fn emit_keys<'a>(
        &mut self,
        window: &W,
        progress: Progress,
        keys: Option<&ArrayRef>,
        rows: impl Iterator<Item = (bool, &'a A)> + Clone,
        out: &mut Output,
    ) -> TaskResult
    where
        A: 'a,
    {
        let keys = keys.map(K::Columns::from_array).transpose()?;
        let mut rows = rows.enumerate().filter(|(_, (counts, _))| *counts);
        rows.try_for_each(|(row, (_, contents))| {
            let key = keys.as_ref().map(|keys| keys.get(row));
            self.call::<K, W, A>(key, window, progress, contents, out)
        })
    }

    fn emit(
        &mut self,
        key: K::View<'_>,
        window: &W,
        progress: Progress,
        contents: &A,
        out: &mut Output,
    ) -> TaskResult {
        self.call::<K, W, A>(Some(key), window, progress, contents, out)
    }

    fn flush(&mut self, out: &mut Output) -> TaskResult {
        self.emitter.collector(out).finish()?;
        self.sides.flush(out)
    }

    fn close(&mut self) -> TaskResult {
        self.function.close()
    }
}

//! What goes out when a window fires.

mod columns;
mod function;
mod projection;
mod rows;

use arrow_array::ArrayRef;
use sciurus_core::Record;
use sciurus_core::time::Timestamp;

pub use columns::KeyAndValue;
pub use function::{
    Apply, ApplyToResult, PassThrough, Process, ProcessWindowFunction, WindowContext,
    WindowElements, WindowFunction,
};
pub use projection::{Accumulated, AggregateResult, AllElements, Projection, Recomputed};
pub use rows::RowOutput;

use crate::error::TaskResult;
use crate::operator::OperatorContext;
use crate::output::Output;
use crate::windowing::window::Window;

/// How far time has come.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// The watermark.
    pub watermark: Timestamp,
    /// The machine's time.
    pub processing_time: Timestamp,
}

/// Emits the results of windows. They carry the window's greatest timestamp.
pub trait WindowOutput<K: Record, W: Window, A>: Send {
    /// Whether the results depend on the keys.
    const NEEDS_KEYS: bool;

    /// Gets ready.
    ///
    /// # Errors
    /// Whatever a user function reports.
    fn open(&mut self, context: &OperatorContext) -> TaskResult;

    /// Emits the results of one window for several keys: of each row of `keys`, what it has and
    /// whether it counts. `keys` is there where the results depend on them.
    ///
    /// # Errors
    /// What a user function or a receiver reports.
    fn emit_keys<'a>(
        &mut self,
        window: &W,
        progress: Progress,
        keys: Option<&ArrayRef>,
        rows: impl Iterator<Item = (bool, &'a A)> + Clone,
        out: &mut Output,
    ) -> TaskResult
    where
        A: 'a;

    /// Emits the result of a window for one key. It may wait for [`flush`](Self::flush).
    ///
    /// # Errors
    /// What a user function or a receiver reports.
    fn emit(
        &mut self,
        key: K::View<'_>,
        window: &W,
        progress: Progress,
        contents: &A,
        out: &mut Output,
    ) -> TaskResult;

    /// A window has ended for one key.
    ///
    /// # Errors
    /// What a user function reports.
    fn clear(&mut self, key: K::View<'_>, window: &W, progress: Progress) -> TaskResult {
        let _ = (key, window, progress);
        Ok(())
    }

    /// Sends what waits.
    ///
    /// # Errors
    /// What a receiver reports.
    fn flush(&mut self, out: &mut Output) -> TaskResult;

    /// Lets go of what user functions hold.
    ///
    /// # Errors
    /// What a user function reports.
    fn close(&mut self) -> TaskResult;
}

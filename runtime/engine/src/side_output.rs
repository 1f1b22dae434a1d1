//! Side outputs: further outputs of an operator, each of a type of its own.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use sciurus_core::time::Timestamp;
use sciurus_core::{Batch, Record};

use crate::collector::Emitter;
use crate::error::{TaskError, TaskResult};
use crate::operator::BatchLimits;
use crate::output::Output;

/// Names a side output and the type of its records; Flink's `OutputTag`.
///
/// The operator that emits and the stream that reads use the same id. A tag is cheap to clone: a
/// function keeps one.
pub struct OutputTag<T: Record> {
    id: Arc<str>,
    records: PhantomData<fn() -> T>,
}

impl<T: Record> OutputTag<T> {
    /// Makes a tag. Within one operator, an id belongs to one type.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self { id: id.into(), records: PhantomData }
    }

    /// Returns the id.
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }
}

impl<T: Record> Clone for OutputTag<T> {
    fn clone(&self) -> Self {
        Self { id: self.id.clone(), records: PhantomData }
    }
}

impl<T: Record> fmt::Debug for OutputTag<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OutputTag").field(&self.id).finish()
    }
}

/// Builds the batches of an operator's side outputs.
///
/// Rows gather here while a user function also holds the operator's output; the operator sends
/// what is full after each call and the rest at the end of a batch.
pub struct SideOutputs {
    limits: BatchLimits,
    sides: Vec<Side>,
    full: Vec<(Arc<str>, Batch)>,
    failure: Option<TaskError>,
}

struct Side {
    id: Arc<str>,
    emitter: Box<dyn AnyEmitter>,
}

/// An [`Emitter`] of whatever type.
trait AnyEmitter: Any + Send {
    fn is_empty(&self) -> bool;
    fn take(&mut self) -> TaskResult<Batch>;
}

impl<T: Record> AnyEmitter for Emitter<T> {
    fn is_empty(&self) -> bool {
        Emitter::is_empty(self)
    }

    fn take(&mut self) -> TaskResult<Batch> {
        Emitter::take(self)
    }
}

impl SideOutputs {
    /// Makes side outputs whose batches keep to `limits`.
    pub fn new(limits: BatchLimits) -> Self {
        Self { limits, sides: Vec::new(), full: Vec::new(), failure: None }
    }

    /// Appends a record to the side output `tag`.
    pub fn append<T: Record>(
        &mut self,
        tag: &OutputTag<T>,
        record: T::View<'_>,
        timestamp: Option<Timestamp>,
    ) {
        let known = self.sides.iter().position(|side| is_same(&side.id, &tag.id));
        let place = known.unwrap_or_else(|| {
            let emitter = Box::new(Emitter::<T>::new(self.limits));
            self.sides.push(Side { id: tag.id.clone(), emitter });
            self.sides.len() - 1
        });
        let side = &mut self.sides[place];
        let emitter: &mut dyn Any = side.emitter.as_mut();
        let Some(emitter) = emitter.downcast_mut::<Emitter<T>>() else {
            self.failure.get_or_insert_with(|| TaskError::SideOutputType { id: tag.id.clone() });
            return;
        };
        if emitter.append(record, timestamp) {
            match emitter.take() {
                Ok(batch) => self.full.push((side.id.clone(), batch)),
                Err(error) => {
                    self.failure.get_or_insert(error);
                }
            }
        }
    }

    /// Emits the batches that are full.
    ///
    /// # Errors
    /// What the receivers report; [`TaskError::SideOutputType`] where one tag was used for two
    /// types.
    #[inline]
    pub fn emit_full(&mut self, output: &mut Output) -> TaskResult {
        if self.full.is_empty() && self.failure.is_none() {
            return Ok(());
        }
        self.emit_queued(output)
    }

    /// Emits all that was appended.
    ///
    /// # Errors
    /// As [`emit_full`](Self::emit_full).
    pub fn flush(&mut self, output: &mut Output) -> TaskResult {
        for side in &mut self.sides {
            if !side.emitter.is_empty() {
                self.full.push((side.id.clone(), side.emitter.take()?));
            }
        }
        self.emit_full(output)
    }

    #[cold]
    fn emit_queued(&mut self, output: &mut Output) -> TaskResult {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        self.full.drain(..).try_for_each(|(id, batch)| output.emit_side(&id, batch))
    }
}

/// Most often the very same tag was used before.
fn is_same(one: &Arc<str>, other: &Arc<str>) -> bool {
    Arc::ptr_eq(one, other) || one == other
}

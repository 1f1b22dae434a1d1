//! Where user functions put their results.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use sciurus_core::time::Timestamp;
use sciurus_core::{Batch, Builder, Record};

use crate::error::{TaskError, TaskResult};
use crate::operator::BatchLimits;
use crate::output::Output;

/// How many rows are appended between two looks at their bytes.
const ROWS_BETWEEN_SIZE_CHECKS: usize = 64;

/// Builds the batches of one output; owned by its operator, lent to user functions as a
/// [`Collector`].
pub struct Emitter<T: Record> {
    builder: T::Builder,
    timestamps: Vec<Timestamp>,
    schema: SchemaRef,
    limits: BatchLimits,
    rows: usize,
}

impl<T: Record> Emitter<T> {
    /// Makes an emitter whose batches keep to `limits`.
    pub fn new(limits: BatchLimits) -> Self {
        Self {
            builder: T::Builder::with_capacity(limits.max_rows),
            timestamps: Vec::new(),
            schema: Arc::new(Schema::new(T::fields())),
            limits,
            rows: 0,
        }
    }

    /// Lends the emitter to a user function.
    pub fn collector<'a>(&'a mut self, output: &'a mut Output) -> Collector<'a, T> {
        Collector { emitter: self, output, timestamp: None, side: None, failure: None }
    }

    /// Appends a row and returns whether the batch is full.
    #[inline]
    pub fn append(&mut self, record: T::View<'_>, timestamp: Option<Timestamp>) -> bool {
        self.builder.append(record);
        if let Some(timestamp) = timestamp {
            self.timestamps.push(timestamp);
        }
        self.rows += 1;
        self.rows >= self.limits.max_rows
            || (self.rows.is_multiple_of(ROWS_BETWEEN_SIZE_CHECKS)
                && self.builder.bytes() >= self.limits.max_bytes)
    }

    /// Returns whether no row was collected since the last batch.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Takes the rows collected so far as a batch.
    ///
    /// # Errors
    /// [`TaskError::Defect`] where the columns don't fit together.
    pub fn take(&mut self) -> TaskResult<Batch> {
        let rows = std::mem::take(&mut self.rows);
        let columns = self.builder.finish_columns();
        let records = RecordBatch::try_new(self.schema.clone(), columns)
            .map_err(|_| TaskError::Defect("a builder's columns don't fit its record type"))?;
        let timestamps = if self.timestamps.len() == rows && rows > 0 {
            Some(std::mem::take(&mut self.timestamps).into())
        } else {
            self.timestamps.clear();
            None
        };
        Ok(Batch::new(records).with_timestamps(timestamps))
    }
}

/// Takes the results of a user function.
///
/// Results carry the timestamp of the record they were made for.
pub struct Collector<'a, T: Record> {
    emitter: &'a mut Emitter<T>,
    output: &'a mut Output,
    timestamp: Option<Timestamp>,
    side: Option<&'a str>,
    failure: Option<TaskError>,
}

impl<'a, T: Record> Collector<'a, T> {
    /// Sends the results into the side output `tag` instead.
    #[must_use]
    pub fn into_side(mut self, tag: &'a str) -> Self {
        self.side = Some(tag);
        self
    }

    /// Sets the timestamp of what is collected from now on.
    #[inline]
    pub fn set_timestamp(&mut self, timestamp: Option<Timestamp>) {
        self.timestamp = timestamp;
    }

    /// Emits a record, given as a view of it: `&str` for `String`, a tuple of views for tuples.
    #[inline]
    pub fn collect(&mut self, record: T::View<'_>) {
        if self.emitter.append(record, self.timestamp) {
            self.flush();
        }
    }

    /// Emits an owned record.
    #[inline]
    pub fn collect_owned(&mut self, record: &T) {
        self.collect(record.view());
    }

    /// Returns the output behind this collector, for other outputs of the same operator.
    pub fn output(&mut self) -> &mut Output {
        self.output
    }

    #[cold]
    fn flush(&mut self) {
        if let Err(error) = self.try_flush() {
            self.failure.get_or_insert(error);
        }
    }

    fn try_flush(&mut self) -> TaskResult {
        if self.emitter.rows == 0 {
            return Ok(());
        }
        let batch = self.emitter.take()?;
        if self.failure.is_some() {
            return Ok(());
        }
        match self.side {
            None => self.output.emit(batch),
            Some(tag) => self.output.emit_side(tag, batch),
        }
    }

    /// Fails where emitting has failed: what is collected since is lost.
    ///
    /// # Errors
    /// What the receivers reported.
    #[inline]
    pub fn check(&mut self) -> TaskResult {
        match self.failure.take() {
            None => Ok(()),
            Some(error) => Err(error),
        }
    }

    /// Emits what was collected and is not out yet.
    ///
    /// # Errors
    /// What the receivers report.
    pub fn finish(mut self) -> TaskResult {
        self.check()?;
        self.try_flush()
    }
}

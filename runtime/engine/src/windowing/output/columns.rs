//! Results that are put together column by column.

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, RecordBatch, StructArray};
use arrow_buffer::ScalarBuffer;
use arrow_schema::SchemaRef;
use sciurus_core::time::Timestamp;
use sciurus_core::{Batch, Builder, Record};

use super::{Progress, WindowOutput};
use crate::error::{TaskError, TaskResult};
use crate::operator::{BatchLimits, OperatorContext};
use crate::output::Output;
use crate::windowing::window::Window;

/// Emits records that are nothing but the fields of the key and one other, which is the window's
/// accumulator: the column of keys goes out as it is, shared with what else refers to it.
pub struct KeyAndValue<K: Record, V: Record> {
    schema: SchemaRef,
    /// Where the key's fields are among the record's.
    key_columns: Vec<usize>,
    limits: BatchLimits,
    /// As many times the same timestamp as were needed so far.
    timestamps: ScalarBuffer<Timestamp>,
    waiting: Waiting<K, V>,
}

/// Results that came one by one.
struct Waiting<K: Record, V: Record> {
    keys: K::Builder,
    values: V::Builder,
    timestamps: Vec<Timestamp>,
}

impl<K: Record, V: Record> KeyAndValue<K, V> {
    /// Makes the output of records with the columns of `schema`, of which `key_columns` are the
    /// key's, in the order of its fields, and the only other one holds the accumulator.
    pub fn new(schema: SchemaRef, key_columns: Vec<usize>, limits: BatchLimits) -> Self {
        let (keys, values) = (K::Builder::with_capacity(0), V::Builder::with_capacity(0));
        let waiting = Waiting { keys, values, timestamps: Vec::new() };
        let timestamps = ScalarBuffer::from(Vec::new());
        Self { schema, key_columns, limits, timestamps, waiting }
    }

    fn assemble(&self, keys: &ArrayRef, values: ArrayRef) -> TaskResult<Batch> {
        let mut columns = vec![values; self.schema.fields().len()];
        let keys = match keys.as_struct_opt().map(StructArray::columns) {
            Some(fields) if self.key_columns.len() > 1 => fields,
            _ => std::slice::from_ref(keys),
        };
        for (place, key) in self.key_columns.iter().zip(keys) {
            columns[*place] = key.clone();
        }
        RecordBatch::try_new(self.schema.clone(), columns)
            .map(Batch::new)
            .map_err(|_| TaskError::Defect("a window's columns don't fit its records"))
    }

    fn timestamps(&mut self, timestamp: Timestamp, rows: usize) -> ScalarBuffer<Timestamp> {
        if self.timestamps.len() < rows || self.timestamps.first() != Some(&timestamp) {
            let rows = rows.max(self.timestamps.len());
            self.timestamps = vec![timestamp; rows].into();
        }
        self.timestamps.slice(0, rows)
    }
}

impl<K: Record, W: Window, V: Record> WindowOutput<K, W, V> for KeyAndValue<K, V> {
    const NEEDS_KEYS: bool = true;

    fn open(&mut self, _: &OperatorContext) -> TaskResult {
        Ok(())
    }

    fn emit_keys<'a>(
        &mut self,
        window: &W,
        _: Progress,
        keys: Option<&ArrayRef>,
        rows: impl Iterator<Item = (bool, &'a V)> + Clone,
        out: &mut Output,
    ) -> TaskResult
    where
        V: 'a,
    {
        let keys = keys.ok_or(TaskError::Defect("a window's results are emitted without keys"))?;
        WindowOutput::<K, W, V>::flush(self, out)?;
        let len = keys.len();
        let mut values = V::Builder::with_capacity(len);
        rows.clone().take(len).for_each(|(_, value)| values.append(value.view()));
        // Without a branch: which keys have left the window follows no pattern.
        let mut selection = vec![0; len];
        let mut selected = 0;
        for (row, (counts, _)) in rows.take(len).enumerate() {
            selection[selected] = row as u32;
            selected += usize::from(counts);
        }
        if selected == 0 {
            return Ok(());
        }
        selection.truncate(selected);
        let timestamps = self.timestamps(window.max_timestamp(), len);
        let batch = self.assemble(keys, values.finish())?.with_timestamps(Some(timestamps));
        let all = selected == len;
        out.emit(if all { batch } else { batch.with_selection(selection.into()) })
    }

    fn emit(
        &mut self,
        key: K::View<'_>,
        window: &W,
        _: Progress,
        value: &V,
        out: &mut Output,
    ) -> TaskResult {
        self.waiting.keys.append(key);
        self.waiting.values.append(value.view());
        self.waiting.timestamps.push(window.max_timestamp());
        if self.waiting.values.len() >= self.limits.max_rows {
            return WindowOutput::<K, W, V>::flush(self, out);
        }
        Ok(())
    }

    fn flush(&mut self, out: &mut Output) -> TaskResult {
        if self.waiting.values.is_empty() {
            return Ok(());
        }
        let keys = self.waiting.keys.finish();
        let values = self.waiting.values.finish();
        let timestamps = std::mem::take(&mut self.waiting.timestamps);
        out.emit(self.assemble(&keys, values)?.with_timestamps(Some(timestamps.into())))
    }

    fn close(&mut self) -> TaskResult {
        Ok(())
    }
}

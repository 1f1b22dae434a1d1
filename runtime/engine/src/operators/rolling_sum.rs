//! Running sums of one field per key, where the record is nothing but key and field.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, PrimitiveArray, RecordBatch, StructArray};
use arrow_schema::SchemaRef;
use sciurus_core::key::KeyBytesBuilder;
use sciurus_core::record::{Numeric, Primitive};
use sciurus_core::{Batch, Record};
use sciurus_state::{KeyedBackend, KeyedStateBackend, Namespace, Slot, StateId, ValueColumn};

use crate::checkpoint::SnapshotContext;
use crate::error::{TaskError, TaskResult};
use crate::exchange::{KeyExtractor, keys_of};
use crate::operator::{Operator, OperatorContext};
use crate::output::Output;

const DEFECT: TaskError = TaskError::Defect("a rolling sum's columns don't fit its records");

/// Sums a field per key and emits each record with the sum so far, in batch execution one record
/// per key with the final sum.
///
/// All fields but the summed one are the key's, so that the output shares the input's columns and
/// replaces just one: no row is copied.
pub struct RollingSum<K: Record, N: Numeric> {
    schema: SchemaRef,
    /// Where the key's fields are among the record's.
    key_columns: Vec<usize>,
    /// Where the summed field is among the record's.
    sum_column: usize,
    extractor: Box<dyn KeyExtractor>,
    /// The backend and the state in it that the sums are, once opened.
    state: Option<(KeyedBackend, StateId)>,
    slots: Vec<Slot>,
    batch_mode: bool,
    max_rows: usize,
    types: std::marker::PhantomData<fn() -> (K, N)>,
}

impl<K: Record, N: Numeric> RollingSum<K, N> {
    /// Makes the operator of one subtask for records with the columns of `schema`.
    pub fn new(
        schema: SchemaRef,
        key_columns: Vec<usize>,
        sum_column: usize,
        extractor: Box<dyn KeyExtractor>,
        context: &OperatorContext,
    ) -> Self {
        Self {
            schema,
            key_columns,
            sum_column,
            extractor,
            state: None,
            slots: Vec::new(),
            batch_mode: context.batch_mode,
            max_rows: context.limits.max_rows,
            types: std::marker::PhantomData,
        }
    }

    /// Puts the columns of keys and sums in their places.
    fn assemble(&self, keys: &ArrayRef, sums: Vec<N>) -> TaskResult<RecordBatch> {
        let sums: ArrayRef =
            Arc::new(PrimitiveArray::<<N as Primitive>::Arrow>::new(sums.into(), None));
        let keys = match (self.key_columns.len(), keys.as_struct_opt().map(StructArray::columns)) {
            (1, _) | (_, None) => std::slice::from_ref(keys),
            (_, Some(columns)) => columns,
        };
        let mut columns = vec![sums; self.schema.fields().len()];
        for (place, key) in self.key_columns.iter().zip(keys) {
            columns[*place] = key.clone();
        }
        RecordBatch::try_new(self.schema.clone(), columns).map_err(|_| DEFECT)
    }
}

/// Adds the value of each row to the sum in the row's slot and emits the sum. A loop whose turns
/// wait for nothing but their own slot, so that many accesses to memory are under way at once.
#[inline]
fn accumulate<N: Numeric>(
    state: &mut ValueColumn<'_, N>,
    slots: &[Slot],
    rows: impl Iterator<Item = usize>,
    values: &[N],
    mut emit: impl FnMut(usize, N),
) {
    for (slot, row) in slots.iter().zip(rows) {
        let sum = state.slot_mut(*slot);
        let total = sum.unwrap_or_default().add(values[row]);
        *sum = Some(total);
        emit(row, total);
    }
}

impl<K: Record, N: Numeric> Operator for RollingSum<K, N> {
    fn open(&mut self, context: &OperatorContext) -> TaskResult {
        let mut backend = context.keyed_backend()?;
        let sums = backend.register_value::<N>(&"sum".into(), None)?;
        self.state = Some((backend, sums));
        Ok(())
    }

    fn process_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> TaskResult {
        let (backend, id) = self.state.as_mut().ok_or(TaskError::NOT_OPENED)?;
        let keys = keys_of(&batch, self.extractor.as_mut())?;
        let selection = batch.selection().map(|selection| &selection[..]);
        let slots = &mut self.slots;
        backend.resolve(Namespace::VOID, &keys.bytes, &keys.hashes, selection, slots)?;
        let values = batch
            .records()
            .column(self.sum_column)
            .as_primitive_opt::<<N as Primitive>::Arrow>()
            .ok_or(TaskError::Defect("the summed column is of another type"))?
            .values()
            .clone();
        let mut state = backend.value_column::<N>(*id, Namespace::VOID)?;
        if self.batch_mode {
            match selection {
                None => accumulate(&mut state, slots, 0..values.len(), &values, |_, _| ()),
                Some(rows) => {
                    let rows = rows.iter().map(|row| *row as usize);
                    accumulate(&mut state, slots, rows, &values, |_, _| ());
                }
            }
            return Ok(backend.finish_batch()?);
        }
        let mut sums = vec![N::default(); values.len()];
        let emit = |row: usize, sum| sums[row] = sum;
        match selection {
            None => accumulate(&mut state, slots, 0..values.len(), &values, emit),
            Some(rows) => {
                let rows = rows.iter().map(|row| *row as usize);
                accumulate(&mut state, slots, rows, &values, emit);
            }
        }
        backend.finish_batch()?;
        let mut columns = batch.records().columns().to_vec();
        columns[self.sum_column] =
            Arc::new(PrimitiveArray::<<N as Primitive>::Arrow>::new(sums.into(), None));
        let records =
            RecordBatch::try_new(batch.records().schema(), columns).map_err(|_| DEFECT)?;
        out.emit(batch.with_records(records))
    }

    fn finish(&mut self, out: &mut Output) -> TaskResult {
        if !self.batch_mode {
            return Ok(());
        }
        let (backend, id) = self.state.as_mut().ok_or(TaskError::NOT_OPENED)?;
        let mut keys = KeyBytesBuilder::default();
        let mut sums = Vec::with_capacity(self.max_rows);
        let mut finished = Vec::new();
        let max_rows = self.max_rows;
        backend.for_each_value::<N>(*id, Namespace::VOID, |key, _, sum| {
            keys.push(key);
            sums.push(*sum);
            if sums.len() == max_rows {
                let keys = std::mem::take(&mut keys).finish();
                finished.push((keys, std::mem::take(&mut sums)));
            }
        })?;
        finished.push((keys.finish(), sums));
        // They go out once, also where the operator is restored behind this.
        backend.drop_namespace(Namespace::VOID)?;
        for (keys, sums) in finished {
            out.emit(Batch::new(self.assemble(&K::key_column(&keys)?, sums)?))?;
        }
        Ok(())
    }

    fn snapshot(&mut self, snapshot: &mut SnapshotContext<'_>, _: &mut Output) -> TaskResult {
        let (backend, _) = self.state.as_mut().ok_or(TaskError::NOT_OPENED)?;
        snapshot.keyed = Some(backend.snapshot());
        Ok(())
    }
}

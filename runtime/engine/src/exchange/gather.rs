//! Copies the rows that count out of batches, so that the others' memory is free.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::ByteViewType;
use arrow_array::{
    Array, ArrayRef, GenericByteViewArray, ListArray, RecordBatch, StructArray, UInt32Array,
};
use arrow_buffer::Buffer;
use arrow_schema::DataType;
use arrow_select::concat::concat_batches;
use arrow_select::take::take_record_batch;
use sciurus_core::Batch;

use crate::error::{TaskError, TaskResult};

const DEFECT: TaskError = TaskError::Defect("the rows of a batch cannot be copied");

/// Copies the rows that count of several batches, whose columns are alike, together.
///
/// Keys are left behind: whoever reads them can compute them from the rows.
pub(super) fn gather(batches: &[Batch]) -> TaskResult<Batch> {
    let mut records = Vec::with_capacity(batches.len());
    let mut timestamps = Vec::new();
    let mut timed = true;
    for batch in batches {
        records.push(rows_of(batch)?);
        match batch.timestamps() {
            Some(times) => batch.for_each(|row| timestamps.push(times[row])),
            None => timed = false,
        }
    }
    let records = match records.as_slice() {
        [records] => records.clone(),
        several => {
            let schema = several.first().ok_or(DEFECT)?.schema();
            concat_batches(&schema, several).map_err(|_| DEFECT)?
        }
    };
    Ok(Batch::new(let_go(&records)?).with_timestamps(timed.then(|| timestamps.into())))
}

/// Returns the batch, whose rows all count, with what its views point to copied where most of that
/// belongs to rows of other batches.
pub(super) fn let_go_of_much(batch: &Batch) -> TaskResult<Batch> {
    if !batch.records().columns().iter().any(holds_much) {
        return Ok(batch.clone());
    }
    let records = let_go(batch.records())?;
    Ok(Batch::new(records).with_timestamps(batch.timestamps().cloned()))
}

/// Returns whether most of what a column's views point to isn't theirs.
fn holds_much(column: &ArrayRef) -> bool {
    match column.data_type() {
        DataType::Utf8View => is_mostly_unused(column.as_string_view()),
        DataType::BinaryView => is_mostly_unused(column.as_binary_view()),
        DataType::Struct(_) => column.as_struct().columns().iter().any(holds_much),
        DataType::List(_) => holds_much(column.as_list::<i32>().values()),
        _ => false,
    }
}

fn is_mostly_unused<T: ByteViewType>(column: &GenericByteViewArray<T>) -> bool {
    let held: usize = column.data_buffers().iter().map(Buffer::len).sum();
    held > 0 && held / 2 > column.total_buffer_bytes_used()
}

fn rows_of(batch: &Batch) -> TaskResult<RecordBatch> {
    match batch.selection() {
        None => Ok(batch.records().clone()),
        Some(selection) => {
            let rows = UInt32Array::new(selection.clone(), None);
            take_record_batch(batch.records(), &rows).map_err(|_| DEFECT)
        }
    }
}

/// Copies what views point to: they share it with all rows of the batches that they come from.
fn let_go(records: &RecordBatch) -> TaskResult<RecordBatch> {
    let columns = records.columns().iter().map(let_go_of_column).collect();
    RecordBatch::try_new(records.schema(), columns).map_err(|_| DEFECT)
}

fn let_go_of_column(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Utf8View if !column.as_string_view().data_buffers().is_empty() => {
            Arc::new(column.as_string_view().gc())
        }
        DataType::BinaryView if !column.as_binary_view().data_buffers().is_empty() => {
            Arc::new(column.as_binary_view().gc())
        }
        DataType::Struct(fields) => {
            let parts = column.as_struct();
            let columns = parts.columns().iter().map(let_go_of_column).collect();
            let copied = StructArray::try_new(fields.clone(), columns, parts.nulls().cloned());
            copied.map_or_else(|_| column.clone(), |copied| Arc::new(copied))
        }
        DataType::List(field) => {
            let lists = column.as_list::<i32>();
            let values = let_go_of_column(lists.values());
            let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
            let copied = ListArray::try_new(field.clone(), offsets, values, nulls);
            copied.map_or_else(|_| column.clone(), |copied| Arc::new(copied))
        }
        _ => column.clone(),
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{Int64Array, StringViewArray};
    use arrow_schema::{Field, Schema};

    use super::*;

    fn batch(rows: i64) -> Batch {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
        let texts = (0..rows).map(|n| format!("a text that is not short: {n}"));
        let texts: ArrayRef = Arc::new(StringViewArray::from_iter_values(texts));
        let parts = vec![Arc::new(Field::new("text", DataType::Utf8View, false))];
        let nested = StructArray::new(parts.into(), vec![texts.clone()], None);
        let fields = vec![
            Field::new("number", DataType::Int64, false),
            Field::new("text", DataType::Utf8View, false),
            Field::new("nested", nested.data_type().clone(), false),
        ];
        let schema = Arc::new(Schema::new(fields));
        let columns = vec![numbers, texts, Arc::new(nested)];
        let timestamps = (0..rows).map(|n| n * 10).collect::<Vec<_>>();
        Batch::new(RecordBatch::try_new(schema, columns).unwrap())
            .with_timestamps(Some(timestamps.into()))
    }

    #[test]
    fn only_the_rows_that_count_are_kept() {
        let large = batch(10_000);
        let one = |row: usize| large.slice(row, 1);
        let gathered = gather(&[one(7), one(4_000), batch(2)]).unwrap();
        assert_eq!(gathered.len(), 4);
        assert_eq!(gathered.timestamps().unwrap().as_ref(), [70, 40_000, 0, 10]);
        let columns = gathered.records().columns();
        let texts: Vec<_> = columns[1].as_string_view().iter().flatten().collect();
        assert_eq!(texts[1], "a text that is not short: 4000");
        let nested = columns[2].as_struct().column(0).as_string_view();
        assert_eq!(nested.value(0), "a text that is not short: 7");
        assert!(gathered.bytes() < 1_000, "{} bytes for four rows", gathered.bytes());
    }
}

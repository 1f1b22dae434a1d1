//! What every record type has to keep, whatever it is made of.

use std::fmt::Debug;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::Schema;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use sciurus_core::record::{Builder, Columns, Record};

/// Runs the whole suite on random records.
pub fn check<T: Record + Debug + PartialEq>(record: impl Strategy<Value = T>) {
    let config = ProptestConfig { cases: 64, ..ProptestConfig::default() };
    let rows = vec(record, 0..40);
    let mut runner = TestRunner::new(config);
    runner
        .run(&(rows, 0..64_usize, vec(any::<u8>(), 0..64)), |(rows, capacity, noise)| {
            columns_hold_what_was_appended(&rows, capacity);
            hidden_rows_take_their_place(&rows);
            slices_show_their_rows(&rows);
            keys_are_the_same_by_row_and_by_column(&rows);
            for row in &rows {
                the_row_form_reads_back(row);
                the_key_form_reads_back(row);
                damaged_bytes_are_an_error_or_a_record(row, &noise);
            }
            let _ = T::decode(&mut noise.as_slice());
            let _ = T::decode_key(&noise);
            Ok(())
        })
        .unwrap();
}

fn encoded<T: Record>(view: T::View<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    T::encode(view, &mut bytes);
    bytes
}

fn encoded_key<T: Record>(view: T::View<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    T::encode_key(view, &mut bytes);
    bytes
}

fn column<T: Record>(rows: &[T]) -> ArrayRef {
    let mut builder = T::Builder::with_capacity(rows.len());
    for row in rows {
        builder.append(row.view());
    }
    builder.finish()
}

fn assert_holds<T: Record + Debug + PartialEq>(columns: &T::Columns, rows: &[T]) {
    assert_eq!(columns.len(), rows.len());
    assert_eq!(columns.is_empty(), rows.is_empty());
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(columns.get(index), row.view());
        assert_eq!(&T::from_view(columns.get(index)), row);
    }
}

fn columns_hold_what_was_appended<T: Record + Debug + PartialEq>(rows: &[T], capacity: usize) {
    let mut builder = T::Builder::with_capacity(capacity);
    // Twice, as a builder starts anew after each finish; the second time from views of columns.
    for row in rows {
        builder.append(row.view());
    }
    assert_eq!(builder.len(), rows.len());
    let schema = Schema::new(T::fields());
    let first = RecordBatch::try_new(schema.into(), builder.finish_columns()).unwrap();
    assert_eq!((builder.len(), builder.is_empty()), (0, true));
    let columns = T::Columns::from_columns(first.columns()).unwrap();
    assert_holds(&columns, rows);

    for row in 0..rows.len() {
        builder.append(columns.get(row));
    }
    let second = builder.finish();
    assert_eq!(second.data_type(), &T::data_type());
    assert_holds(&T::Columns::from_array(&second).unwrap(), rows);
}

fn hidden_rows_take_their_place<T: Record + Debug + PartialEq>(rows: &[T]) {
    let mut builder = T::Builder::with_capacity(0);
    for row in rows {
        builder.append_hidden();
        builder.append(row.view());
    }
    assert_eq!(builder.len(), 2 * rows.len());
    let columns = T::Columns::from_array(&builder.finish()).unwrap();
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(columns.get(2 * index + 1), row.view());
    }
}

fn slices_show_their_rows<T: Record + Debug + PartialEq>(rows: &[T]) {
    let array = column(rows);
    let start = rows.len() / 3;
    let len = rows.len() / 2;
    let columns = T::Columns::from_array(&array.slice(start, len)).unwrap();
    assert_holds(&columns, &rows[start..start + len]);
    assert_keys::<T>(&columns);
}

fn keys_are_the_same_by_row_and_by_column<T: Record>(rows: &[T]) {
    assert_keys::<T>(&T::Columns::from_array(&column(rows)).unwrap());
}

fn assert_keys<T: Record>(columns: &T::Columns) {
    let keys = T::key_bytes(columns);
    assert_eq!(keys.len(), columns.len());
    let hashes = keys.hashes();
    let column = T::Columns::from_array(&T::key_column(&keys).unwrap()).unwrap();
    assert_eq!(column.len(), columns.len());
    for row in 0..columns.len() {
        let key = encoded_key::<T>(columns.get(row));
        assert_eq!(keys.get(row), key);
        assert_eq!(encoded_key::<T>(column.get(row)), key);
        assert_eq!(hashes[row], sciurus_core::key::hash_key(&key));
    }
}

fn the_row_form_reads_back<T: Record + Debug + PartialEq>(row: &T) {
    let mut bytes = encoded::<T>(row.view());
    assert!(!bytes.is_empty(), "a row takes one byte at least");
    for len in 0..bytes.len() {
        assert!(T::decode(&mut &bytes[..len]).is_err(), "cut to {len} of {} bytes", bytes.len());
    }
    bytes.extend_from_slice(b"next");
    let mut input = bytes.as_slice();
    assert_eq!(&T::decode(&mut input).unwrap(), row);
    assert_eq!(input, b"next");
}

fn the_key_form_reads_back<T: Record + Debug + PartialEq>(row: &T) {
    assert_eq!(&T::decode_key(&encoded_key::<T>(row.view())).unwrap(), row);
}

/// Overwrites bytes of a valid row: what comes out is an error or a record, never a panic.
fn damaged_bytes_are_an_error_or_a_record<T: Record>(row: &T, noise: &[u8]) {
    let valid = encoded::<T>(row.view());
    for (place, byte) in noise.iter().enumerate() {
        let mut bytes = valid.clone();
        let place = place * 7 % bytes.len();
        bytes[place] = *byte;
        if let Ok(record) = T::decode(&mut bytes.as_slice()) {
            let _ = encoded::<T>(record.view());
        }
        let _ = T::decode_key(&bytes);
    }
}

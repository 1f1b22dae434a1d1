//! What data travels as: an Arrow record batch, which of its rows count, their timestamps and keys.

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_buffer::{Buffer, ScalarBuffer};
use arrow_schema::DataType;

use crate::key::Keys;
use crate::record::{Columns, Record, SchemaMismatch};
use crate::time::Timestamp;

/// Rows on their way between two operators.
///
/// A filter or a partitioner doesn't copy rows: it narrows the selection, and the columns are
/// shared. Physical rows are the record batch's, logical rows the selected ones.
#[derive(Debug, Clone)]
pub struct Batch {
    records: RecordBatch,
    selection: Option<ScalarBuffer<u32>>,
    timestamps: Option<ScalarBuffer<Timestamp>>,
    keys: Option<Keys>,
}

impl Batch {
    /// Makes a batch in which all rows of `records` count, without timestamps.
    pub fn new(records: RecordBatch) -> Self {
        Self { records, selection: None, timestamps: None, keys: None }
    }

    /// Sets the event timestamps.
    ///
    /// # Panics
    /// Where there isn't one for each physical row.
    #[must_use]
    pub fn with_timestamps(mut self, timestamps: Option<ScalarBuffer<Timestamp>>) -> Self {
        if let Some(timestamps) = &timestamps {
            assert_eq!(timestamps.len(), self.records.num_rows(), "one timestamp a row");
        }
        self.timestamps = timestamps;
        self
    }

    /// Sets which physical rows count, in ascending order.
    #[must_use]
    pub fn with_selection(mut self, selection: ScalarBuffer<u32>) -> Self {
        self.selection = Some(selection);
        self
    }

    /// Sets the keys.
    #[must_use]
    pub fn with_keys(mut self, keys: Option<Keys>) -> Self {
        self.keys = keys;
        self
    }

    /// Sets other columns for the same rows; selection and timestamps stay, keys go.
    ///
    /// # Panics
    /// Where the number of physical rows differs.
    #[must_use]
    pub fn with_records(mut self, records: RecordBatch) -> Self {
        assert_eq!(records.num_rows(), self.records.num_rows(), "the same rows");
        self.records = records;
        self.keys = None;
        self
    }

    /// Returns the columns.
    pub fn records(&self) -> &RecordBatch {
        &self.records
    }

    /// Returns which physical rows count, in ascending order; `None` where all do.
    pub fn selection(&self) -> Option<&ScalarBuffer<u32>> {
        self.selection.as_ref()
    }

    /// Returns the event timestamps, one a physical row.
    pub fn timestamps(&self) -> Option<&ScalarBuffer<Timestamp>> {
        self.timestamps.as_ref()
    }

    /// Returns the keys, one a physical row.
    pub fn keys(&self) -> Option<&Keys> {
        self.keys.as_ref()
    }

    /// Returns the number of rows that count.
    #[inline]
    pub fn len(&self) -> usize {
        self.selection.as_ref().map_or(self.records.num_rows(), ScalarBuffer::len)
    }

    /// Returns whether no row counts.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of rows in the columns.
    pub fn physical_len(&self) -> usize {
        self.records.num_rows()
    }

    /// Returns the bytes that the rows that count take, approximately.
    pub fn bytes(&self) -> usize {
        let rows = self.records.num_rows();
        if rows == 0 {
            return 0;
        }
        let columns: usize = self.records.columns().iter().map(|column| bytes_of(column)).sum();
        let timestamps = self.timestamps.as_ref().map_or(0, |_| size_of::<Timestamp>() * rows);
        (columns + timestamps) * self.len() / rows
    }

    /// Downcasts the columns to those of `T`.
    ///
    /// # Errors
    /// [`SchemaMismatch`] where the batch holds something else.
    pub fn columns<T: Record>(&self) -> Result<T::Columns, SchemaMismatch> {
        T::Columns::from_columns(self.records.columns())
    }

    /// Calls `visit` with the physical index of every row that counts, in order, until it fails.
    ///
    /// # Errors
    /// What `visit` returned.
    #[inline]
    pub fn try_for_each<E>(&self, mut visit: impl FnMut(usize) -> Result<(), E>) -> Result<(), E> {
        match &self.selection {
            None => (0..self.records.num_rows()).try_for_each(visit),
            Some(selection) => selection.iter().try_for_each(|row| visit(*row as usize)),
        }
    }

    /// Calls `visit` with the physical index of every row that counts, in order.
    #[inline]
    pub fn for_each(&self, mut visit: impl FnMut(usize)) {
        match &self.selection {
            None => (0..self.records.num_rows()).for_each(visit),
            Some(selection) => selection.iter().for_each(|row| visit(*row as usize)),
        }
    }

    /// Returns the batch with only the rows that both count and `keep`.
    #[must_use]
    pub fn filter(self, mut keep: impl FnMut(usize) -> bool) -> Self {
        let mut selection = Vec::with_capacity(self.len());
        self.for_each(|row| {
            if keep(row) {
                selection.push(row as u32);
            }
        });
        if selection.len() == self.physical_len() {
            return self;
        }
        self.with_selection(selection.into())
    }

    /// Returns the rows from logical row `start` on, `len` of them, without a copy.
    ///
    /// # Panics
    /// Where the range is out of bounds.
    #[must_use]
    pub fn slice(&self, start: usize, len: usize) -> Self {
        let selection = match &self.selection {
            Some(selection) => selection.slice(start, len),
            None => (start as u32..(start + len) as u32).collect::<Vec<_>>().into(),
        };
        self.clone().with_selection(selection)
    }
}

/// Returns the bytes that an array's rows take, approximately.
fn bytes_of(array: &dyn Array) -> usize {
    let buffers = |buffers: &[Buffer]| buffers.iter().map(Buffer::len).sum::<usize>();
    match array.data_type() {
        DataType::Utf8View => {
            size_of::<u128>() * array.len() + buffers(array.as_string_view().data_buffers())
        }
        DataType::BinaryView => {
            size_of::<u128>() * array.len() + buffers(array.as_binary_view().data_buffers())
        }
        DataType::Struct(_) => {
            array.as_struct().columns().iter().map(|column| bytes_of(column)).sum()
        }
        _ => array.to_data().get_slice_memory_size().unwrap_or(0),
    }
}

//! All records of a window, for functions that see them together.

use sciurus_core::record::{DecodeError, RowCodec};
use sciurus_core::{Columns, Record};

use super::WindowContents;

/// Keeps all records, or the last ones.
#[derive(Debug, Clone, Copy, Default)]
pub struct ElementList {
    last: Option<usize>,
}

impl ElementList {
    /// Keeps all records.
    pub fn all() -> Self {
        Self { last: None }
    }

    /// Keeps the last `records` records, Flink's `CountEvictor` before the window function.
    pub fn last(records: usize) -> Self {
        Self { last: Some(records) }
    }

    fn trim<T>(self, elements: &mut Elements<T>) {
        // In one go for as many as are kept, so that a record costs the same on average.
        if let Some(last) = self.last
            && elements.records.len() >= 2 * last.max(1)
        {
            elements.records.drain(..elements.records.len() - last);
        }
        elements.last = self.last;
    }
}

impl<T: Record> WindowContents<T> for ElementList {
    type Accumulator = Elements<T>;

    fn create(&mut self, columns: &T::Columns, row: usize) -> Elements<T> {
        Elements { records: vec![T::from_view(columns.get(row))], last: self.last }
    }

    fn add(&mut self, elements: &mut Elements<T>, columns: &T::Columns, row: usize) {
        elements.records.push(T::from_view(columns.get(row)));
        self.trim(elements);
    }

    fn merge(&mut self, elements: &mut Elements<T>, later: &Elements<T>) {
        elements.records.extend_from_slice(&later.records);
        self.trim(elements);
    }
}

/// The records of a window, in the order in which they came.
#[derive(Debug, Clone)]
pub struct Elements<T> {
    records: Vec<T>,
    last: Option<usize>,
}

impl<T> Elements<T> {
    /// Returns the records.
    pub fn as_slice(&self) -> &[T] {
        let first = self.last.map_or(0, |last| self.records.len().saturating_sub(last));
        &self.records[first..]
    }
}

impl<T: Record> RowCodec for Elements<T> {
    fn encode_row(&self, out: &mut Vec<u8>) {
        Vec::encode_row(&self.as_slice().to_vec(), out);
    }

    fn decode_row(input: &mut &[u8]) -> Result<Self, DecodeError> {
        // How many are kept is set anew with the next record.
        Ok(Self { records: Vec::decode_row(input)?, last: None })
    }
}

#[cfg(test)]
mod tests {
    use sciurus_core::Builder;
    use sciurus_core::record::PrimitiveColumns;

    use super::*;

    fn numbers(count: i64) -> PrimitiveColumns<i64> {
        let mut builder = <i64 as Record>::Builder::with_capacity(0);
        (0..count).for_each(|number| builder.append(number));
        Columns::from_array(&builder.finish()).unwrap()
    }

    #[test]
    fn the_last_records_are_kept_in_order() {
        let columns = numbers(20);
        let mut list = ElementList::last(3);
        let mut elements: Elements<i64> = list.create(&columns, 0);
        for row in 1..20 {
            list.add(&mut elements, &columns, row);
            let row = row as i64;
            assert_eq!(elements.as_slice(), ((row - 2).max(0)..=row).collect::<Vec<_>>());
            assert!(elements.records.len() < 6);
        }
    }

    #[test]
    fn elements_read_back_what_they_write() {
        let columns = numbers(3);
        let mut list = ElementList::all();
        let mut elements: Elements<i64> = list.create(&columns, 2);
        list.add(&mut elements, &columns, 1);
        let mut bytes = Vec::new();
        elements.encode_row(&mut bytes);
        let read = Elements::<i64>::decode_row(&mut bytes.as_slice()).unwrap();
        assert_eq!(read.as_slice(), [2, 1]);
        list.merge(&mut elements, &read);
        assert_eq!(elements.as_slice(), [2, 1, 2, 1]);
    }
}

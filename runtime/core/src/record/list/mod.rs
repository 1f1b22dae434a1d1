//! Lists of records: `Vec<T>`.

mod view;

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, ListArray};
use arrow_buffer::OffsetBuffer;
use arrow_schema::DataType;

use crate::record::codec::{DecodeError, take_array};
use crate::record::layout::{arrow_field, column};
use crate::record::{Builder, Columns, Record, SchemaMismatch};

pub use view::{ListIter, ListView};

/// The name of the items' Arrow field.
const ITEM: &str = "item";

/// A column of lists.
#[derive(Debug, Clone)]
pub struct ListColumns<C> {
    offsets: OffsetBuffer<i32>,
    items: C,
}

impl<C: Columns<Record: Record<Columns = C>>> Columns for ListColumns<C> {
    type Record = Vec<C::Record>;

    fn from_array(array: &ArrayRef) -> Result<Self, SchemaMismatch> {
        let list = array
            .as_list_opt::<i32>()
            .ok_or_else(|| SchemaMismatch::of::<Self::Record>(&array.data_type().to_string()))?;
        Ok(Self { offsets: list.offsets().clone(), items: column(list.values())? })
    }

    fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    #[inline]
    fn get(&self, row: usize) -> ListView<'_, C::Record> {
        let (start, end) = (self.offsets[row], self.offsets[row + 1]);
        ListView::of_columns(&self.items, start as usize, end as usize)
    }
}

/// Collects lists.
#[derive(Debug)]
pub struct ListBuilder<B> {
    /// Where each list starts among the items, and where the last one ends.
    offsets: Vec<i32>,
    items: B,
    capacity: usize,
}

impl<B: Builder> ListBuilder<B> {
    fn end_list(&mut self) {
        let end = self.items.len();
        assert!(i32::try_from(end).is_ok(), "a batch holds less than 2^31 list items");
        self.offsets.push(end as i32);
    }
}

/// Makes the offsets of no list yet, with room for `rows`.
fn no_offsets(rows: usize) -> Vec<i32> {
    let mut offsets = Vec::with_capacity(rows + 1);
    offsets.push(0);
    offsets
}

impl<B: Builder<Record: Record<Builder = B>>> Builder for ListBuilder<B> {
    type Record = Vec<B::Record>;

    fn with_capacity(rows: usize) -> Self {
        Self { offsets: no_offsets(rows), items: B::with_capacity(rows), capacity: rows }
    }

    #[inline]
    fn append(&mut self, view: ListView<'_, B::Record>) {
        for item in view {
            self.items.append(item);
        }
        self.end_list();
    }

    fn append_hidden(&mut self) {
        self.end_list();
    }

    #[inline]
    fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    #[inline]
    fn bytes(&self) -> usize {
        self.items.bytes() + size_of_val(self.offsets.as_slice())
    }

    fn finish(&mut self) -> ArrayRef {
        let offsets = std::mem::replace(&mut self.offsets, no_offsets(self.capacity));
        let field = Arc::new(arrow_field::<B::Record>(ITEM));
        let offsets = OffsetBuffer::new(offsets.into());
        Arc::new(ListArray::new(field, offsets, self.items.finish(), None))
    }
}

impl<T: Record> Record for Vec<T> {
    type View<'a> = ListView<'a, T>;
    type Columns = ListColumns<T::Columns>;
    type Builder = ListBuilder<T::Builder>;

    fn data_type() -> DataType {
        DataType::List(Arc::new(arrow_field::<T>(ITEM)))
    }

    #[inline]
    fn view(&self) -> ListView<'_, T> {
        ListView::from(self)
    }

    fn from_view(view: ListView<'_, T>) -> Self {
        view.iter().map(T::from_view).collect()
    }

    fn encode(view: ListView<'_, T>, out: &mut Vec<u8>) {
        assert!(u32::try_from(view.len()).is_ok(), "a list of 2^32 items cannot be encoded");
        out.extend_from_slice(&(view.len() as u32).to_le_bytes());
        for item in view {
            T::encode(item, out);
        }
    }

    fn decode(input: &mut &[u8]) -> Result<Self, DecodeError> {
        let len = u32::from_le_bytes(take_array(input, "Vec")?) as usize;
        // Every item takes a byte at least: a damaged length fails here and not after 4 G rounds.
        if len > input.len() {
            return Err(DecodeError::TooShort { what: "Vec", missing: len - input.len() });
        }
        (0..len).map(|_| T::decode(input)).collect()
    }

    fn format(view: ListView<'_, T>, out: &mut String) {
        out.push('[');
        for (index, item) in view.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            T::format(item, out);
        }
        out.push(']');
    }
}

//! Columns in a tighter form than Arrow IPC's: numbers of which all are the same go once, views
//! without their padding. Moving a byte to another process costs more than finding out that it
//! needn't be moved.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, make_array};
use arrow_buffer::Buffer;
use arrow_data::ArrayData;
use arrow_schema::{ArrowError, DataType, Field};
use sciurus_core::record::view::{PackedLayout, Packer, unpack_bytes, unpack_strings};

/// The most values that go as one: as many as the largest batches have. More of them wouldn't be
/// worth having to make room for what a damaged number says.
const MAX_CONSTANT_ROWS: usize = 1 << 20;

/// The bytes of a column's description.
pub(super) const LAYOUT_BYTES: usize = 40;

/// Returns whether a column can be put into this form; what a channel sends depends on nothing but
/// the schema, so that the other side knows.
pub(super) fn is_packable(field: &Field) -> bool {
    let is_view = matches!(field.data_type(), DataType::Utf8View | DataType::BinaryView);
    !field.is_nullable() && (is_view || width_of(field.data_type()).is_some())
}

/// Returns how many bytes a value takes, where all bytes are valid values.
fn width_of(data_type: &DataType) -> Option<usize> {
    use DataType::{
        Date32, Date64, Duration, Float32, Float64, Int8, Int16, Int32, Int64, Timestamp, UInt8,
        UInt16, UInt32, UInt64,
    };
    match data_type {
        Int8 | UInt8 => Some(1),
        Int16 | UInt16 => Some(2),
        Int32 | UInt32 | Float32 | Date32 => Some(4),
        Int64 | UInt64 | Float64 | Date64 | Timestamp(..) | Duration(_) => Some(8),
        _ => None,
    }
}

/// How a column lies in a frame's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Value by value.
    Plain { bytes: usize },
    /// All values are this one, of which as many bytes count as a value has.
    Constant { value: u64 },
    /// Packed views.
    Packed(PackedLayout),
}

impl Layout {
    /// Writes the description: the form, and four numbers.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let (form, numbers) = match self {
            Self::Plain { bytes } => (1, [*bytes as u64, 0, 0, 0]),
            Self::Constant { value } => (2, [*value, 0, 0, 0]),
            Self::Packed(PackedLayout { rows, short_bytes, long_values, long_bytes }) => {
                (3, [*rows, *short_bytes, *long_values, *long_bytes].map(|number| number as u64))
            }
        };
        out.extend_from_slice(&u64::to_le_bytes(form));
        for number in numbers {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// Reads what [`write`](Self::write) wrote.
    pub(super) fn read(bytes: &[u8; LAYOUT_BYTES]) -> Option<Self> {
        let number = |place: usize| {
            let mut number = [0; 8];
            number.copy_from_slice(&bytes[8 * place..8 * place + 8]);
            u64::from_le_bytes(number)
        };
        let size = |place| usize::try_from(number(place)).ok();
        match number(0) {
            1 => Some(Self::Plain { bytes: size(1)? }),
            2 => Some(Self::Constant { value: number(1) }),
            3 => Some(Self::Packed(PackedLayout {
                rows: size(1)?,
                short_bytes: size(2)?,
                long_values: size(3)?,
                long_bytes: size(4)?,
            })),
            _ => None,
        }
    }

    /// Returns how many bytes of the body the column takes; `None` where none has as many.
    pub(super) fn bytes(&self) -> Option<usize> {
        match self {
            Self::Plain { bytes } => Some(*bytes),
            Self::Constant { .. } => Some(0),
            Self::Packed(layout) => layout.bytes(),
        }
    }
}

/// Puts the rows that count of a column that is packable into its form.
///
/// # Errors
/// Where the column isn't packable.
pub(super) fn pack(
    column: &ArrayRef,
    selection: Option<&[u32]>,
    packer: &mut Packer,
) -> Result<(Layout, Buffer), ArrowError> {
    let (views, buffers) = match column.data_type() {
        DataType::Utf8View => {
            (column.as_string_view().views(), column.as_string_view().data_buffers())
        }
        DataType::BinaryView => {
            (column.as_binary_view().views(), column.as_binary_view().data_buffers())
        }
        data_type => {
            let Some(width) = width_of(data_type) else { return Err(damaged("its type")) };
            return Ok(match width {
                1 => pack_plain::<1>(&column.to_data(), selection),
                2 => pack_plain::<2>(&column.to_data(), selection),
                4 => pack_plain::<4>(&column.to_data(), selection),
                _ => pack_plain::<8>(&column.to_data(), selection),
            });
        }
    };
    let mut packed = Vec::new();
    let layout = match selection {
        None => packer.pack(views, buffers, 0..views.len(), &mut packed),
        Some(selection) => {
            packer.pack(views, buffers, selection.iter().map(|row| *row as usize), &mut packed)
        }
    };
    Ok((Layout::Packed(layout), Buffer::from_vec(packed)))
}

fn pack_plain<const WIDTH: usize>(data: &ArrayData, selection: Option<&[u32]>) -> (Layout, Buffer) {
    let start = data.offset() * WIDTH;
    let values = data.buffers()[0].slice_with_length(start, data.len() * WIDTH);
    let constant = |values: &[u8]| {
        if values.len() > MAX_CONSTANT_ROWS * WIDTH {
            return None;
        }
        // Where each value equals the one behind it all are the same.
        let first = values.first_chunk::<WIDTH>()?;
        (values[WIDTH..] == values[..values.len() - WIDTH]).then(|| {
            let mut value = [0; 8];
            value[..WIDTH].copy_from_slice(first);
            Layout::Constant { value: u64::from_le_bytes(value) }
        })
    };
    let has_rows = selection.is_none_or(|selection| !selection.is_empty());
    if has_rows && let Some(layout) = constant(&values) {
        return (layout, Buffer::default());
    }
    let Some(selection) = selection else {
        return (Layout::Plain { bytes: values.len() }, values);
    };
    let (all, _) = values.as_chunks::<WIDTH>();
    let selected: Vec<u8> = selection.iter().flat_map(|row| all[*row as usize]).collect();
    match constant(&selected) {
        Some(layout) => (layout, Buffer::default()),
        None => (Layout::Plain { bytes: selected.len() }, Buffer::from_vec(selected)),
    }
}

/// Makes a column of its form; the memory of `body` is shared where it can be.
///
/// # Errors
/// Where that isn't a column of this type and so many rows.
pub(super) fn unpack(
    data_type: &DataType,
    layout: Layout,
    body: &Buffer,
    rows: usize,
) -> Result<ArrayRef, ArrowError> {
    let array: ArrayRef = match (layout, data_type) {
        (Layout::Packed(layout), DataType::Utf8View) => {
            Arc::new(unpack_strings(layout, body).map_err(external)?)
        }
        (Layout::Packed(layout), DataType::BinaryView) => {
            Arc::new(unpack_bytes(layout, body).map_err(external)?)
        }
        (Layout::Plain { .. }, data_type) => make(data_type, body.clone(), rows)?,
        (Layout::Constant { .. }, _) if rows > MAX_CONSTANT_ROWS => {
            return Err(damaged("a column's length"));
        }
        (Layout::Constant { value }, data_type) => {
            let values = match width_of(data_type) {
                Some(1) => Buffer::from_vec(vec![value as u8; rows]),
                Some(2) => Buffer::from_vec(vec![value as u16; rows]),
                Some(4) => Buffer::from_vec(vec![value as u32; rows]),
                _ => Buffer::from_vec(vec![value; rows]),
            };
            make(data_type, values, rows)?
        }
        (Layout::Packed(_), _) => return Err(damaged("a column's form")),
    };
    if array.len() == rows { Ok(array) } else { Err(damaged("a column's length")) }
}

fn make(data_type: &DataType, values: Buffer, rows: usize) -> Result<ArrayRef, ArrowError> {
    let Some(width) = width_of(data_type) else { return Err(damaged("a column's form")) };
    if values.len() != rows * width {
        return Err(damaged("a column's length"));
    }
    let data = ArrayData::builder(data_type.clone()).len(rows).add_buffer(values);
    Ok(make_array(data.align_buffers(true).build()?))
}

fn external(error: sciurus_core::record::view::UnpackError) -> ArrowError {
    ArrowError::ExternalError(Box::new(error))
}

fn damaged(what: &str) -> ArrowError {
    ArrowError::IpcError(format!("{what} isn't what it should be"))
}

//! Batches as bytes, and back.
//!
//! Numbers, strings and byte strings that are never null have a form of their own ([`columns`]);
//! all others go as Arrow IPC, and so does everything where it is compressed. Only rows that count
//! travel. Event timestamps are one more column. Keys don't travel: hashing them again costs less
//! than moving the hashes.
//!
//! A body begins with a head: numbers of 4 bytes, little endian (rows; length of the schema, which
//! is there where a stream begins; length of the IPC messages; how many columns have a form of their
//! own; flags: 1 where there are timestamps, 2 where there is compression; three times 0), then 40 bytes for each such column. Schema,
//! messages and columns follow, each at a multiple of 16 bytes, so that they needn't be copied to
//! be read as numbers.

use std::sync::Arc;

use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, cast::AsArray};
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::writer::{IpcWriteOptions, StreamEncoder};
use arrow_schema::{ArrowError, DataType, Schema, SchemaRef};
use sciurus_core::Batch;
use sciurus_core::record::view::Packer;

use super::columns::{self, LAYOUT_BYTES, Layout, is_packable};
use super::options::{Compression, of_arrow};
use crate::error::{TaskError, TaskResult};
use crate::exchange::gather::{gather, let_go_of_much};
use crate::task::panics;

/// The bytes of a head without columns.
const HEAD_BYTES: usize = 32;

/// A flag: there are timestamps.
const TIMED: usize = 1;
/// A flag: columns are compressed, so that none has a form of its own.
const COMPRESSED: usize = 2;

/// What columns begin at a multiple of.
const ALIGNMENT: usize = 16;

/// Parts of so few bytes are copied together rather than handed to the kernel each.
const SMALL_PART_BYTES: usize = 1 << 10;

/// A batch that has arrived.
#[derive(Debug, Clone)]
pub struct EncodedBatch {
    /// Whether it begins a stream.
    pub is_first: bool,
    /// The body of its frame.
    pub body: Buffer,
}

/// A batch ready to be sent.
pub struct OutgoingBatch {
    /// Whether it begins a stream.
    pub is_first: bool,
    /// The parts of the body, one behind the other. The first holds the head; large ones are shared
    /// with the batch.
    pub parts: Vec<Buffer>,
}

/// Turns the batches of one channel into bytes.
pub struct BatchEncoder {
    compression: Compression,
    packer: Packer,
    stream: Option<OutgoingStream>,
}

struct OutgoingStream {
    schema: SchemaRef,
    is_timed: bool,
    plan: Plan,
    ipc: Option<StreamEncoder>,
}

/// Which columns go in which form.
struct Plan {
    packed: Vec<usize>,
    others: Vec<usize>,
    /// The schema of `others`.
    ipc: SchemaRef,
}

impl Plan {
    fn new(schema: &Schema, is_compressed: bool) -> Result<Self, ArrowError> {
        let packs = |place: &usize| !is_compressed && is_packable(schema.field(*place));
        let (packed, others): (Vec<_>, Vec<_>) = (0..schema.fields().len()).partition(packs);
        let ipc = Arc::new(schema.project(&others)?);
        Ok(Self { packed, others, ipc })
    }
}

impl BatchEncoder {
    /// Makes the encoder of a channel.
    pub fn new(compression: Compression) -> Self {
        Self { compression, packer: Packer::default(), stream: None }
    }

    /// Encodes the rows that count.
    ///
    /// # Errors
    /// [`TaskError::Frame`] where a column has a type that can't travel.
    pub fn encode(&mut self, batch: &Batch) -> TaskResult<OutgoingBatch> {
        let (schema, is_timed) = (batch.records().schema_ref(), batch.timestamps().is_some());
        let is_same = |stream: &OutgoingStream| {
            stream.is_timed == is_timed
                && (Arc::ptr_eq(&stream.schema, schema) || stream.schema == *schema)
        };
        let (stream, is_first) = match self.stream.take() {
            Some(stream) if is_same(&stream) => (stream, false),
            _ => (OutgoingStream::new(schema, is_timed, self.compression).map_err(frame)?, true),
        };
        let stream = self.stream.insert(stream);
        let messages = stream.messages(batch)?;
        let selection = batch.selection().map(|selection| &**selection);
        let timestamps = batch.timestamps();
        let timestamps: Option<ArrayRef> =
            timestamps.map(|times| Arc::new(Int64Array::new(times.clone(), None)) as ArrayRef);
        let columns = batch.records().columns();
        let packable = stream.plan.packed.iter().map(|place| &columns[*place]).chain(&timestamps);
        let packed = packable
            .map(|column| columns::pack(column, selection, &mut self.packer))
            .collect::<Result<Vec<_>, _>>()
            .map_err(frame)?;
        let schema = if is_first { schema_messages(schema).map_err(frame)? } else { Vec::new() };
        let is_compressed = self.compression != Compression::None;
        let lengths = [
            batch.len(),
            schema.len(),
            messages.iter().map(Buffer::len).sum(),
            packed.len(),
            if is_timed { TIMED } else { 0 } | if is_compressed { COMPRESSED } else { 0 },
        ];
        let lengths = lengths.map(|length| u32::try_from(length).ok());
        let mut body = Body::default();
        for length in lengths {
            body.push(&length.ok_or_else(|| reason("it is too long"))?.to_le_bytes());
        }
        body.push(&[0; 12]);
        for (layout, _) in &packed {
            layout.write(&mut body.small);
        }
        body.align();
        body.push(&schema);
        body.align();
        for message in messages {
            body.push_buffer(message);
        }
        for (_, column) in packed {
            body.align();
            body.push_buffer(column);
        }
        Ok(OutgoingBatch { is_first, parts: body.finish() })
    }
}

impl OutgoingStream {
    fn new(
        schema: &SchemaRef,
        is_timed: bool,
        compression: Compression,
    ) -> Result<Self, ArrowError> {
        let plan = Plan::new(schema, compression != Compression::None)?;
        let ipc = if plan.others.is_empty() {
            None
        } else {
            let options = IpcWriteOptions::default().try_with_compression(of_arrow(compression))?;
            Some(StreamEncoder::try_new_with_options(&plan.ipc, options)?)
        };
        Ok(Self { schema: schema.clone(), is_timed, plan, ipc })
    }

    /// Encodes the columns that have no form of their own.
    fn messages(&mut self, batch: &Batch) -> TaskResult<Vec<Buffer>> {
        let Some(encoder) = &mut self.ipc else { return Ok(Vec::new()) };
        let columns = batch.records().columns();
        let columns = self.plan.others.iter().map(|place| columns[*place].clone()).collect();
        let others = RecordBatch::try_new(self.plan.ipc.clone(), columns).map_err(frame)?;
        let others = Batch::new(others);
        let others = match batch.selection() {
            Some(selection) => gather(&[others.with_selection(selection.clone())])?,
            None => let_go_of_much(&others)?,
        };
        encoder.encode(others.records()).map_err(frame)
    }
}

/// Turns the bytes of one channel into batches.
#[derive(Default)]
pub struct BatchDecoder(Option<IncomingStream>);

struct IncomingStream {
    schema: SchemaRef,
    plan: Plan,
    ipc: StreamDecoder,
}

impl BatchDecoder {
    /// Decodes a batch; its columns share the memory of the body.
    ///
    /// # Errors
    /// [`TaskError::Frame`] where the body isn't what an encoder makes.
    pub fn decode(&mut self, batch: EncodedBatch) -> TaskResult<Batch> {
        // Arrow's decoder asserts some of what a damaged message may breach.
        panics::catch(|| self.try_decode(batch)).map_err(|error| match error {
            TaskError::Panic { message, .. } => TaskError::Frame { reason: message.into() },
            error => error,
        })
    }

    fn try_decode(&mut self, batch: EncodedBatch) -> TaskResult<Batch> {
        let mut body = Slices { body: batch.body, at: 0 };
        let head = body.take(HEAD_BYTES)?;
        let number = |place: usize| {
            let mut number = [0; 4];
            number.copy_from_slice(&head[4 * place..4 * place + 4]);
            u32::from_le_bytes(number) as usize
        };
        let (rows, flags) = (number(0), number(4));
        let is_timed = flags & TIMED != 0;
        let layouts = body.take(number(3).saturating_mul(LAYOUT_BYTES))?;
        let schema = body.take_aligned(number(1))?;
        let messages = body.take_aligned(number(2))?;
        if batch.is_first {
            self.0 = Some(IncomingStream::new(schema, flags & COMPRESSED != 0)?);
        }
        let stream = self.0.as_mut().ok_or_else(|| reason("it has no schema"))?;
        let (layouts, _) = layouts.as_chunks::<LAYOUT_BYTES>();
        if layouts.len() != stream.plan.packed.len() + usize::from(is_timed) {
            return Err(reason("it has another number of columns than its schema"));
        }
        let mut columns = stream.others(messages, rows)?;
        for (nth, layout) in layouts.iter().enumerate() {
            let layout = Layout::read(layout).ok_or_else(|| reason("a column's form"))?;
            let bytes = layout.bytes().ok_or_else(|| reason("a column is too long"))?;
            let packed = body.take_aligned(bytes)?;
            let place = stream.plan.packed.get(nth);
            let timestamps = DataType::Int64;
            let data_type =
                place.map_or(&timestamps, |place| stream.schema.field(*place).data_type());
            let column = columns::unpack(data_type, layout, &packed, rows).map_err(frame)?;
            columns.push((place.copied().unwrap_or(usize::MAX), column));
        }
        columns.sort_unstable_by_key(|(place, _)| *place);
        let timestamps = if is_timed { columns.pop() } else { None };
        let timestamps = timestamps
            .and_then(|(_, column)| column.as_primitive_opt::<Int64Type>().cloned())
            .map(|column| column.values().clone());
        let columns = columns.into_iter().map(|(_, column)| column).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let records = RecordBatch::try_new_with_options(stream.schema.clone(), columns, &options);
        Ok(Batch::new(records.map_err(frame)?).with_timestamps(timestamps))
    }
}

impl IncomingStream {
    fn new(mut messages: Buffer, is_compressed: bool) -> TaskResult<Self> {
        let mut decoder = StreamDecoder::new();
        decoder.decode(&mut messages).map_err(frame)?;
        let schema = decoder.schema().ok_or_else(|| reason("it has no schema"))?;
        let plan = Plan::new(&schema, is_compressed).map_err(frame)?;
        Ok(Self { schema, plan, ipc: StreamDecoder::new() })
    }

    /// Decodes the columns that have no form of their own, each with its place.
    fn others(&mut self, mut messages: Buffer, rows: usize) -> TaskResult<Vec<(usize, ArrayRef)>> {
        if self.plan.others.is_empty() {
            return Ok(Vec::new());
        }
        let records = self.ipc.decode(&mut messages).map_err(frame)?;
        let records = records.ok_or_else(|| reason("its messages have no batch"))?;
        if !messages.is_empty() || records.num_rows() != rows {
            return Err(reason("its messages don't have the rows that they should"));
        }
        Ok(self.plan.others.iter().copied().zip(records.columns().iter().cloned()).collect())
    }
}

/// Takes pieces off a body, one behind the other.
struct Slices {
    body: Buffer,
    at: usize,
}

impl Slices {
    fn take(&mut self, bytes: usize) -> TaskResult<Buffer> {
        let end = self.at.checked_add(bytes).filter(|end| *end <= self.body.len());
        let end = end.ok_or_else(|| reason("it is shorter than it says"))?;
        let piece = self.body.slice_with_length(self.at, bytes);
        self.at = end;
        Ok(piece)
    }

    fn take_aligned(&mut self, bytes: usize) -> TaskResult<Buffer> {
        self.at = self.at.next_multiple_of(ALIGNMENT).min(self.body.len());
        self.take(bytes)
    }
}

/// Puts a body together.
#[derive(Default)]
struct Body {
    parts: Vec<Buffer>,
    /// What follows the parts, of what is copied.
    small: Vec<u8>,
    /// The bytes of `parts`.
    bytes: usize,
}

impl Body {
    fn push(&mut self, bytes: &[u8]) {
        self.small.extend_from_slice(bytes);
    }

    fn push_buffer(&mut self, buffer: Buffer) {
        if buffer.len() <= SMALL_PART_BYTES {
            self.push(&buffer);
        } else {
            self.flush();
            self.bytes += buffer.len();
            self.parts.push(buffer);
        }
    }

    fn align(&mut self) {
        let bytes = self.bytes + self.small.len();
        self.small.resize(self.small.len() + bytes.next_multiple_of(ALIGNMENT) - bytes, 0);
    }

    fn flush(&mut self) {
        if !self.small.is_empty() {
            self.bytes += self.small.len();
            self.parts.push(std::mem::take(&mut self.small).into());
        }
    }

    fn finish(mut self) -> Vec<Buffer> {
        self.flush();
        self.parts
    }
}

/// Returns a schema as an IPC stream without batches.
fn schema_messages(schema: &Schema) -> Result<Vec<u8>, ArrowError> {
    let buffers = StreamEncoder::try_new(schema)?.finish()?;
    Ok(buffers.iter().flat_map(Buffer::as_slice).copied().collect())
}

fn reason(reason: &str) -> TaskError {
    TaskError::Frame { reason: reason.into() }
}

#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn frame(error: ArrowError) -> TaskError {
    TaskError::Frame { reason: error.to_string().into() }
}

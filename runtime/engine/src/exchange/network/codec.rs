//! Batches as Arrow IPC, and back.
//!
//! A channel is one IPC stream: its schema goes before the first batch, and a new stream begins
//! where the schema changes. Only rows that count travel. Event timestamps are one more column.
//! Columns of strings travel as `BinaryView`, because checking that they are UTF-8 is faster here
//! than within the decoder. Keys don't travel: hashing them again costs less than moving the hashes.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions};
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::writer::{IpcWriteOptions, StreamEncoder};
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Schema, SchemaRef};
use sciurus_core::Batch;
use sciurus_core::record::view::strings_of;

use super::options::{Compression, of_arrow};
use crate::error::{TaskError, TaskResult};
use crate::exchange::gather::{gather, let_go_of_much};
use crate::task::panics;

/// The key of a field's metadata that says what a column of the wire stands for.
const ROLE: &str = "sciurus";
/// A column of strings.
const TEXT: &str = "text";
/// The column of event timestamps.
const TIMESTAMPS: &str = "timestamps";

/// Parts of a message of so few bytes are copied together rather than handed to the kernel each.
const SMALL_PART_BYTES: usize = 1 << 10;

/// A batch that has arrived.
#[derive(Debug, Clone)]
pub struct EncodedBatch {
    /// Whether it begins a stream.
    pub is_first: bool,
    /// Messages of the stream: the schema where it begins, dictionaries, the batch.
    pub messages: Buffer,
}

/// Turns the batches of one channel into messages.
pub struct BatchEncoder {
    compression: Compression,
    stream: Option<OutgoingStream>,
}

struct OutgoingStream {
    schema: SchemaRef,
    is_timed: bool,
    wire: SchemaRef,
    encoder: StreamEncoder,
}

/// A batch ready to be sent: the parts of its messages, one behind the other.
pub struct OutgoingBatch {
    /// Whether it begins a stream.
    pub is_first: bool,
    /// Shared with the batch where they are large.
    pub parts: Vec<Buffer>,
}

impl BatchEncoder {
    /// Makes the encoder of a channel.
    pub fn new(compression: Compression) -> Self {
        Self { compression, stream: None }
    }

    /// Encodes the rows that count.
    ///
    /// # Errors
    /// [`TaskError::Frame`] where a column has a type that can't travel.
    pub fn encode(&mut self, batch: &Batch) -> TaskResult<OutgoingBatch> {
        let batch = match batch.selection() {
            Some(_) => gather(std::slice::from_ref(batch))?,
            None => let_go_of_much(batch)?,
        };
        let (schema, is_timed) = (batch.records().schema_ref(), batch.timestamps().is_some());
        let is_first = !self.stream.as_ref().is_some_and(|stream| {
            stream.is_timed == is_timed
                && (Arc::ptr_eq(&stream.schema, schema) || stream.schema == *schema)
        });
        let stream = if is_first { None } else { self.stream.take() };
        let stream = match stream {
            Some(stream) => stream,
            None => OutgoingStream::new(schema, is_timed, self.compression)?,
        };
        let stream = self.stream.insert(stream);
        let mut columns: Vec<ArrayRef> =
            batch.records().columns().iter().map(to_wire_column).collect();
        if let Some(timestamps) = batch.timestamps() {
            columns.push(Arc::new(Int64Array::new(timestamps.clone(), None)));
        }
        let rows = RecordBatchOptions::new().with_row_count(Some(batch.physical_len()));
        let records = RecordBatch::try_new_with_options(stream.wire.clone(), columns, &rows);
        let parts = records.and_then(|records| stream.encoder.encode(&records)).map_err(frame)?;
        Ok(OutgoingBatch { is_first, parts: compact(parts) })
    }
}

impl OutgoingStream {
    fn new(schema: &SchemaRef, is_timed: bool, compression: Compression) -> TaskResult<Self> {
        let wire = Arc::new(to_wire_schema(schema, is_timed));
        let options = IpcWriteOptions::default().try_with_compression(of_arrow(compression));
        let encoder = options
            .and_then(|options| StreamEncoder::try_new_with_options(&wire, options))
            .map_err(frame)?;
        Ok(Self { schema: schema.clone(), is_timed, wire, encoder })
    }
}

/// Turns the messages of one channel into batches.
#[derive(Default)]
pub struct BatchDecoder {
    decoder: StreamDecoder,
    /// The schema of batches, once it is known, and whether there are timestamps.
    schema: Option<(SchemaRef, bool)>,
}

impl BatchDecoder {
    /// Decodes a batch; its columns share the memory of the messages.
    ///
    /// # Errors
    /// [`TaskError::Frame`] where the messages aren't what an encoder makes.
    pub fn decode(&mut self, batch: EncodedBatch) -> TaskResult<Batch> {
        // Arrow's decoder asserts some of what a damaged message may breach.
        panics::catch(|| self.try_decode(batch)).map_err(|error| match error {
            TaskError::Panic { message, .. } => TaskError::Frame { reason: message.into() },
            error => error,
        })
    }

    fn try_decode(&mut self, batch: EncodedBatch) -> TaskResult<Batch> {
        if batch.is_first {
            *self = Self::default();
        }
        let mut messages = batch.messages;
        let records = self.decoder.decode(&mut messages).map_err(frame)?;
        let records = records.ok_or_else(|| reason("its messages have no batch"))?;
        if !messages.is_empty() {
            return Err(reason("something follows the batch"));
        }
        if self.schema.is_none() {
            self.schema = Some(from_wire_schema(records.schema_ref()));
        }
        let Some((schema, is_timed)) = self.schema.clone() else {
            return Err(reason("it has no schema"));
        };
        let (_, mut columns, rows) = records.into_parts();
        let timestamps = if is_timed { columns.pop() } else { None };
        let timestamps = timestamps.map(|column| {
            column.as_primitive_opt::<Int64Type>().map(|column| column.values().clone())
        });
        let timestamps = match timestamps {
            None => None,
            Some(Some(timestamps)) => Some(timestamps),
            Some(None) => return Err(reason("its timestamps are no numbers")),
        };
        for (column, field) in columns.iter_mut().zip(schema.fields()) {
            if field.data_type() == &DataType::Utf8View && column.as_binary_view_opt().is_some() {
                *column = Arc::new(strings_of(column.as_binary_view()).map_err(frame)?);
            }
        }
        let rows = RecordBatchOptions::new().with_row_count(Some(rows));
        let records = RecordBatch::try_new_with_options(schema, columns, &rows).map_err(frame)?;
        Ok(Batch::new(records).with_timestamps(timestamps))
    }
}

fn to_wire_schema(schema: &Schema, is_timed: bool) -> Schema {
    let mut fields: Vec<FieldRef> = schema.fields().iter().map(to_wire_field).collect();
    if is_timed {
        let field = Field::new(TIMESTAMPS, DataType::Int64, false);
        fields.push(Arc::new(with_role(field, TIMESTAMPS)));
    }
    Schema::new(fields)
}

fn to_wire_field(field: &FieldRef) -> FieldRef {
    match field.data_type() {
        DataType::Utf8View => {
            let field = Field::new(field.name(), DataType::BinaryView, field.is_nullable());
            Arc::new(with_role(field, TEXT))
        }
        _ => field.clone(),
    }
}

fn with_role(field: Field, role: &str) -> Field {
    field.with_metadata(HashMap::from([(ROLE.to_owned(), role.to_owned())]))
}

fn role(field: &Field) -> Option<&str> {
    field.metadata().get(ROLE).map(String::as_str)
}

/// Returns the schema of batches, and whether a column of timestamps follows it.
fn from_wire_schema(wire: &Schema) -> (SchemaRef, bool) {
    let is_timed = wire.fields().last().is_some_and(|field| role(field) == Some(TIMESTAMPS));
    let columns = wire.fields().len() - usize::from(is_timed);
    let fields = wire.fields().iter().take(columns).map(|field| match role(field) {
        Some(TEXT) => Arc::new(Field::new(field.name(), DataType::Utf8View, field.is_nullable())),
        _ => field.clone(),
    });
    (Arc::new(Schema::new(fields.collect::<Vec<_>>())), is_timed)
}

fn to_wire_column(column: &ArrayRef) -> ArrayRef {
    match column.as_string_view_opt() {
        Some(strings) => Arc::new(strings.clone().to_binary_view()),
        None => column.clone(),
    }
}

/// Copies small parts that follow each other together.
fn compact(parts: Vec<Buffer>) -> Vec<Buffer> {
    let mut compacted = Vec::with_capacity(parts.len());
    let mut small: Vec<u8> = Vec::new();
    for part in parts {
        if part.len() <= SMALL_PART_BYTES {
            small.extend_from_slice(&part);
        } else {
            if !small.is_empty() {
                compacted.push(std::mem::take(&mut small).into());
            }
            compacted.push(part);
        }
    }
    if !small.is_empty() {
        compacted.push(small.into());
    }
    compacted
}

fn reason(reason: &str) -> TaskError {
    TaskError::Frame { reason: reason.into() }
}

#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn frame(error: ArrowError) -> TaskError {
    TaskError::Frame { reason: error.to_string().into() }
}

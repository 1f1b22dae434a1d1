//! Handles of state.

use std::collections::BTreeMap;
use std::sync::Arc;

use sciurus_core::ids::{HEX_ID_BYTES, OperatorId};
use sciurus_core::key::{KeyGroupRange, MAX_KEY_GROUPS};

use super::envelope::{self, Kind};
use super::{Base, Cursor, MetadataError, put_bytes, put_len};
use crate::handle::{
    KeyedStateHandle, OperatorStateHandle, OperatorSubtaskState, StateData, StateFile, SubtaskState,
};
use crate::storage::StorageUrl;

type Result<T> = std::result::Result<T, MetadataError>;

const SUBTASK_STATE: Kind = Kind { magic: *b"SCI-SUBT", name: "state of a subtask" };

const ABSOLUTE: u8 = 0;
const RELATIVE: u8 = 1;

const INLINE: u8 = 1;
const FILE: u8 = 2;

const SNAPSHOT: u8 = 1;
const INCREMENTAL: u8 = 2;

const KEYED: u8 = 1;
const OPERATOR: u8 = 2;

/// The fewest bytes that a named file takes: two lengths, a place, a size and a checksum.
const NAMED_FILE_BYTES: usize = 4 + 1 + 4 + 16;
/// The fewest bytes that named state takes.
const NAMED_DATA_BYTES: usize = 4 + 1 + 4;

impl SubtaskState {
    /// Returns its bytes: docs/formats.md, "Messages about state".
    pub fn encode(&self) -> Vec<u8> {
        envelope::seal(&SUBTASK_STATE, |out| {
            put_len(self.operators.len(), out);
            for (id, state) in &self.operators {
                out.extend_from_slice(&id.to_bytes());
                put_subtask(state, None, out);
            }
        })
    }

    /// Reads its bytes.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut cursor =
            Cursor::new(envelope::open(&SUBTASK_STATE, bytes)?, "the list of operators");
        let mut operators = BTreeMap::new();
        for _ in 0..cursor.count(HEX_ID_BYTES + 1)? {
            let id = OperatorId::from_bytes(cursor.array()?);
            insert(&mut operators, id, take_subtask(&mut cursor, None)?, &cursor)?;
        }
        cursor.end()?;
        Ok(Self { operators })
    }
}

/// Inserts behind all that are there: keys stand in ascending order, so that equal things have
/// equal bytes.
pub(super) fn insert<K: Ord, V>(
    map: &mut BTreeMap<K, V>,
    key: K,
    value: V,
    cursor: &Cursor<'_>,
) -> Result<()> {
    if map.last_key_value().is_some_and(|(last, _)| *last >= key) {
        return Err(cursor.corrupt("its entries are not in ascending order"));
    }
    map.insert(key, value);
    Ok(())
}

pub(super) fn put_subtask(state: &OperatorSubtaskState, base: Base<'_>, out: &mut Vec<u8>) {
    let keyed = if state.keyed.is_some() { KEYED } else { 0 };
    let operator = if state.operator.is_some() { OPERATOR } else { 0 };
    out.push(keyed | operator);
    if let Some(keyed) = &state.keyed {
        put_keyed(keyed, base, out);
    }
    if let Some(operator) = &state.operator {
        put_operator(operator, base, out);
    }
}

pub(super) fn take_subtask(
    cursor: &mut Cursor<'_>,
    base: Base<'_>,
) -> Result<OperatorSubtaskState> {
    cursor.part("the state of a subtask");
    let flags = cursor.u8()?;
    if flags > KEYED | OPERATOR {
        return Err(cursor.corrupt(format!("it has the flags {flags}")));
    }
    let keyed = (flags & KEYED != 0).then(|| take_keyed(cursor, base)).transpose()?;
    let operator = (flags & OPERATOR != 0).then(|| take_operator(cursor, base)).transpose()?;
    Ok(OperatorSubtaskState { keyed, operator })
}

pub(super) fn put_keyed(handle: &KeyedStateHandle, base: Base<'_>, out: &mut Vec<u8>) {
    let range = handle.range();
    let put_range = |out: &mut Vec<u8>| {
        out.extend_from_slice(&range.start.to_le_bytes());
        out.extend_from_slice(&range.end.to_le_bytes());
    };
    match handle {
        KeyedStateHandle::Snapshot { data, .. } => {
            out.push(SNAPSHOT);
            put_range(out);
            put_data(data, base, out);
        }
        KeyedStateHandle::Incremental { metadata, shared, private, .. } => {
            out.push(INCREMENTAL);
            put_range(out);
            put_data(metadata, base, out);
            put_len(shared.len(), out);
            for (name, file) in shared {
                put_bytes(name.as_bytes(), out);
                put_file(file, base, out);
            }
            put_len(private.len(), out);
            for (name, data) in private {
                put_bytes(name.as_bytes(), out);
                put_data(data, base, out);
            }
        }
    }
}

pub(super) fn take_keyed(cursor: &mut Cursor<'_>, base: Base<'_>) -> Result<KeyedStateHandle> {
    cursor.part("keyed state");
    let kind = cursor.u8()?;
    let range = KeyGroupRange { start: cursor.u32()?, end: cursor.u32()? };
    if range.start > range.end || range.end > MAX_KEY_GROUPS {
        return Err(cursor.corrupt(format!("key groups from {} to {}", range.start, range.end)));
    }
    match kind {
        SNAPSHOT => Ok(KeyedStateHandle::Snapshot { range, data: take_data(cursor, base)? }),
        INCREMENTAL => {
            let metadata = take_data(cursor, base)?;
            let mut shared = BTreeMap::new();
            for _ in 0..cursor.count(NAMED_FILE_BYTES)? {
                let name = cursor.text()?.to_owned();
                insert(&mut shared, name, take_file(cursor, base)?, cursor)?;
            }
            let mut private = BTreeMap::new();
            for _ in 0..cursor.count(NAMED_DATA_BYTES)? {
                let name = cursor.text()?.to_owned();
                insert(&mut private, name, take_data(cursor, base)?, cursor)?;
            }
            Ok(KeyedStateHandle::Incremental { range, metadata, shared, private })
        }
        other => Err(cursor.corrupt(format!("there is no kind {other}"))),
    }
}

pub(super) fn put_operator(handle: &OperatorStateHandle, base: Base<'_>, out: &mut Vec<u8>) {
    out.push(u8::from(handle.has_union));
    put_data(&handle.data, base, out);
}

pub(super) fn take_operator(
    cursor: &mut Cursor<'_>,
    base: Base<'_>,
) -> Result<OperatorStateHandle> {
    cursor.part("operator state");
    let has_union = cursor.bool()?;
    Ok(OperatorStateHandle { data: take_data(cursor, base)?, has_union })
}

fn put_data(data: &StateData, base: Base<'_>, out: &mut Vec<u8>) {
    match data {
        StateData::Inline(bytes) => {
            out.push(INLINE);
            put_bytes(bytes, out);
        }
        StateData::File(file) => {
            out.push(FILE);
            put_file(file, base, out);
        }
    }
}

fn take_data(cursor: &mut Cursor<'_>, base: Base<'_>) -> Result<StateData> {
    match cursor.u8()? {
        INLINE => cursor.bytes().map(StateData::Inline),
        FILE => take_file(cursor, base).map(StateData::File),
        other => Err(cursor.corrupt(format!("state is neither inline nor a file but {other}"))),
    }
}

/// Writes where a file lies: relative to the base if it is below it, so that the folder can move.
fn put_file(file: &StateFile, base: Base<'_>, out: &mut Vec<u8>) {
    let relative = base.and_then(|base| {
        let url = StorageUrl::parse(&file.url).ok()?;
        // Only what reads back as the same address.
        url.relative_to(base).filter(|_| url.to_string() == *file.url)
    });
    if let Some(path) = relative {
        out.push(RELATIVE);
        put_bytes(path.as_bytes(), out);
    } else {
        out.push(ABSOLUTE);
        put_bytes(file.url.as_bytes(), out);
    }
    out.extend_from_slice(&file.bytes.to_le_bytes());
    out.extend_from_slice(&file.checksum.to_le_bytes());
}

fn take_file(cursor: &mut Cursor<'_>, base: Base<'_>) -> Result<StateFile> {
    let place = cursor.u8()?;
    let path = cursor.text()?;
    let url: Arc<str> = match (place, base) {
        (ABSOLUTE, _) => match StorageUrl::parse(path) {
            Ok(_) => path.into(),
            Err(error) => return Err(cursor.corrupt(error.to_string())),
        },
        (RELATIVE, Some(base)) => match base.join(path) {
            Ok(url) => url.to_string().into(),
            Err(error) => return Err(cursor.corrupt(error.to_string())),
        },
        (RELATIVE, None) => return Err(cursor.corrupt("a path is relative to nothing")),
        (other, _) => {
            return Err(cursor.corrupt(format!("a file lies neither here nor there but {other}")));
        }
    };
    Ok(StateFile { url, bytes: cursor.u64()?, checksum: cursor.u64()? })
}

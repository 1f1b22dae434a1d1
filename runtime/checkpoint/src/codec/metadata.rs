//! `_metadata`.

use std::collections::BTreeMap;

use sciurus_core::checkpoint::{CheckpointId, Ending, SavepointFormat, SnapshotKind};
use sciurus_core::ids::{HEX_ID_BYTES, JobId, OperatorId};
use sciurus_core::key::MAX_KEY_GROUPS;

use super::envelope::{self, Kind};
use super::handles::{insert, put_subtask, take_subtask};
use super::{Base, Cursor, MetadataError, put_bytes, put_len};
use crate::handle::KeyedStateHandle;
use crate::metadata::{CheckpointMetadata, OperatorState};
use crate::storage::StorageUrl;

type Result<T> = std::result::Result<T, MetadataError>;

const METADATA: Kind = Kind { magic: *b"SCI-CHKP", name: "checkpoint metadata" };

const CHECKPOINT: u8 = 0;
const FULL_CHECKPOINT: u8 = 1;
const SAVEPOINT: u8 = 2;

const IS_FINISHED: u8 = 1;
const HAS_UID: u8 = 2;
const HAS_ENUMERATOR: u8 = 4;

/// The fewest bytes that an operator takes: id, flags, name, two parallelisms, count.
const OPERATOR_BYTES: usize = HEX_ID_BYTES + 1 + 4 + 4 + 4 + 4;

impl CheckpointMetadata {
    /// Returns its bytes: docs/formats.md, "Checkpoint metadata". Paths of files in the
    /// checkpoint's own folder are relative to it, so that it can be moved as a whole.
    pub fn encode(&self) -> Vec<u8> {
        let base = StorageUrl::parse(&self.exclusive).ok();
        envelope::seal(&METADATA, |out| {
            out.extend_from_slice(&self.job.to_bytes());
            put_bytes(self.job_name.as_bytes(), out);
            out.extend_from_slice(&self.id.0.to_le_bytes());
            put_kind(self.kind, out);
            out.extend_from_slice(&self.timestamp.to_le_bytes());
            put_bytes(self.exclusive.as_bytes(), out);
            put_len(self.operators.len(), out);
            for operator in &self.operators {
                put_operator(operator, base.as_ref(), out);
            }
        })
    }

    /// Reads its bytes, as they were written: `exclusive` is the folder it was written to.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        Self::decode_in(bytes, None)
    }

    /// Reads its bytes, found in this folder: `exclusive` and what lies below it are there, wherever
    /// it was written.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn decode_at(bytes: &[u8], folder: &StorageUrl) -> Result<Self> {
        Self::decode_in(bytes, Some(folder))
    }

    fn decode_in(bytes: &[u8], folder: Base<'_>) -> Result<Self> {
        let mut cursor = Cursor::new(envelope::open(&METADATA, bytes)?, "its head");
        let cursor = &mut cursor;
        let job = JobId::from_bytes(cursor.array()?);
        let job_name = cursor.text()?.to_owned();
        let id = CheckpointId(cursor.u64()?);
        let kind = take_kind(cursor)?;
        let timestamp = cursor.i64()?;
        let written = cursor.text()?;
        let written_base = StorageUrl::parse(written).ok();
        let exclusive = folder.map_or_else(|| written.to_owned(), ToString::to_string);
        let base = folder.or(written_base.as_ref());
        let mut operators = Vec::new();
        for _ in 0..cursor.count(OPERATOR_BYTES)? {
            operators.push(take_operator(cursor, base)?);
        }
        cursor.end()?;
        Ok(Self { job, job_name, id, kind, timestamp, exclusive, operators })
    }
}

fn put_kind(kind: SnapshotKind, out: &mut Vec<u8>) {
    let (kind, format, ending) = match kind {
        SnapshotKind::Checkpoint => (CHECKPOINT, 0, 0),
        SnapshotKind::FullCheckpoint => (FULL_CHECKPOINT, 0, 0),
        SnapshotKind::Savepoint { format, ending } => {
            let format = match format {
                SavepointFormat::Canonical => 1,
                SavepointFormat::Native => 2,
            };
            let ending = match ending {
                None => 0,
                Some(Ending::Suspend) => 1,
                Some(Ending::Drain) => 2,
            };
            (SAVEPOINT, format, ending)
        }
    };
    out.extend_from_slice(&[kind, format, ending]);
}

fn take_kind(cursor: &mut Cursor<'_>) -> Result<SnapshotKind> {
    let bytes: [u8; 3] = cursor.array()?;
    Ok(match bytes {
        [CHECKPOINT, 0, 0] => SnapshotKind::Checkpoint,
        [FULL_CHECKPOINT, 0, 0] => SnapshotKind::FullCheckpoint,
        [SAVEPOINT, format @ (1 | 2), ending @ (0..=2)] => SnapshotKind::Savepoint {
            format: match format {
                1 => SavepointFormat::Canonical,
                _ => SavepointFormat::Native,
            },
            ending: match ending {
                0 => None,
                1 => Some(Ending::Suspend),
                _ => Some(Ending::Drain),
            },
        },
        _ => return Err(cursor.corrupt(format!("there is no kind {bytes:?}"))),
    })
}

fn put_operator(operator: &OperatorState, base: Base<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(&operator.id.to_bytes());
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    out.push(
        flag(operator.is_finished, IS_FINISHED)
            | flag(operator.uid.is_some(), HAS_UID)
            | flag(operator.enumerator.is_some(), HAS_ENUMERATOR),
    );
    if let Some(uid) = &operator.uid {
        put_bytes(uid.as_bytes(), out);
    }
    put_bytes(operator.name.as_bytes(), out);
    out.extend_from_slice(&operator.parallelism.to_le_bytes());
    out.extend_from_slice(&operator.max_parallelism.to_le_bytes());
    if let Some(enumerator) = &operator.enumerator {
        put_bytes(enumerator, out);
    }
    put_len(operator.subtasks.len(), out);
    for (subtask, state) in &operator.subtasks {
        out.extend_from_slice(&subtask.to_le_bytes());
        put_subtask(state, base, out);
    }
}

fn take_operator(cursor: &mut Cursor<'_>, base: Base<'_>) -> Result<OperatorState> {
    cursor.part("an operator");
    let id = OperatorId::from_bytes(cursor.array()?);
    let flags = cursor.u8()?;
    if flags > IS_FINISHED | HAS_UID | HAS_ENUMERATOR {
        return Err(cursor.corrupt(format!("it has the flags {flags}")));
    }
    let uid = match flags & HAS_UID {
        0 => None,
        _ => Some(cursor.text()?.to_owned()),
    };
    let name = cursor.text()?.to_owned();
    let (parallelism, max_parallelism) = (cursor.u32()?, cursor.u32()?);
    if parallelism == 0 || parallelism > max_parallelism || max_parallelism > MAX_KEY_GROUPS {
        let reason = format!("a parallelism of {parallelism} of {max_parallelism}");
        return Err(cursor.corrupt(reason));
    }
    let enumerator = match flags & HAS_ENUMERATOR {
        0 => None,
        _ => Some(cursor.bytes()?),
    };
    let mut subtasks = BTreeMap::new();
    for _ in 0..cursor.count(4 + 1)? {
        let subtask = cursor.u32()?;
        if subtask >= parallelism {
            return Err(cursor.corrupt(format!("subtask {subtask} of {parallelism}")));
        }
        let state = take_subtask(cursor, base)?;
        if let Some(range) = state.keyed.as_ref().map(KeyedStateHandle::range)
            && range.end > max_parallelism
        {
            let reason = format!("key group {} of {max_parallelism}", range.end - 1);
            return Err(cursor.corrupt(reason));
        }
        insert(&mut subtasks, subtask, state, cursor)?;
        cursor.part("an operator");
    }
    let is_finished = flags & IS_FINISHED != 0;
    Ok(OperatorState {
        id,
        uid,
        name,
        parallelism,
        max_parallelism,
        subtasks,
        enumerator,
        is_finished,
    })
}

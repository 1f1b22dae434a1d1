//! What a subtask is restored from.

use std::collections::BTreeMap;

use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::ids::{HEX_ID_BYTES, OperatorId};

use super::envelope::{self, Kind};
use super::handles::{insert, put_keyed, put_operator, take_keyed, take_operator};
use super::{Cursor, MetadataError, put_len};
use crate::metadata::{OperatorRestore, SubtaskRestore};

type Result<T> = std::result::Result<T, MetadataError>;

const SUBTASK_RESTORE: Kind =
    Kind { magic: *b"SCI-REST", name: "state that a subtask starts with" };

/// The fewest bytes of an operator: id, parallelism, two counts.
const OPERATOR_BYTES: usize = HEX_ID_BYTES + 4 + 4 + 4;
/// The fewest bytes of a handle of keyed state: kind, key groups, place, length.
const KEYED_BYTES: usize = 1 + 8 + 1 + 4;
/// The fewest bytes of a subtask's operator state: index, union, place, length.
const OPERATOR_STATE_BYTES: usize = 4 + 1 + 1 + 4;

impl SubtaskRestore {
    /// Returns its bytes: docs/formats.md, "Messages about state".
    pub fn encode(&self) -> Vec<u8> {
        envelope::seal(&SUBTASK_RESTORE, |out| {
            out.extend_from_slice(&self.checkpoint.0.to_le_bytes());
            out.push(u8::from(self.is_finished));
            put_len(self.operators.len(), out);
            for (id, restore) in &self.operators {
                out.extend_from_slice(&id.to_bytes());
                out.extend_from_slice(&restore.old_parallelism.to_le_bytes());
                put_len(restore.keyed.len(), out);
                for handle in &restore.keyed {
                    put_keyed(handle, None, out);
                }
                put_len(restore.operator.len(), out);
                for (subtask, handle) in &restore.operator {
                    out.extend_from_slice(&subtask.to_le_bytes());
                    put_operator(handle, None, out);
                }
            }
        })
    }

    /// Reads its bytes.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut cursor = Cursor::new(envelope::open(&SUBTASK_RESTORE, bytes)?, "its head");
        let cursor = &mut cursor;
        let checkpoint = CheckpointId(cursor.u64()?);
        let is_finished = cursor.bool()?;
        let mut operators = BTreeMap::new();
        for _ in 0..cursor.count(OPERATOR_BYTES)? {
            let id = OperatorId::from_bytes(cursor.array()?);
            let restore = take_operator_restore(cursor)?;
            insert(&mut operators, id, restore, cursor)?;
        }
        cursor.end()?;
        Ok(Self { checkpoint, operators, is_finished })
    }
}

fn take_operator_restore(cursor: &mut Cursor<'_>) -> Result<OperatorRestore> {
    cursor.part("an operator");
    let old_parallelism = cursor.u32()?;
    let mut keyed = Vec::new();
    for _ in 0..cursor.count(KEYED_BYTES)? {
        keyed.push(take_keyed(cursor, None)?);
    }
    let mut operator = BTreeMap::new();
    for _ in 0..cursor.count(OPERATOR_STATE_BYTES)? {
        let subtask = cursor.u32()?;
        let handle = take_operator(cursor, None)?;
        insert(&mut operator, subtask, handle, cursor)?;
    }
    Ok(OperatorRestore { keyed, operator, old_parallelism })
}

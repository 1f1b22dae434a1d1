//! What the database has yet to be told, as a view that another thread can write.

use std::sync::Arc;

use sciurus_core::key::{KeyGroup, KeyGroupRange, key_group};
use sciurus_core::time::Timestamp;

use super::database::{Database, DatabaseError};
use super::layout::{Pane, RowKey, put_stamp};
use crate::heap::keys::KeySnapshot;
use crate::heap::store::StoreSnapshot;
use crate::snapshot::SnapshotError;

/// What has changed of one state in one pane.
pub(super) struct Part {
    pub(super) state: u16,
    pub(super) pane: Pane,
    /// Whether values expire.
    pub(super) stamped: bool,
    pub(super) keys: Arc<KeySnapshot>,
    /// `None` where nothing was ever stored: all that was there is deleted.
    pub(super) column: Option<Box<dyn StoreSnapshot>>,
    pub(super) slots: Arc<Vec<u32>>,
}

/// What has changed since the database was told last.
pub(super) struct Pending {
    pub(super) parts: Vec<Part>,
    pub(super) max_parallelism: u32,
    pub(super) range: KeyGroupRange,
    pub(super) now: Timestamp,
}

/// Bytes one behind the other.
#[derive(Default)]
struct Keys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Keys {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn get(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }
}

impl Pending {
    /// Tells the database. Returns how many bytes that took.
    pub(super) fn write(&self, database: &Database) -> Result<usize, SnapshotError> {
        let mut writer = database.writer();
        let (mut keys, mut value, mut bytes) = (Keys::default(), Vec::new(), 0);
        for part in &self.parts {
            keys.clear();
            let mut rows = Vec::with_capacity(part.slots.len());
            for slot in part.slots.iter() {
                let Some(key) = part.keys.get(*slot) else { continue };
                let group: KeyGroup = key_group(key.hash(), self.max_parallelism);
                if !self.range.contains(group) {
                    return Err(SnapshotError::ForeignKey { group, range: self.range });
                }
                let row = RowKey { group, state: part.state, pane: part.pane, key: key.as_slice() };
                row.write(&mut keys.bytes);
                rows.push((keys.ends.len() as u32, *slot));
                keys.ends.push(keys.bytes.len());
            }
            // In order, each goes in next to the one before.
            rows.sort_unstable_by(|(one, _), (other, _)| {
                keys.get(*one as usize).cmp(keys.get(*other as usize))
            });
            for (index, slot) in rows {
                let (key, slot) = (keys.get(index as usize), slot as usize);
                match part.column.as_ref().filter(|column| column.is_occupied(slot)) {
                    Some(column) => {
                        value.clear();
                        if part.stamped {
                            put_stamp(self.now, &mut value);
                        }
                        column.encode(slot, &mut value);
                        bytes += value.len();
                        writer.put(key, &value)?;
                    }
                    None => writer.delete(key)?,
                }
            }
        }
        writer.finish()?;
        Ok(bytes)
    }
}

impl From<DatabaseError> for std::io::Error {
    fn from(error: DatabaseError) -> Self {
        Self::other(error)
    }
}

//! A view of a heap backend that another thread writes while the backend goes on.

use std::fmt;
use std::io::Write;

use sciurus_core::key::{KeyGroupRange, key_group};

use super::HeapBackend;
use super::keys::KeySnapshot;
use super::restore::UnclaimedState;
use super::store::StoreSnapshot;
use crate::namespace::Namespace;
use crate::snapshot::{
    SectionKind, SnapshotError, SnapshotHeader, SnapshotState, SnapshotStats, SnapshotWriter,
};
use crate::timer::{TimeDomain, TimerQueueSnapshot};

/// An immutable view of a heap backend.
///
/// Making it takes time in proportion to the number of chunks, not to the state. As long as it is
/// there, the backend copies each chunk that it writes to for the first time.
pub struct HeapSnapshot {
    max_parallelism: u32,
    range: KeyGroupRange,
    states: Vec<SnapshotState>,
    tables: Vec<TableSnapshot>,
    /// States of the snapshot restored from that nobody registered; they go on into the next.
    unclaimed: Vec<UnclaimedState>,
    event_timers: TimerQueueSnapshot,
    processing_timers: TimerQueueSnapshot,
}

struct TableSnapshot {
    namespace: Namespace,
    keys: KeySnapshot,
    columns: Vec<Option<Box<dyn StoreSnapshot>>>,
}

impl fmt::Debug for HeapSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeapSnapshot")
            .field("range", &self.range)
            .field("states", &self.states)
            .finish_non_exhaustive()
    }
}

impl HeapBackend {
    pub(super) fn take_snapshot(&mut self) -> HeapSnapshot {
        let states = self.states.iter().map(|state| SnapshotState {
            name: state.descriptor.name.to_string(),
            kind: state.descriptor.kind,
            stamped: state.ttl.as_ref().is_some_and(|ttl| !ttl.is_disabled()),
            type_name: state.descriptor.type_name.to_owned(),
        });
        let tables = self.tables.iter_mut().map(|table| TableSnapshot {
            namespace: table.namespace,
            keys: table.keys.snapshot(),
            columns: table
                .columns
                .iter_mut()
                .map(|column| column.as_mut().map(|column| column.snapshot()))
                .collect(),
        });
        HeapSnapshot {
            max_parallelism: self.max_parallelism,
            range: self.range,
            states: states.collect(),
            tables: tables.collect(),
            unclaimed: self.unclaimed.clone(),
            event_timers: self.event_timers.snapshot(),
            processing_timers: self.processing_timers.snapshot(),
        }
    }
}

impl HeapSnapshot {
    /// Writes the snapshot; see docs/formats.md for the form.
    ///
    /// # Errors
    /// [`SnapshotError::Io`], [`SnapshotError::TooLarge`], [`SnapshotError::ForeignKey`].
    pub fn write(&self, out: impl Write) -> Result<SnapshotStats, SnapshotError> {
        let mut states = self.states.clone();
        states.extend(self.unclaimed.iter().map(|state| state.header.clone()));
        let (max_parallelism, range) = (self.max_parallelism, self.range);
        let mut writer =
            SnapshotWriter::new(out, &SnapshotHeader { max_parallelism, range, states })?;
        for table in &self.tables {
            table.write(&mut writer, self)?;
        }
        for (number, state) in self.unclaimed.iter().enumerate() {
            state.write(&mut writer, (self.states.len() + number) as u32)?;
        }
        for (domain, timers) in [
            (TimeDomain::Event, &self.event_timers),
            (TimeDomain::Processing, &self.processing_timers),
        ] {
            for timer in timers.iter() {
                writer.timer(key_group(timer.hash(), max_parallelism), domain, timer)?;
            }
        }
        writer.finish()
    }
}

impl TableSnapshot {
    /// Writes all states of all keys, in the order in which they lie in memory.
    fn write<W: Write>(
        &self,
        writer: &mut SnapshotWriter<W>,
        snapshot: &HeapSnapshot,
    ) -> Result<(), SnapshotError> {
        let groups = self.keys.groups(snapshot.range, snapshot.max_parallelism)?;
        for (state, column) in self.columns.iter().enumerate() {
            let Some(column) = column else { continue };
            let kind = SectionKind::State { state: state as u32, namespace: self.namespace };
            let mut slots = 0..groups.len();
            while !slots.is_empty() {
                writer.entries(kind, |out| {
                    column.encode_entries(&self.keys, &groups, &mut slots, out)
                })?;
            }
        }
        Ok(())
    }
}

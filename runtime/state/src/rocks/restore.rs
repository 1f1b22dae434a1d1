//! Taking over what a checkpoint or a savepoint holds of this backend's key groups.
//!
//! Of files, those that hold most of the key groups are opened as they are and the other groups
//! cut off; what others hold is copied. Whatever comes in the form of every backend is written row
//! by row.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rocksdb::{DB, WriteBatch};
use sciurus_core::key::{KeyGroup, KeyGroupRange, hash_key, key_group};

use super::database::{DatabaseError, Rows};
use super::filter::{Census, Living};
use super::layout::{RowKey, put_stamp, rows_of_groups};
use super::metadata::Metadata;
use super::scratch::{ScratchFolder, link, random_id};
use super::shared::RocksShared;
use super::snapshot::{TIMERS, is_sst};
use super::{RocksBackend, StateInfo};
use crate::backend::BackendConfig;
use crate::descriptor::StateId;
use crate::settings::RestoreInput;
use crate::snapshot::{Section, SectionKind, SnapshotError, SnapshotReader, SnapshotState};
use crate::timer::{TimeDomain, Timer};

/// Files to restore from, which go away with this.
struct Files {
    metadata: Metadata,
    folder: ScratchFolder,
}

impl Files {
    fn read(metadata: &[u8], folder: PathBuf) -> Result<Self, SnapshotError> {
        let folder = ScratchFolder::adopt(folder);
        let metadata = Metadata::decode(metadata)?;
        for (name, bytes) in &metadata.files {
            let path = folder.path().join(name);
            let found = path.metadata().map_err(|error| broken(&path, &error.to_string()))?.len();
            if found != *bytes {
                let reason = format!("it has {found} bytes instead of {bytes}");
                return Err(broken(&path, &reason));
            }
        }
        Ok(Self { metadata, folder })
    }

    /// Returns the key groups of `range` that these hold.
    fn overlap(&self, range: KeyGroupRange) -> Range<u32> {
        let own = self.metadata.range;
        let start = own.start.max(range.start);
        start..own.end.min(range.end).max(start)
    }

    /// Links the files into `folder`, by the names that RocksDB knows them by. Returns the names
    /// that files have in checkpoints, by those.
    fn link(&self, folder: &Path) -> Result<BTreeMap<String, String>, SnapshotError> {
        let mut inherited = BTreeMap::new();
        for name in self.metadata.files.keys().filter(|name| *name != TIMERS) {
            let local = match name.rsplit_once('-') {
                Some((_, local)) if is_sst(local) => local,
                _ => name,
            };
            let (from, to) = (self.folder.path().join(name), folder.join(local));
            link(&from, &to).map_err(|error| broken(&to, &error.to_string()))?;
            if local != name {
                inherited.insert(local.to_owned(), name.clone());
            }
        }
        Ok(inherited)
    }
}

fn broken(path: &Path, reason: &str) -> SnapshotError {
    SnapshotError::corrupt(path.display().to_string(), reason)
}

impl RocksBackend {
    /// Makes a backend with what each of `inputs` has of its key groups.
    ///
    /// # Errors
    /// Where an input can't be read, or several hold the same key group.
    pub fn restored(
        shared: &Arc<RocksShared>,
        config: BackendConfig,
        inputs: Vec<RestoreInput>,
    ) -> Result<Self, SnapshotError> {
        let (mut files, mut snapshots) = (Vec::new(), Vec::new());
        for input in inputs {
            match input {
                RestoreInput::Snapshot(bytes) => snapshots.push(bytes),
                RestoreInput::Files { metadata, folder, .. } => {
                    files.push(Files::read(&metadata, folder)?);
                }
            }
        }
        let most = (0..files.len()).max_by_key(|index| files[*index].overlap(config.range).len());
        let mut backend = match most {
            Some(index) => Self::open_files(shared, config, &files.swap_remove(index))?,
            None => Self::new(shared, config)?,
        };
        for files in files {
            backend.copy_files(&files)?;
        }
        for snapshot in snapshots {
            backend.restore_snapshot(&mut SnapshotReader::open(snapshot)?)?;
        }
        Ok(backend)
    }

    fn open_files(
        shared: &Arc<RocksShared>,
        config: BackendConfig,
        files: &Files,
    ) -> Result<Self, SnapshotError> {
        let id = random_id();
        let folder = ScratchFolder::create(shared.folder().join(&id))?;
        let inherited = files.link(folder.path())?;
        let census = Census::default();
        let metadata = &files.metadata;
        // A compaction may start as soon as it is open.
        let mut panes: Vec<_> = metadata.panes.values().copied().collect();
        panes.sort_unstable();
        census.publish(Living { panes, time_to_live: Vec::new() });
        let range = config.range;
        let mut backend = Self::open(shared, config, id, folder, census)?;
        backend.inherited = Arc::new(inherited);
        backend.panes.clone_from(&metadata.panes);
        backend.next_pane = metadata.next_pane;
        backend.states = metadata.states.iter().map(unclaimed).collect();
        let overlap = files.overlap(range);
        backend.note_restored(metadata.max_parallelism, overlap.clone())?;
        let own = metadata.range;
        backend.cut_off(own.start..overlap.start)?;
        backend.cut_off(overlap.end..own.end)?;
        backend.restore_timers(files)?;
        backend.publish();
        Ok(backend)
    }

    /// Deletes all rows of key groups.
    fn cut_off(&self, groups: Range<u32>) -> Result<(), SnapshotError> {
        if groups.is_empty() {
            return Ok(());
        }
        let bounds = rows_of_groups(groups);
        let failed = |error| self.database.error("delete key groups from", error);
        // Whole files first: they cost nothing.
        self.database.db().delete_file_in_range(bounds.start, bounds.end).map_err(failed)?;
        let mut batch = WriteBatch::default();
        batch.delete_range(bounds.start, bounds.end);
        Ok(self.database.write(batch)?)
    }

    /// Notes which key groups come from an input, each from one only.
    fn note_restored(
        &mut self,
        max_parallelism: u32,
        groups: Range<u32>,
    ) -> Result<(), SnapshotError> {
        if !self.numbers.is_empty() {
            return Err(SnapshotError::AlreadyInUse);
        }
        if max_parallelism != self.max_parallelism {
            let expected = self.max_parallelism;
            return Err(SnapshotError::MaxParallelism { expected, found: max_parallelism });
        }
        for group in groups {
            let restored = &mut self.restored[(group - self.range.start) as usize];
            if std::mem::replace(restored, true) {
                return Err(SnapshotError::Overlap { group });
            }
        }
        Ok(())
    }

    /// Returns the numbers that an input's states have here.
    fn places(&mut self, states: &[SnapshotState]) -> Result<Vec<u16>, SnapshotError> {
        let mut places = Vec::with_capacity(states.len());
        for header in states {
            let known = self.states.iter().position(|state| state.header.name == header.name);
            if let Some(number) = known {
                let other = &self.states[number].header;
                if other.kind != header.kind {
                    return Err(SnapshotError::Kind {
                        state: header.name.clone(),
                        found: header.kind,
                        other: other.kind,
                    });
                }
                if other.stamped != header.stamped {
                    let part = format!("state `{}`", header.name);
                    let reason = "its values expire in one of the snapshots and not in another";
                    return Err(SnapshotError::corrupt(part, reason));
                }
            } else {
                if self.states.len() == StateId::LIMIT {
                    let reason = format!("there are more than {} states", StateId::LIMIT);
                    return Err(SnapshotError::corrupt("the snapshots", reason));
                }
                self.states.push(unclaimed(header));
            }
            places.push(known.unwrap_or(self.states.len() - 1) as u16);
        }
        Ok(places)
    }

    /// Copies what files hold of this backend's key groups.
    fn copy_files(&mut self, files: &Files) -> Result<(), SnapshotError> {
        let overlap = files.overlap(self.range);
        self.note_restored(files.metadata.max_parallelism, overlap.clone())?;
        if overlap.is_empty() {
            return Ok(());
        }
        let places = self.places(&files.metadata.states)?;
        let mut panes = BTreeMap::new();
        for (namespace, pane) in &files.metadata.panes {
            let own = self.pane(*namespace).map_err(std::io::Error::other)?;
            panes.insert(*pane, own);
        }
        let shared = self.database.shared.clone();
        let folder = ScratchFolder::create(shared.folder().join(random_id()))?;
        files.link(folder.path())?;
        let path = folder.path();
        let db = DB::open_for_read_only(&shared.reading(), path, false)
            .map_err(|error| DatabaseError::new("open", path, error))?;
        let mut rows = Rows::new(&db, path, rows_of_groups(overlap), false);
        let database = self.database.clone();
        let mut writer = database.writer();
        let mut key = Vec::new();
        while let Some((row, value)) = rows.next()? {
            // Of a pane that was dropped there is no row any more.
            let Some(pane) = panes.get(&row.pane).copied() else { continue };
            let Some(state) = places.get(usize::from(row.state)).copied() else {
                return Err(broken(path, &format!("it has a row of state {}", row.state)));
            };
            key.clear();
            RowKey { state, pane, ..row }.write(&mut key);
            writer.put(&key, value)?;
        }
        writer.finish()?;
        self.restore_timers(files)
    }

    fn restore_timers(&mut self, files: &Files) -> Result<(), SnapshotError> {
        if !files.metadata.files.contains_key(TIMERS) {
            return Ok(());
        }
        let path = files.folder.path().join(TIMERS);
        let file = File::open(&path).map_err(|error| broken(&path, &error.to_string()))?;
        let mut snapshot = SnapshotReader::open(file)?;
        self.read_blocks(&mut snapshot, &[])
    }

    /// Takes over a snapshot in the form of every backend.
    pub(super) fn restore_snapshot<R: Read + Seek>(
        &mut self,
        snapshot: &mut SnapshotReader<R>,
    ) -> Result<(), SnapshotError> {
        let header = snapshot.header().clone();
        let start = header.range.start.max(self.range.start);
        let end = header.range.end.min(self.range.end).max(start);
        self.note_restored(header.max_parallelism, start..end)?;
        let places = self.places(&header.states)?;
        self.read_blocks(snapshot, &places)?;
        self.publish();
        Ok(())
    }

    fn read_blocks<R: Read + Seek>(
        &mut self,
        snapshot: &mut SnapshotReader<R>,
        places: &[u16],
    ) -> Result<(), SnapshotError> {
        let (mut event, mut processing) = (Vec::new(), Vec::new());
        let range = self.range;
        let wanted: Vec<_> =
            snapshot.blocks().iter().copied().filter(|block| range.contains(block.group)).collect();
        for entry in wanted {
            let block = snapshot.read_block(entry)?;
            for section in block.sections()? {
                match section.kind {
                    SectionKind::State { state, .. } => {
                        let Some(number) = places.get(state as usize) else {
                            let part = format!("the block of key group {}", entry.group);
                            return Err(SnapshotError::corrupt(part, format!("state {state}")));
                        };
                        self.write_section(&section, entry.group, *number)?;
                    }
                    SectionKind::Timers(domain) => {
                        let timers = match domain {
                            TimeDomain::Event => &mut event,
                            TimeDomain::Processing => &mut processing,
                        };
                        self.read_timers(&section, entry.group, timers)?;
                    }
                }
            }
        }
        self.heap.event_timers.extend(event);
        self.heap.processing_timers.extend(processing);
        Ok(())
    }

    fn write_section(
        &mut self,
        section: &Section<'_>,
        group: KeyGroup,
        state: u16,
    ) -> Result<(), SnapshotError> {
        let SectionKind::State { namespace, .. } = section.kind else { return Ok(()) };
        let pane = self.pane(namespace).map_err(std::io::Error::other)?;
        let stamped = self.states[usize::from(state)].header.stamped;
        let now = self.clock.now();
        let mut writer = self.database.writer();
        let (mut key, mut row) = (Vec::new(), Vec::new());
        for entry in section.entries() {
            let (bytes, value) = entry?;
            self.check_group(hash_key(bytes), group)?;
            key.clear();
            RowKey { group, state, pane, key: bytes }.write(&mut key);
            row.clear();
            if stamped {
                put_stamp(now, &mut row);
            }
            row.extend_from_slice(value);
            writer.put(&key, &row)?;
        }
        Ok(writer.finish()?)
    }

    fn check_group(&self, hash: u64, group: KeyGroup) -> Result<(), SnapshotError> {
        let found = key_group(hash, self.max_parallelism);
        if found == group {
            return Ok(());
        }
        let part = format!("the block of key group {group}");
        Err(SnapshotError::corrupt(part, format!("it has a key of group {found}")))
    }

    fn read_timers(
        &self,
        section: &Section<'_>,
        group: KeyGroup,
        out: &mut Vec<Timer>,
    ) -> Result<(), SnapshotError> {
        for timer in section.timers() {
            let timer = timer?;
            self.check_group(timer.hash(), group)?;
            out.push(timer);
        }
        Ok(())
    }
}

/// A state that nobody has registered yet.
fn unclaimed(header: &SnapshotState) -> StateInfo {
    StateInfo { header: header.clone(), id: None, time_to_live: None, renewed_by_reading: false }
}

//! A view of a backend: links to its files, made by whoever writes the snapshot.
//!
//! The task's thread only notes what the database has yet to be told. Telling it, and making the
//! links, is done by another thread; until that is through the backend writes nothing to the
//! database, so that the links show the state as it was.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rocksdb::DB;
use rocksdb::checkpoint::Checkpoint;
use sciurus_core::key::{KeyGroup, KeyGroupRange, key_group};

use super::database::{Database, DatabaseError, Rows};
use super::layout::{Pane, rows_of_groups, split_stamp};
use super::metadata::Metadata;
use super::pending::Pending;
use super::scratch::ScratchFolder;
use crate::namespace::Namespace;
use crate::snapshot::{
    SectionKind, SnapshotError, SnapshotFile, SnapshotFiles, SnapshotHeader, SnapshotState,
    SnapshotStats, SnapshotWriter,
};
use crate::timer::{TimeDomain, Timer, TimerQueueSnapshot};

/// The file that holds the timers: a keyed state snapshot without states.
pub(super) const TIMERS: &str = "TIMERS";

/// Returns whether this is the name of a file of rows, which never changes.
pub(super) fn is_sst(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "sst")
}

/// How far the links are.
enum Stage {
    /// The database has yet to be told, and the links to be made.
    Pending(Pending),
    /// The links are there.
    Linked {
        _folder: ScratchFolder,
    },
    /// Nobody wanted them.
    Written,
    Failed(String),
}

/// The links to the files of a database, once somebody has made them.
pub(super) struct Links {
    database: Arc<Database>,
    folder: PathBuf,
    stage: Mutex<Stage>,
    done: AtomicBool,
}

impl Links {
    pub(super) fn new(database: Arc<Database>, folder: PathBuf, pending: Pending) -> Self {
        let stage = Mutex::new(Stage::Pending(pending));
        Self { database, folder, stage, done: AtomicBool::new(false) }
    }

    pub(super) fn failed(database: Arc<Database>, reason: String) -> Self {
        let stage = Mutex::new(Stage::Failed(reason));
        Self { database, folder: PathBuf::new(), stage, done: AtomicBool::new(true) }
    }

    /// Returns whether the database was told.
    pub(super) fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }

    /// Tells the database unless that was done; waits where another thread does it. With `link`,
    /// makes the links as well.
    pub(super) fn settle(&self, link: bool) -> Result<(), SnapshotError> {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        if let Stage::Pending(pending) = &*stage {
            *stage = match self.make(pending, link) {
                Ok(made) => made,
                Err(error) => Stage::Failed(error.to_string()),
            };
            self.done.store(true, Ordering::Release);
        }
        match &*stage {
            Stage::Failed(reason) => Err(std::io::Error::other(reason.clone()).into()),
            Stage::Pending(_) | Stage::Linked { .. } | Stage::Written => Ok(()),
        }
    }

    fn make(&self, pending: &Pending, link: bool) -> Result<Stage, SnapshotError> {
        pending.write(&self.database)?;
        if !link {
            return Ok(Stage::Written);
        }
        let folder = ScratchFolder::adopt(self.folder.clone());
        let failed = |error: rocksdb::Error| self.database.error("make a checkpoint of", error);
        // Writes what isn't in files yet.
        let checkpoint = Checkpoint::new(self.database.db()).map_err(failed)?;
        checkpoint.create_checkpoint(folder.path()).map_err(failed)?;
        Ok(Stage::Linked { _folder: folder })
    }
}

/// An immutable view of a rocksdb backend.
pub struct RocksSnapshot {
    pub(super) links: Arc<Links>,
    /// Names the files that this backend wrote.
    pub(super) id: Arc<str>,
    /// The names of files that the backend was restored from, by their names here.
    pub(super) inherited: Arc<BTreeMap<String, String>>,
    pub(super) max_parallelism: u32,
    pub(super) range: KeyGroupRange,
    pub(super) states: Vec<SnapshotState>,
    pub(super) panes: BTreeMap<Namespace, Pane>,
    pub(super) next_pane: Pane,
    pub(super) event_timers: TimerQueueSnapshot,
    pub(super) processing_timers: TimerQueueSnapshot,
}

impl fmt::Debug for RocksSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RocksSnapshot")
            .field("range", &self.range)
            .field("states", &self.states)
            .finish_non_exhaustive()
    }
}

/// The timers of each key group.
type Timers<'a> = BTreeMap<KeyGroup, Vec<(TimeDomain, &'a Timer)>>;

impl RocksSnapshot {
    fn timers(&self) -> Result<Timers<'_>, SnapshotError> {
        let mut timers = Timers::new();
        let event = self.event_timers.iter().map(|timer| (TimeDomain::Event, timer));
        let processing = self.processing_timers.iter().map(|timer| (TimeDomain::Processing, timer));
        for (domain, timer) in event.chain(processing) {
            let group = key_group(timer.hash(), self.max_parallelism);
            if !self.range.contains(group) {
                return Err(SnapshotError::ForeignKey { group, range: self.range });
            }
            timers.entry(group).or_default().push((domain, timer));
        }
        Ok(timers)
    }

    fn header(&self, states: Vec<SnapshotState>) -> SnapshotHeader {
        SnapshotHeader { max_parallelism: self.max_parallelism, range: self.range, states }
    }

    /// Writes the snapshot in the form of every backend; see docs/formats.md.
    ///
    /// # Errors
    /// [`SnapshotError::Io`], [`SnapshotError::TooLarge`], [`SnapshotError::ForeignKey`].
    pub fn write(&self, out: impl Write) -> Result<SnapshotStats, SnapshotError> {
        self.links.settle(true)?;
        let folder = &self.links.folder;
        let failed = |error| DatabaseError::new("open", folder, error);
        let database = &self.links.database;
        // Nothing is left out behind our back, as it would be of the backend's own database.
        let db =
            DB::open_for_read_only(&database.shared.reading(), folder, false).map_err(failed)?;
        let namespaces: BTreeMap<Pane, Namespace> =
            self.panes.iter().map(|(namespace, pane)| (*pane, *namespace)).collect();
        let timers = self.timers()?;
        let mut writer = SnapshotWriter::new(out, &self.header(self.states.clone()))?;
        let groups = self.range.start..self.range.end;
        let mut rows = Rows::new(&db, folder, rows_of_groups(groups.clone()), false);
        for group in self.range.groups().into_iter().flatten() {
            while let Some((key, value)) = rows.peek()?.filter(|(key, _)| key.group == group) {
                let state = self.states.get(usize::from(key.state));
                if let (Some(state), Some(namespace)) = (state, namespaces.get(&key.pane)) {
                    let value = if state.stamped {
                        let (_, value) = split_stamp(value).ok_or_else(|| {
                            DatabaseError::new("read", folder, "a value has no time")
                        })?;
                        value
                    } else {
                        value
                    };
                    let kind =
                        SectionKind::State { state: u32::from(key.state), namespace: *namespace };
                    writer.entry(group, kind, key.key, |out| out.extend_from_slice(value))?;
                }
                rows.next()?;
            }
            write_timers(&mut writer, group, timers.get(&group).map_or(&[], Vec::as_slice))?;
        }
        writer.finish()
    }

    /// Returns the snapshot as files.
    ///
    /// # Errors
    /// [`SnapshotError::Io`], [`SnapshotError::ForeignKey`].
    pub fn files(&self) -> Result<SnapshotFiles, SnapshotError> {
        self.links.settle(true)?;
        let folder = &self.links.folder;
        self.write_timers()?;
        let mut files = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let shared = is_sst(&name);
            let wanted = shared || name == "CURRENT" || name == TIMERS;
            if !(wanted || name.starts_with("MANIFEST-")) {
                continue;
            }
            let name = match self.inherited.get(&name) {
                Some(inherited) => inherited.clone(),
                None if shared => format!("{}-{name}", self.id),
                None => name,
            };
            let bytes = entry.metadata()?.len();
            files.push(SnapshotFile { name, path: entry.path(), bytes, shared });
        }
        files.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        let metadata = Metadata {
            max_parallelism: self.max_parallelism,
            range: self.range,
            states: self.states.clone(),
            panes: self.panes.clone(),
            next_pane: self.next_pane,
            files: files.iter().map(|file| (file.name.clone(), file.bytes)).collect(),
        };
        Ok(SnapshotFiles { metadata: metadata.encode(), files })
    }

    fn write_timers(&self) -> Result<(), SnapshotError> {
        let timers = self.timers()?;
        if timers.is_empty() {
            return Ok(());
        }
        let file = fs::File::create(self.links.folder.join(TIMERS))?;
        let mut writer = SnapshotWriter::new(file, &self.header(Vec::new()))?;
        for (group, timers) in timers {
            write_timers(&mut writer, group, &timers)?;
        }
        writer.finish()?;
        Ok(())
    }
}

fn write_timers<W: Write>(
    writer: &mut SnapshotWriter<W>,
    group: KeyGroup,
    timers: &[(TimeDomain, &Timer)],
) -> Result<(), SnapshotError> {
    // Of one kind after the other: each is a section.
    for domain in [TimeDomain::Event, TimeDomain::Processing] {
        for (_, timer) in timers.iter().filter(|(other, _)| *other == domain) {
            writer.timer(group, domain, timer)?;
        }
    }
    Ok(())
}

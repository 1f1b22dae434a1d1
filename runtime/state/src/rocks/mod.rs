//! The backend that keeps state in RocksDB, on local disk, where it may grow larger than memory.
//!
//! One database a subtask, one row for each key, state and namespace (`layout`). In front of it
//! stands a [`HeapBackend`]: what is in use lies there as live values, as many as the budget allows
//! (`cache`), and all access goes through it (`access`). So a batch reads each of its keys once, in
//! one go, and what is written often is written to the database once, in order (`pending`). The
//! panes of windows stay in memory until they are dropped, and are in files for recovery alone.
//! Timers lie in memory.
//!
//! A `snapshot` is links to the files of the database, of which the next one uses most again;
//! `restore` opens them, or copies the key groups that are wanted. What is dropped or has expired
//! is left out when files are put in order (`filter`). `shared` is what all backends of a process
//! have together.

mod access;
mod cache;
mod database;
mod filter;
mod layout;
mod load;
mod metadata;
mod pending;
mod restore;
mod scratch;
mod shared;
mod snapshot;
#[cfg(test)]
mod tests;

pub use shared::RocksShared;
pub use snapshot::RocksSnapshot;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use sciurus_core::clock::Clock;
use sciurus_core::key::KeyGroupRange;

use crate::backend::BackendConfig;
use crate::descriptor::{StateDescriptor, StateId};
use crate::error::StateError;
use crate::heap::HeapBackend;
use crate::heap::store::TypedStore;
use crate::namespace::Namespace;
use crate::snapshot::{SnapshotError, SnapshotState};
use crate::ttl::{StateTtlConfig, Ttl};
use cache::ValueSize;
use database::{Database, DatabaseError};
use filter::{Census, Living};
use layout::{Pane, put_stamp, rows_of, split_stamp};
use pending::{Part, Pending};
use scratch::{ScratchFolder, random_id};
use snapshot::Links;

/// A state that has a number in the database.
#[derive(Debug, Clone)]
struct StateInfo {
    header: SnapshotState,
    /// What it is registered as.
    id: Option<StateId>,
    time_to_live: Option<i64>,
    /// Whether reading a value writes it.
    renewed_by_reading: bool,
}

/// What a snapshot tells the database of one state and pane.
struct Telling {
    namespace: Namespace,
    pane: Pane,
    state: StateId,
    slots: Arc<Vec<u32>>,
}

/// A snapshot that may not have told the database yet.
struct Unsettled {
    links: Arc<Links>,
    tellings: Vec<Telling>,
}

/// The backend that keeps state in RocksDB (`state.backend.type: rocksdb`).
pub struct RocksBackend {
    /// What is in use.
    heap: HeapBackend,
    database: Arc<Database>,
    clock: Arc<dyn Clock>,
    max_parallelism: u32,
    range: KeyGroupRange,
    /// By their numbers in the database.
    states: Vec<StateInfo>,
    /// The numbers of the registered states.
    numbers: Vec<u16>,
    /// The namespaces that have rows in the database.
    panes: BTreeMap<Namespace, Pane>,
    next_pane: Pane,
    census: Census,
    /// Which key groups of the range were restored.
    restored: Vec<bool>,
    id: Arc<str>,
    inherited: Arc<BTreeMap<String, String>>,
    unsettled: Option<Unsettled>,
    snapshots: u64,
    /// The slots of ordinary state that were resolved in this batch.
    batch: Vec<u32>,
    cache: cache::Cache,
}

impl fmt::Debug for RocksBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RocksBackend")
            .field("range", &self.range)
            .field("max_parallelism", &self.max_parallelism)
            .field("states", &self.states)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl RocksBackend {
    /// Makes an empty backend.
    ///
    /// # Errors
    /// [`SnapshotError::Io`] where its folder or its database can't be made.
    pub fn new(shared: &Arc<RocksShared>, config: BackendConfig) -> Result<Self, SnapshotError> {
        let id = random_id();
        let folder = ScratchFolder::create(shared.folder().join(&id)).map_err(|error| {
            DatabaseError::new("make", &shared.folder().join(&id), error.to_string())
        })?;
        Self::open(shared, config, id, folder, Census::default())
    }

    /// Opens the database that lies in `folder`.
    fn open(
        shared: &Arc<RocksShared>,
        config: BackendConfig,
        id: String,
        folder: ScratchFolder,
        census: Census,
    ) -> Result<Self, SnapshotError> {
        let options = shared.options(census.clone(), config.clock.clone());
        let database = Database::open(folder, &options, shared.join())?;
        Ok(Self {
            clock: config.clock.clone(),
            max_parallelism: config.max_parallelism,
            range: config.range,
            restored: vec![false; config.range.len()],
            heap: HeapBackend::in_front(config),
            database: Arc::new(database),
            states: Vec::new(),
            numbers: Vec::new(),
            panes: BTreeMap::new(),
            next_pane: 0,
            census,
            id: id.into(),
            inherited: Arc::default(),
            unsettled: None,
            snapshots: 0,
            batch: Vec::new(),
            cache: cache::Cache::default(),
        })
    }

    /// Returns the cached keys of a namespace other than [`Namespace::VOID`]: all there are.
    pub(crate) fn panes(&self) -> &HeapBackend {
        &self.heap
    }

    /// Says what is alive.
    fn publish(&self) {
        let mut panes: Vec<Pane> = self.panes.values().copied().collect();
        panes.sort_unstable();
        let time_to_live = self.states.iter().map(|state| state.time_to_live).collect();
        self.census.publish(Living { panes, time_to_live });
    }

    /// Returns the pane of a namespace, a new one where it has no rows yet.
    fn pane(&mut self, namespace: Namespace) -> Result<Pane, StateError> {
        if let Some(pane) = self.panes.get(&namespace) {
            return Ok(*pane);
        }
        let pane = self.next_pane;
        self.next_pane = pane.checked_add(1).ok_or(StateError::Limit {
            what: "the number of namespaces in the life of a job",
            limit: u64::from(Pane::MAX),
        })?;
        self.panes.insert(namespace, pane);
        self.publish();
        Ok(pane)
    }

    fn register<S: TypedStore>(
        &mut self,
        descriptor: &StateDescriptor,
        ttl: Option<StateTtlConfig>,
        size: ValueSize,
    ) -> Result<StateId, StateError> {
        let restored = self.states.iter().position(|state| *state.header.name == *descriptor.name);
        if let Some(state) = restored.map(|number| &self.states[number])
            && state.id.is_none()
            && state.header.kind != descriptor.kind
        {
            return Err(StateError::TypeMismatch {
                state: descriptor.name.clone(),
                expected: descriptor.to_string(),
                found: format!("{} of {}", state.header.kind, state.header.type_name),
            });
        }
        let id = self.heap.register::<S>(descriptor.clone(), ttl)?;
        let ttl = Ttl::new(ttl.as_ref(), &self.clock);
        let header = SnapshotState {
            name: descriptor.name.to_string(),
            kind: descriptor.kind,
            stamped: ttl.is_some(),
            type_name: descriptor.type_name.to_owned(),
        };
        let info = StateInfo {
            header,
            id: Some(id),
            time_to_live: ttl.as_ref().map(Ttl::millis),
            renewed_by_reading: ttl.as_ref().is_some_and(|ttl| ttl.renew_on_read),
        };
        let number = restored.unwrap_or(self.states.len());
        if let Some(number) = restored {
            let before = std::mem::replace(&mut self.states[number], info).header;
            self.numbers.push(number as u16);
            self.claim::<S>(id, descriptor, ttl.as_ref(), before.stamped)?;
        } else {
            self.states.push(info);
            self.numbers.push(number as u16);
        }
        self.cache.add_state(size);
        self.publish();
        Ok(id)
    }

    /// Takes over the rows of a restored state: checks one, gives all the form that they have now,
    /// and reads those of panes.
    fn claim<S: TypedStore>(
        &mut self,
        id: StateId,
        descriptor: &StateDescriptor,
        ttl: Option<&Ttl>,
        stamped: bool,
    ) -> Result<(), StateError> {
        let number = self.numbers[id.index()];
        let database = self.database.clone();
        let now = self.clock.now();
        let panes: Vec<_> = self.panes.iter().map(|(name, pane)| (*name, *pane)).collect();
        let mut writer = database.writer();
        for (namespace, pane) in panes {
            let ordinary = namespace == Namespace::VOID;
            for group in self.range.groups().into_iter().flatten() {
                let mut rows = database.rows(rows_of(group, number, pane));
                while let Some((row, bytes)) = rows.next()? {
                    let value = if stamped { unstamped(&database, bytes)? } else { bytes };
                    if stamped != ttl.is_some() {
                        let mut store = S::new(ttl.cloned());
                        store.grow(1);
                        decode(&mut store, 0, stamped, value, descriptor)?;
                        let mut fresh = Vec::new();
                        if ttl.is_some() {
                            put_stamp(now, &mut fresh);
                        }
                        store.snapshot().encode(0, &mut fresh);
                        let mut key = Vec::new();
                        row.write(&mut key);
                        writer.put(&key, &fresh)?;
                    }
                    if !ordinary {
                        let (store, slot) = self.heap.place::<S>(namespace, row.key, id)?;
                        decode(store, slot, stamped, value, descriptor)?;
                        self.heap.set_known(namespace, id, slot);
                    } else if stamped == ttl.is_some() {
                        // One tells whether the type is right.
                        let mut store = S::new(ttl.cloned());
                        store.grow(1);
                        decode(&mut store, 0, stamped, value, descriptor)?;
                        break;
                    }
                }
            }
        }
        writer.finish()?;
        self.heap.settle();
        Ok(())
    }

    /// Takes what the database has yet to be told.
    fn take_pending(&mut self, ordinary_only: bool) -> Result<(Pending, Vec<Telling>), StateError> {
        self.cache.start_over();
        let mut tellings = Vec::new();
        let mut parts = Vec::new();
        for index in 0..self.heap.tables.len() {
            let namespace = self.heap.tables[index].namespace;
            if ordinary_only && namespace != Namespace::VOID {
                continue;
            }
            let taken: Vec<(usize, Vec<u32>)> = match &mut self.heap.tables[index].marks {
                Some(marks) => marks
                    .states_mut()
                    .map(|(state, marks)| (state, marks.take_dirty()))
                    .filter(|(_, slots)| !slots.is_empty())
                    .collect(),
                None => Vec::new(),
            };
            if taken.is_empty() {
                continue;
            }
            let pane = self.pane(namespace)?;
            let table = &mut self.heap.tables[index];
            let keys = Arc::new(table.keys.snapshot());
            for (state, slots) in taken {
                let slots = Arc::new(slots);
                let column = table.columns.get_mut(state).and_then(Option::as_mut);
                let number = self.numbers[state];
                parts.push(Part {
                    state: number,
                    pane,
                    stamped: self.states[usize::from(number)].header.stamped,
                    keys: keys.clone(),
                    column: column.map(|column| column.snapshot()),
                    slots: slots.clone(),
                });
                tellings.push(Telling { namespace, pane, state: StateId(state as u16), slots });
            }
        }
        let (max_parallelism, range) = (self.max_parallelism, self.range);
        Ok((Pending { parts, max_parallelism, range, now: self.clock.now() }, tellings))
    }

    /// The database was told: the slots may go.
    fn told(&mut self, tellings: Vec<Telling>) {
        for telling in tellings {
            if self.panes.get(&telling.namespace) == Some(&telling.pane) {
                self.heap.told(telling.namespace, telling.state, &telling.slots);
            }
        }
    }

    /// Waits until the last snapshot has told the database, or tells it; nothing must be written
    /// before.
    fn settle(&mut self) -> Result<(), StateError> {
        let Some(Unsettled { links, tellings }) = self.unsettled.take() else { return Ok(()) };
        // Nobody else has them: the snapshot was given up.
        let wanted = Arc::strong_count(&links) > 1;
        links.settle(wanted).map_err(|error| StateError::Storage { reason: error.to_string() })?;
        self.told(tellings);
        // What was dropped meanwhile is dead now.
        self.publish();
        Ok(())
    }

    /// Forgets the last snapshot if it has told the database.
    fn settle_if_done(&mut self) -> Result<(), StateError> {
        match &self.unsettled {
            Some(unsettled) if unsettled.links.is_done() => self.settle(),
            _ => Ok(()),
        }
    }

    /// Tells the database of ordinary state now.
    fn write_back(&mut self) -> Result<usize, StateError> {
        self.settle()?;
        let (pending, tellings) = self.take_pending(true)?;
        let written = pending
            .write(&self.database)
            .map_err(|error| StateError::Storage { reason: error.to_string() })?;
        drop(pending);
        self.told(tellings);
        Ok(written)
    }

    fn take_snapshot(&mut self) -> RocksSnapshot {
        let links = match self.prepare() {
            Ok(links) => links,
            Err(error) => Arc::new(Links::failed(self.database.clone(), error.to_string())),
        };
        RocksSnapshot {
            links,
            id: self.id.clone(),
            inherited: self.inherited.clone(),
            max_parallelism: self.max_parallelism,
            range: self.range,
            states: self.states.iter().map(|state| state.header.clone()).collect(),
            panes: self.panes.clone(),
            next_pane: self.next_pane,
            event_timers: self.heap.event_timers.snapshot(),
            processing_timers: self.heap.processing_timers.snapshot(),
        }
    }

    fn prepare(&mut self) -> Result<Arc<Links>, StateError> {
        // What an earlier snapshot has to tell comes first.
        self.settle()?;
        let (pending, tellings) = self.take_pending(false)?;
        self.snapshots += 1;
        let name = format!("{}-chk-{}", self.id, self.snapshots);
        let folder = self.database.shared.folder().join(name);
        let links = Arc::new(Links::new(self.database.clone(), folder, pending));
        self.unsettled = Some(Unsettled { links: links.clone(), tellings });
        Ok(links)
    }
}

fn unstamped<'a>(database: &Database, row: &'a [u8]) -> Result<&'a [u8], DatabaseError> {
    match split_stamp(row) {
        Some((_, value)) => Ok(value),
        None => Err(database.error("read", "a value has no time")),
    }
}

/// Reads all of `value` into a slot.
fn decode<S: TypedStore>(
    store: &mut S,
    slot: usize,
    stamped: bool,
    mut value: &[u8],
    descriptor: &StateDescriptor,
) -> Result<(), StateError> {
    use sciurus_core::record::DecodeError;
    let mut decoded = store.decode(slot, stamped, &mut value);
    if decoded.is_ok() && !value.is_empty() {
        decoded = Err(DecodeError::Trailing { bytes: value.len() });
    }
    decoded.map_err(|source| StateError::Codec {
        state: descriptor.name.clone(),
        kind: descriptor.kind,
        type_name: descriptor.type_name,
        source,
    })
}

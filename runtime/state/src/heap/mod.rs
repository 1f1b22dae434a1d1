//! The backend that holds state in memory as live values.
//!
//! Every namespace is a `table` of its own: a `directory` from keys to dense slots, the
//! `keys` by slot and one typed column (`store`) for each state.

mod access;
mod cleanup;
mod current;
mod directory;
#[cfg(feature = "rocksdb")]
mod front;
pub(crate) mod keys;
#[cfg_attr(not(feature = "rocksdb"), allow(dead_code))]
pub(crate) mod marks;
mod restore;
pub(crate) mod rows;
mod snapshot;
pub(crate) mod store;
pub(crate) mod table;
#[cfg(test)]
mod tests;

pub use snapshot::HeapSnapshot;

use std::fmt;
use std::sync::Arc;

use sciurus_core::clock::Clock;
use sciurus_core::key::KeyGroupRange;
use sciurus_core::record::RowCodec;

use crate::backend::BackendConfig;
use crate::column::ValueColumn;
use crate::descriptor::{StateDescriptor, StateId};
use crate::error::StateError;
use crate::namespace::Namespace;
use crate::slot::Slot;
use crate::timer::TimerQueue;
use crate::ttl::{StateTtlConfig, Ttl};
use cleanup::Cleanup;
use marks::StateMarks;
use restore::UnclaimedState;
use store::TypedStore;
use table::Table;

/// A registered state.
#[derive(Debug)]
struct Registered {
    descriptor: StateDescriptor,
    ttl: Option<StateTtlConfig>,
}

/// The key that row-wise access is about.
#[derive(Debug, Default)]
struct Current {
    set: bool,
    hash: u64,
    key: Vec<u8>,
    /// The key's slot in the current namespace, once it is known.
    slot: Option<Slot>,
}

/// The backend that holds state in memory (`state.backend.type: hashmap`).
pub struct HeapBackend {
    clock: Arc<dyn Clock>,
    max_parallelism: u32,
    range: KeyGroupRange,
    states: Vec<Registered>,
    /// Sorted by namespace; that of [`Namespace::VOID`] is always there, as the first.
    pub(crate) tables: Vec<Table>,
    pub(crate) event_timers: TimerQueue,
    pub(crate) processing_timers: TimerQueue,
    /// What snapshots hold of states that aren't registered yet.
    unclaimed: Vec<UnclaimedState>,
    /// Which key groups of the range were restored.
    restored: Vec<bool>,
    /// The number of keys in the namespace dropped last: the next pane may have as many.
    pane_keys: usize,
    current: Current,
    namespace: Namespace,
    /// Slots were resolved since the last `finish_batch`, so that none may be freed.
    in_batch: bool,
    /// Rows resolved since the last `finish_batch`.
    batch_rows: usize,
    /// A table has slots to settle.
    unsettled: bool,
    cleanup: Cleanup,
    /// The tables stand in front of a database.
    cached: bool,
}

impl fmt::Debug for HeapBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeapBackend")
            .field("range", &self.range)
            .field("max_parallelism", &self.max_parallelism)
            .field("states", &self.states)
            .field("namespaces", &self.tables.len())
            .finish_non_exhaustive()
    }
}

impl HeapBackend {
    /// Makes an empty backend.
    pub fn new(config: BackendConfig) -> Self {
        Self {
            clock: config.clock,
            max_parallelism: config.max_parallelism,
            range: config.range,
            states: Vec::new(),
            tables: vec![Table::new(Namespace::VOID)],
            event_timers: TimerQueue::default(),
            processing_timers: TimerQueue::default(),
            unclaimed: Vec::new(),
            restored: vec![false; config.range.len()],
            pane_keys: 0,
            current: Current::default(),
            namespace: Namespace::VOID,
            in_batch: false,
            batch_rows: 0,
            unsettled: false,
            cleanup: Cleanup::default(),
            cached: false,
        }
    }

    fn new_table(&self, namespace: Namespace, keys: usize) -> Table {
        let mut table = Table::with_capacity(namespace, keys);
        table.marks = self.cached.then(Box::default);
        table
    }

    /// Returns the index of the namespace's table, or where it would be.
    #[inline]
    pub(crate) fn position(&self, namespace: Namespace) -> Result<usize, usize> {
        if namespace == Namespace::VOID {
            return Ok(0);
        }
        // Most often it is the newest pane's.
        let last = self.tables.len() - 1;
        if self.tables[last].namespace == namespace {
            return Ok(last);
        }
        self.tables.binary_search_by_key(&namespace, |table| table.namespace)
    }

    pub(crate) fn table(&self, namespace: Namespace) -> Option<&Table> {
        self.position(namespace).ok().map(|index| &self.tables[index])
    }

    pub(crate) fn table_index(&mut self, namespace: Namespace) -> usize {
        self.position(namespace).unwrap_or_else(|index| {
            self.tables.insert(index, self.new_table(namespace, self.pane_keys));
            index
        })
    }

    pub(crate) fn register<S: TypedStore>(
        &mut self,
        descriptor: StateDescriptor,
        ttl: Option<StateTtlConfig>,
    ) -> Result<StateId, StateError> {
        if let Some(other) = self.states.iter().find(|s| s.descriptor.name == descriptor.name) {
            let other = &other.descriptor;
            if (other.kind, other.type_name) == (descriptor.kind, descriptor.type_name) {
                return Err(StateError::DuplicateName { state: descriptor.name });
            }
            return Err(StateError::TypeMismatch {
                state: descriptor.name.clone(),
                expected: descriptor.to_string(),
                found: other.to_string(),
            });
        }
        if self.states.len() == StateId::LIMIT {
            return Err(StateError::Limit {
                what: "the number of states of one operator",
                limit: StateId::LIMIT as u64,
            });
        }
        self.check_unclaimed(&descriptor)?;
        if !self.cached {
            self.cleanup.add(ttl.as_ref());
        }
        self.states.push(Registered { descriptor, ttl });
        let id = StateId((self.states.len() - 1) as u16);
        self.claim::<S>(id)?;
        Ok(id)
    }

    /// Returns the state's column in the table of this index, made where it isn't there yet.
    pub(crate) fn store<S: TypedStore>(
        &mut self,
        table: usize,
        id: StateId,
    ) -> Result<(&mut S, &mut Vec<u32>), StateError> {
        store_in(&self.states, &self.clock, &mut self.tables[table], id)
    }

    fn end_of_batch(&mut self) {
        self.in_batch = false;
        self.settle();
        let rows = std::mem::take(&mut self.batch_rows);
        self.clean_up(rows);
    }

    /// Frees the slots that nothing is stored for, and the namespaces that have no key left.
    pub(crate) fn settle(&mut self) {
        self.unsettled = false;
        for table in &mut self.tables {
            table.settle();
        }
        self.tables.retain(|table| table.namespace == Namespace::VOID || table.keys.len() > 0);
        self.current.slot = None;
    }
}

/// A state's column in a table, with what is noted of its slots.
struct Parts<'a, S> {
    store: &'a mut S,
    unsettled: &'a mut Vec<u32>,
    marks: Option<&'a mut StateMarks>,
}

fn store_in<'a, S: TypedStore>(
    states: &[Registered],
    clock: &Arc<dyn Clock>,
    table: &'a mut Table,
    id: StateId,
) -> Result<(&'a mut S, &'a mut Vec<u32>), StateError> {
    let Parts { store, unsettled, .. } = parts_in(states, clock, table, id)?;
    Ok((store, unsettled))
}

fn parts_in<'a, S: TypedStore>(
    states: &[Registered],
    clock: &Arc<dyn Clock>,
    table: &'a mut Table,
    id: StateId,
) -> Result<Parts<'a, S>, StateError> {
    let Some(state) = states.get(id.index()) else {
        return Err(StateError::NotRegistered { state: "?".into() });
    };
    if table.columns.len() <= id.index() {
        table.columns.resize_with(id.index() + 1, || None);
    }
    let column = table.columns[id.index()]
        .get_or_insert_with(|| Box::new(S::new(Ttl::new(state.ttl.as_ref(), clock))));
    let any: &mut dyn std::any::Any = column.as_mut();
    match any.downcast_mut() {
        Some(store) => Ok(Parts {
            store,
            unsettled: &mut table.unsettled,
            marks: table.marks.as_mut().map(|marks| marks.state(id.index())),
        }),
        None => Err(StateError::TypeMismatch {
            state: state.descriptor.name.clone(),
            expected: S::describe(),
            found: state.descriptor.to_string(),
        }),
    }
}

fn column_in<'a, T: RowCodec>(
    states: &[Registered],
    clock: &Arc<dyn Clock>,
    table: &'a mut Table,
    id: StateId,
) -> Result<ValueColumn<'a, T>, StateError> {
    let slots = table.keys.slots();
    let Parts { store, unsettled, marks } = parts_in(states, clock, table, id)?;
    Ok(ValueColumn::new(store, unsettled, slots, marks))
}

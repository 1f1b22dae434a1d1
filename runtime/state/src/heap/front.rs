//! A heap that stands in front of a database and holds what is in use.

use sciurus_core::key::hash_key;

use super::HeapBackend;
use super::store::TypedStore;
use super::table::Table;
use crate::backend::BackendConfig;
use crate::descriptor::{StateDescriptor, StateId};
use crate::error::StateError;
use crate::namespace::Namespace;
use crate::ttl::StateTtlConfig;

impl HeapBackend {
    /// Makes an empty heap whose tables note what the database has yet to be told of.
    pub(crate) fn in_front(config: BackendConfig) -> Self {
        let mut heap = Self::new(config);
        heap.cached = true;
        heap.tables[0] = heap.new_table(Namespace::VOID, 0);
        heap
    }

    /// Returns whether slots are in use, so that none may be freed.
    pub(crate) fn is_in_batch(&self) -> bool {
        self.in_batch
    }

    /// Returns a registered state's description.
    pub(crate) fn descriptor(&self, id: StateId) -> StateDescriptor {
        self.states[id.index()].descriptor.clone()
    }

    pub(crate) fn ttl(&self, id: StateId) -> Option<StateTtlConfig> {
        self.states[id.index()].ttl
    }

    /// Makes the slot of the current key be looked for again.
    pub(crate) fn forget_current_slot(&mut self) {
        self.current.slot = None;
    }

    /// Returns a state's column and the slot of a key, with room for it.
    pub(crate) fn place<S: TypedStore>(
        &mut self,
        namespace: Namespace,
        key: &[u8],
        id: StateId,
    ) -> Result<(&mut S, usize), StateError> {
        let index = self.table_index(namespace);
        let slot = self.tables[index].find_or_insert(hash_key(key), key)?;
        let room = self.tables[index].keys.slots();
        let (store, _) = self.store::<S>(index, id)?;
        store.grow(room);
        Ok((store, slot.index()))
    }

    /// The slot holds what the database does.
    pub(crate) fn set_known(&mut self, namespace: Namespace, id: StateId, slot: usize) {
        if let Some(marks) = self.marked(namespace).and_then(|table| table.marks.as_mut()) {
            marks.state(id.index()).set_known(slot as u32);
        }
    }

    /// The database was told of slots: they are freed where nothing is stored.
    pub(crate) fn told(&mut self, namespace: Namespace, id: StateId, slots: &[u32]) {
        let in_batch = self.in_batch;
        let Some(table) = self.marked(namespace) else { return };
        if let Some(marks) = &mut table.marks {
            marks.state(id.index()).settle(slots);
        }
        let vacant: Vec<u32> =
            slots.iter().copied().filter(|slot| !table.is_occupied(*slot)).collect();
        table.unsettled.extend(vacant);
        if !in_batch {
            self.settle();
        }
    }

    fn marked(&mut self, namespace: Namespace) -> Option<&mut Table> {
        self.position(namespace).ok().map(|index| &mut self.tables[index])
    }
}

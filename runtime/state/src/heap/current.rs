//! The current key: what row-wise access is about.

use sciurus_core::time::Timestamp;

use super::HeapBackend;
use super::store::TypedStore;
use crate::descriptor::StateId;
use crate::error::StateError;
use crate::namespace::Namespace;
use crate::slot::Slot;
use crate::timer::{TimeDomain, Timer, TimerQueue};

impl HeapBackend {
    fn no_current_key(&self, id: StateId) -> StateError {
        match self.states.get(id.index()) {
            Some(state) => StateError::NoCurrentKey { state: state.descriptor.name.clone() },
            None => StateError::NotRegistered { state: "?".into() },
        }
    }

    /// Returns the current key's table and slot, where it has one.
    pub(crate) fn find_current(
        &mut self,
        id: StateId,
    ) -> Result<Option<(usize, Slot)>, StateError> {
        if !self.current.set {
            return Err(self.no_current_key(id));
        }
        let Ok(table) = self.position(self.namespace) else { return Ok(None) };
        if self.current.slot.is_none() {
            self.current.slot = self.tables[table].find(self.current.hash, &self.current.key);
        }
        Ok(self.current.slot.map(|slot| (table, slot)))
    }

    /// Returns the current key's table and slot, a new one where it had none.
    pub(crate) fn current_or_insert(&mut self, id: StateId) -> Result<(usize, Slot), StateError> {
        if !self.current.set {
            return Err(self.no_current_key(id));
        }
        let table = self.table_index(self.namespace);
        if let Some(slot) = self.current.slot {
            return Ok((table, slot));
        }
        let slot = self.tables[table].find_or_insert(self.current.hash, &self.current.key)?;
        self.current.slot = Some(slot);
        self.unsettled = true;
        Ok((table, slot))
    }

    /// Returns the state's column with room for the current key, and the key's slot.
    pub(super) fn current_store<S: TypedStore>(
        &mut self,
        id: StateId,
    ) -> Result<(&mut S, usize, usize), StateError> {
        let (table, slot) = self.current_or_insert(id)?;
        let slots = self.tables[table].keys.slots();
        let (store, _) = self.store(table, id)?;
        Ok((store, slot.index(), slots))
    }

    /// Calls `read` with the state's column and the current key's slot, `None` where it has none.
    /// `read` returns whether it left nothing for that slot.
    pub(super) fn with_current<S: TypedStore, R>(
        &mut self,
        id: StateId,
        read: impl FnOnce(Option<(&mut S, usize)>) -> (R, bool),
    ) -> Result<R, StateError> {
        let Some((table, slot)) = self.find_current(id)? else { return Ok(read(None).0) };
        let (store, unsettled) = self.store(table, id)?;
        let (result, emptied) = read(Some((store, slot.index())));
        if emptied {
            unsettled.push(slot.0);
            self.unsettled = true;
        }
        Ok(result)
    }

    pub(super) fn current_timer(
        &self,
        timestamp: Timestamp,
        namespace: Namespace,
    ) -> Result<Timer, StateError> {
        if !self.current.set {
            return Err(StateError::NoCurrentKeyForTimer);
        }
        Ok(Timer { timestamp, key: self.current.key.as_slice().into(), namespace })
    }

    pub(super) fn timers(&self, domain: TimeDomain) -> &TimerQueue {
        match domain {
            TimeDomain::Event => &self.event_timers,
            TimeDomain::Processing => &self.processing_timers,
        }
    }

    pub(super) fn timers_mut(&mut self, domain: TimeDomain) -> &mut TimerQueue {
        match domain {
            TimeDomain::Event => &mut self.event_timers,
            TimeDomain::Processing => &mut self.processing_timers,
        }
    }
}

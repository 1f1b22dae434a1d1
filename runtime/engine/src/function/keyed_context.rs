//! What keyed functions are given with each record and timer.

use std::ops::{Deref, DerefMut};

use sciurus_core::key::Keys;
use sciurus_core::time::Timestamp;
use sciurus_core::{Columns, Record};
use sciurus_state::timer::TimeDomain;
use sciurus_state::{KeyedBackend, KeyedStateBackend, Slot, StateAccess};

use super::{TimeService, TimerService};
use crate::collector::Collector;
use crate::error::TaskResult;
use crate::side_output::{OutputTag, SideOutputs};

/// What a keyed function may ask about the record at hand, and its state, timers and side outputs.
pub struct KeyedContext<'a, K: Record> {
    key: CurrentKey<'a, K>,
    timestamp: Option<Timestamp>,
    time: TimeService<'a>,
    state: &'a mut KeyedBackend,
    sides: &'a mut SideOutputs,
}

/// Where the current key can be read, when somebody asks for it.
enum CurrentKey<'a, K: Record> {
    Row { columns: &'a K::Columns, row: usize },
    Timer(&'a K),
}

impl<'a, K: Record> KeyedContext<'a, K> {
    /// Makes the context of the records of one batch, whose keys are `columns`.
    pub(crate) fn of_batch(
        columns: &'a K::Columns,
        time: TimeService<'a>,
        state: &'a mut KeyedBackend,
        sides: &'a mut SideOutputs,
    ) -> Self {
        Self { key: CurrentKey::Row { columns, row: 0 }, timestamp: None, time, state, sides }
    }

    /// Goes on to a row of the batch, whose keys are `keys`. `slot` is where its key's state is,
    /// where that was looked up.
    #[inline]
    pub(crate) fn set_row(
        &mut self,
        row: usize,
        keys: &Keys,
        slot: Option<Slot>,
        timestamp: Option<Timestamp>,
    ) {
        if let CurrentKey::Row { row: current, .. } = &mut self.key {
            *current = row;
        }
        self.timestamp = timestamp;
        let (hash, key) = (keys.hashes[row], keys.bytes.get(row));
        match slot {
            Some(slot) => self.state.set_current_slot(hash, key, slot),
            None => self.state.set_current_key(hash, key),
        }
    }

    /// Ends a call of the function: sends side outputs that are full.
    #[inline]
    pub(crate) fn end_call<O: Record>(&mut self, collector: &mut Collector<'_, O>) -> TaskResult {
        self.sides.emit_full(collector.output())?;
        collector.check()
    }

    /// Returns the key at hand.
    #[inline]
    pub fn current_key(&self) -> K::View<'a> {
        match self.key {
            CurrentKey::Row { columns, row } => columns.get(row),
            CurrentKey::Timer(key) => key.view(),
        }
    }

    /// Returns the event timestamp of the record at hand, milliseconds since the Unix epoch, where
    /// it has one; while a timer fires, the timer's.
    #[inline]
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }

    /// Returns what tells the time and keeps the timers of the key at hand.
    #[inline]
    pub fn timer_service(&mut self) -> TimerService<'_> {
        TimerService::new(self.time, self.state)
    }

    /// Emits a record into the side output `tag`.
    #[inline]
    pub fn output<T: Record>(&mut self, tag: &OutputTag<T>, record: T::View<'_>) {
        self.sides.append(tag, record, self.timestamp);
    }
}

impl<K: Record> StateAccess for KeyedContext<'_, K> {
    #[inline]
    fn keyed_state(&mut self) -> &mut KeyedBackend {
        self.state
    }
}

/// The [`KeyedContext`] of a timer that is due; its timestamp is the timer's.
pub struct OnTimerContext<'a, K: Record> {
    context: KeyedContext<'a, K>,
    domain: TimeDomain,
}

impl<'a, K: Record> OnTimerContext<'a, K> {
    /// Makes the context of a timer of `key`, the backend's current one.
    pub(crate) fn new(
        key: &'a K,
        domain: TimeDomain,
        timestamp: Timestamp,
        time: TimeService<'a>,
        state: &'a mut KeyedBackend,
        sides: &'a mut SideOutputs,
    ) -> Self {
        let key = CurrentKey::Timer(key);
        let context = KeyedContext { key, timestamp: Some(timestamp), time, state, sides };
        Self { context, domain }
    }

    /// Returns which time the timer goes by.
    pub fn time_domain(&self) -> TimeDomain {
        self.domain
    }
}

impl<'a, K: Record> Deref for OnTimerContext<'a, K> {
    type Target = KeyedContext<'a, K>;

    fn deref(&self) -> &KeyedContext<'a, K> {
        &self.context
    }
}

impl<K: Record> DerefMut for OnTimerContext<'_, K> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.context
    }
}

impl<K: Record> StateAccess for OnTimerContext<'_, K> {
    fn keyed_state(&mut self) -> &mut KeyedBackend {
        self.context.state
    }
}

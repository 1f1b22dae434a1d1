//! How much may be under way on a channel.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::notify::Notifier;

/// Counts the bytes under way on one channel: sent, but not taken yet.
///
/// The sender looks before it sends and may go beyond the limit by what it sends then, so that a
/// batch of any size gets through.
#[derive(Debug)]
pub struct Credit {
    used: AtomicUsize,
    limit: usize,
    producer: Notifier,
}

impl Credit {
    /// Starts with nothing under way; `producer` is woken when there is credit again.
    pub fn new(limit: usize, producer: Notifier) -> Self {
        Self { used: AtomicUsize::new(0), limit, producer }
    }

    /// Returns whether less than the limit is under way.
    pub fn is_available(&self) -> bool {
        self.used.load(Ordering::Acquire) < self.limit
    }

    /// Returns how many bytes are under way.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Returns how many bytes may be under way.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Notes that so much is sent.
    pub(super) fn take(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Notes that so much was taken from the channel, and wakes the producer where it waits for
    /// that.
    pub(super) fn give_back(&self, bytes: usize) {
        let before = self.used.fetch_sub(bytes, Ordering::AcqRel);
        if before >= self.limit && before - bytes < self.limit {
            self.producer.notify();
        }
    }

    /// Notes what another worker says was taken: never more than is under way.
    pub(super) fn give_back_at_most(&self, bytes: usize) {
        let take_off = |used: usize| Some(used.saturating_sub(bytes));
        let before = self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, take_off);
        let before = before.unwrap_or_default();
        if before >= self.limit && before.saturating_sub(bytes) < self.limit {
            self.producer.notify();
        }
    }

    pub(super) fn wake_producer(&self) {
        self.producer.notify();
    }
}

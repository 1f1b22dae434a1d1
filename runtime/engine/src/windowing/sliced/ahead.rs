//! Key groups that have come further than others of the same subtask.

use sciurus_core::key::key_group;
use sciurus_core::time::Timestamp;

use crate::error::TaskResult;
use crate::timed_state::GroupTime;

/// Key groups for which windows have fired that have not for the others of the subtask. They come
/// from a former subtask that was ahead of the others when the snapshot was taken: machines' clocks
/// differ, and so do the instants at which subtasks look at them.
#[derive(Debug)]
pub(super) struct Ahead {
    groups: Vec<GroupTime>,
    max_parallelism: u32,
}

impl Ahead {
    pub(super) fn new(max_parallelism: u32) -> Self {
        Self { groups: Vec::new(), max_parallelism }
    }

    /// Takes over what was restored, of which all have come to `fired`.
    pub(super) fn restore(&mut self, restored: Vec<GroupTime>, fired: Timestamp) {
        self.groups = restored;
        self.come_to(fired);
    }

    /// Returns the groups that are ahead and how far they are.
    pub(super) fn groups(&self) -> &[GroupTime] {
        &self.groups
    }

    /// All groups have come to `fired`.
    pub(super) fn come_to(&mut self, fired: Timestamp) {
        self.groups.retain(|ahead| ahead.time > fired);
    }

    /// Returns for which keys the window that ends at `end` has fired, where there may be any.
    /// `visit` calls its argument with the hash of each.
    pub(super) fn fired_keys(
        &self,
        end: Timestamp,
        visit: impl FnOnce(&mut dyn FnMut(u64)) -> TaskResult,
    ) -> TaskResult<Vec<bool>> {
        let mut fired = Vec::new();
        let groups: Vec<_> = self.groups.iter().filter(|ahead| end - 1 <= ahead.time).collect();
        if !groups.is_empty() {
            visit(&mut |hash| {
                let group = key_group(hash, self.max_parallelism);
                fired.push(groups.iter().any(|ahead| ahead.groups.contains(group)));
            })?;
        }
        Ok(fired)
    }
}

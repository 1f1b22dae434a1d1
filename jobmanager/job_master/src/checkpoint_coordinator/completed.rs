//! The complete checkpoints that a job can be restored from.

use sciurus_core::checkpoint::CheckpointId;

use super::CompleteCheckpoint;

/// Who deletes a complete checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The job, when later ones have taken its place.
    Job,
    /// The user.
    User,
}

/// A complete checkpoint that the job can be restored from.
#[derive(Clone, Debug)]
pub(crate) struct RetainedCheckpoint {
    pub(crate) checkpoint: CompleteCheckpoint,
    pub(crate) owner: Owner,
    /// Whether state that belongs to no operator of the job may be left out.
    pub(crate) allow_non_restored: bool,
    /// It could not be read.
    pub(crate) is_unreadable: bool,
}

impl RetainedCheckpoint {
    pub(crate) fn id(&self) -> CheckpointId {
        self.checkpoint.metadata.id
    }
}

/// The complete checkpoints that a job can be restored from, in the order in which they were
/// triggered.
#[derive(Clone, Debug, Default)]
pub(crate) struct CompletedCheckpoints {
    retained: Vec<RetainedCheckpoint>,
}

impl CompletedCheckpoints {
    /// Adds one, which is later than all that are there.
    pub(crate) fn add(&mut self, checkpoint: CompleteCheckpoint, owner: Owner) {
        self.retained.push(RetainedCheckpoint {
            checkpoint,
            owner,
            allow_non_restored: true,
            is_unreadable: false,
        });
    }

    /// Adds what a user wants the job to start from.
    pub(crate) fn add_initial(
        &mut self,
        checkpoint: CompleteCheckpoint,
        owner: Owner,
        allow_non_restored: bool,
    ) {
        let is_unreadable = false;
        self.retained.push(RetainedCheckpoint {
            checkpoint,
            owner,
            allow_non_restored,
            is_unreadable,
        });
    }

    /// Returns the latest that can be read.
    pub(crate) fn latest(&self) -> Option<&RetainedCheckpoint> {
        self.retained.iter().rev().find(|retained| !retained.is_unreadable)
    }

    /// Takes note that one can't be read; says whether it was thought that it could.
    pub(crate) fn mark_unreadable(&mut self, id: CheckpointId) -> bool {
        let found = self.retained.iter_mut().find(|retained| retained.id() == id);
        found.is_some_and(|retained| !std::mem::replace(&mut retained.is_unreadable, true))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &RetainedCheckpoint> {
        self.retained.iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.retained.is_empty()
    }

    /// Takes the oldest ones out, so that as many of the job's own as are to be kept can be read.
    /// What a user owns is no longer needed once the job has one of its own.
    pub(crate) fn take_surplus(&mut self, kept: usize) -> Vec<RetainedCheckpoint> {
        let readable =
            |retained: &RetainedCheckpoint| retained.owner == Owner::Job && !retained.is_unreadable;
        let mut rest = kept.max(1);
        let mut keeps = vec![false; self.retained.len()];
        for (place, retained) in self.retained.iter().enumerate().rev() {
            keeps[place] = rest > 0;
            rest -= usize::from(rest > 0 && readable(retained));
        }
        let mut keeps = keeps.into_iter();
        let (kept, surplus) = std::mem::take(&mut self.retained)
            .into_iter()
            .partition(|_| keeps.next().unwrap_or(true));
        self.retained = kept;
        surplus
    }

    /// Takes all out.
    pub(crate) fn take_all(&mut self) -> Vec<RetainedCheckpoint> {
        std::mem::take(&mut self.retained)
    }
}

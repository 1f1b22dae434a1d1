//! What tasks are restored from.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use sciurus_checkpoint::restore::{self, RestorePlan};
use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::ids::{ExecutionAttemptId, OperatorId};
use sciurus_core::time::Timestamp;

use super::CheckpointCoordinator;
use crate::checkpoint_coordinator::completed::RetainedCheckpoint;
use crate::checkpoint_coordinator::plan::Tasks;
use crate::checkpoint_coordinator::statistics::RestoredCheckpoint;
use crate::failure::{FailureCause, Fault};

/// What tasks are restored from.
#[derive(Clone, Debug)]
pub(crate) struct RestorePoint {
    pub(crate) checkpoint: CheckpointId,
    pub(crate) plan: Arc<RestorePlan>,
    /// The state of the enumerators.
    pub(crate) enumerators: BTreeMap<OperatorId, Bytes>,
}

impl CheckpointCoordinator {
    /// Returns what tasks that are deployed now are restored from; `None` if there is no
    /// checkpoint, so that they start anew.
    ///
    /// # Errors
    /// Where there is one, but it doesn't fit the job or none can be read.
    pub(crate) fn restore_point(
        &mut self,
        tasks: &Tasks<'_>,
        now: Timestamp,
    ) -> Result<Option<RestorePoint>, FailureCause> {
        if self.retained.is_empty() {
            return Ok(None);
        }
        let Some(latest) = self.retained.latest() else { return Err(self.nothing_readable()) };
        let metadata = &latest.checkpoint.metadata;
        let plan = match &self.plan {
            Some((id, plan)) if *id == latest.id() => plan.clone(),
            _ => {
                let allows = latest.allow_non_restored;
                let plan = restore::plan(metadata, tasks.graph, allows);
                let plan = plan.map_err(|error| misfit(latest, &error.to_string()))?;
                Arc::new(plan)
            }
        };
        let operators = metadata.operators.iter();
        let enumerators = operators
            .filter_map(|operator| Some((operator.id, operator.enumerator.clone()?)))
            .collect();
        let point = RestorePoint { checkpoint: latest.id(), plan: plan.clone(), enumerators };
        self.statistics.restored(RestoredCheckpoint {
            id: latest.id(),
            restore_timestamp: now,
            is_savepoint: metadata.kind.is_savepoint(),
            external_path: latest.checkpoint.pointer.url.to_string(),
        });
        self.plan = Some((point.checkpoint, plan));
        Ok(Some(point))
    }

    /// Takes note that a checkpoint can't be read; answers with a failure of the job, unless that
    /// was known.
    #[must_use]
    pub(crate) fn restore_failed(
        &mut self,
        id: CheckpointId,
        reason: &str,
    ) -> Option<FailureCause> {
        if !self.retained.mark_unreadable(id) {
            return None;
        }
        let next = match self.retained.latest() {
            Some(older) => format!(
                "the job goes back to checkpoint {} at {}: what it did since is done again",
                older.id(),
                older.checkpoint.pointer.url
            ),
            None => "there is no older one".to_owned(),
        };
        let message = format!("checkpoint {id} can't be restored ({reason}); {next}");
        let cause = FailureCause::new(Fault::Environment, "UnreadableCheckpoint", message);
        Some(if self.retained.latest().is_some() { cause } else { cause.not_retriable() })
    }

    /// Takes note that a task is deployed of which nothing is left to run. Earlier attempts at it
    /// don't matter any more.
    pub(crate) fn deployed_finished(&mut self, attempt: ExecutionAttemptId) {
        let subtask = attempt.execution_vertex();
        self.restored_finished.retain(|other| other.execution_vertex() != subtask);
        self.restored_finished.insert(attempt);
    }

    /// The job's graph has changed: plans don't hold any more.
    pub(crate) fn graph_changed(&mut self) {
        self.plan = None;
        self.ended.clear();
        self.restored_finished.clear();
        self.closing.clear();
    }

    fn nothing_readable(&self) -> FailureCause {
        let paths: Vec<_> =
            self.retained.iter().map(|r| r.checkpoint.pointer.url.to_string()).collect();
        let message = format!(
            "none of the job's checkpoints can be restored: {}; start the job from a savepoint",
            paths.join(", ")
        );
        FailureCause::new(Fault::Environment, "UnreadableCheckpoint", message).not_retriable()
    }
}

fn misfit(checkpoint: &RetainedCheckpoint, reason: &str) -> FailureCause {
    let url = &checkpoint.checkpoint.pointer.url;
    let message = format!("the job can't be restored from {url}: {reason}");
    FailureCause::new(Fault::User, "UnfitSnapshot", message).not_retriable()
}

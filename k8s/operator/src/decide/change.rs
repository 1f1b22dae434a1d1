//! What a change of a specification asks for.

use crate::model::Model;
use crate::resources::UpgradeMode;

const PARALLELISM: &str = "parallelism.default";

/// How one specification becomes another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// There is nothing to do.
    None,
    /// While all goes on running.
    InPlace,
    /// By stopping the job and starting it again.
    Restart,
    /// By stopping the job.
    Suspend,
}

/// Says how `old`, which is deployed, becomes `new`.
pub fn change(old: &Model, new: &Model) -> Change {
    if !new.runs() {
        return if old.runs() { Change::Suspend } else { Change::InPlace };
    }
    if lasting(old, new) != *new {
        // Nothing waits for the jobs of a session cluster, which are somebody else's.
        return if new.is_session_cluster() { Change::InPlace } else { Change::Restart };
    }
    if old == new { Change::None } else { Change::InPlace }
}

/// Returns `old` with all that `new` may change while the job runs.
fn lasting(old: &Model, new: &Model) -> Model {
    let mut lasting = old.clone();
    lasting.hooks = new.hooks.clone();
    lasting.without_effect.clone_from(&new.without_effect);
    if let (Some(old), Some(new)) = (&mut lasting.cluster, &new.cluster) {
        old.task_manager.replicas = new.task_manager.replicas;
        old.ingress.clone_from(&new.ingress);
        // The job's own parallelism is compared below.
        match new.configuration.get(PARALLELISM) {
            Some(value) => old.configuration.insert(PARALLELISM.to_owned(), value.clone()),
            None => old.configuration.remove(PARALLELISM),
        };
    }
    if let (Some(old), Some(new)) = (&mut lasting.job, &new.job) {
        old.upgrade_mode = new.upgrade_mode;
        old.initial_savepoint.clone_from(&new.initial_savepoint);
        old.savepoint_nonce = new.savepoint_nonce;
        old.checkpoint_nonce = new.checkpoint_nonce;
        old.savepoint_on_deletion = new.savepoint_on_deletion;
        old.restarts_failed = new.restarts_failed;
        if can_rescale(new) {
            old.parallelism = new.parallelism;
        }
    }
    lasting
}

/// Says whether a job's parallelism can be changed while it runs: its state goes by a checkpoint,
/// which all pods have to see.
fn can_rescale(job: &crate::model::Job) -> bool {
    job.upgrade_mode != UpgradeMode::Stateless && job.checkpoint_directory.is_some()
}

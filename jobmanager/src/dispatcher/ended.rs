//! What jobs leave that end just before their JobManager does.

use std::sync::Arc;

use sciurus_checkpoint::{CheckpointStore, Deletion, Storage, StorageOptions, Verification};
use sciurus_core::config::Configuration;

use super::Dispatcher;
use crate::ha::EndedJob;
use crate::packages::blocking;

impl Dispatcher {
    /// Deletes what is left of the checkpoints of jobs that ended under an earlier JobManager.
    pub(crate) async fn clean_up_ended(&self) {
        let Some(ha) = self.0.ha.clone() else { return };
        let cluster = self.0.configuration.clone();
        let delete = move || {
            for job in ha.ended() {
                let id = job.id;
                let deleted = delete_leftovers(&job, &cluster);
                let forgotten =
                    deleted.and_then(|()| ha.forget_ended(id).map_err(|error| error.to_string()));
                match forgotten {
                    Ok(()) => {
                        tracing::info!(job = %id, "what the job had left in storage is deleted");
                    }
                    Err(error) => tracing::warn!(
                        job = %id,
                        "the job has ended, and what it left in storage can't be deleted: {error}; \
                         the next JobManager tries again"
                    ),
                }
            }
        };
        blocking(delete).await;
    }
}

/// Deletes what lies in the folder of a job that has ended and doesn't outlive it.
fn delete_leftovers(job: &EndedJob, cluster: &Configuration) -> Result<(), String> {
    let mut configuration = cluster.clone();
    configuration.merge(&job.configuration);
    let options =
        StorageOptions::from_configuration(&configuration).map_err(|error| error.to_string())?;
    let store = CheckpointStore::new(Storage::new(&options), &job.directory, job.id)
        .map_err(|error| error.to_string())?;
    let kept = job.kept.iter().map(|folder| store.load(folder, Verification::Metadata));
    let retained = kept.map(|metadata| metadata.map(Arc::new)).collect::<Result<_, _>>();
    let retained = retained.map_err(|error| error.to_string())?;
    let leftovers = Deletion::Leftovers { retained, older_than: None };
    leftovers.carry_out(&store).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use sciurus_checkpoint::CheckpointMetadata;
    use sciurus_core::checkpoint::{CheckpointId, SnapshotKind};
    use sciurus_core::ids::JobId;

    use super::*;

    #[test]
    fn what_does_not_outlive_the_job_goes() {
        let directory = tempfile::tempdir().unwrap();
        let id = JobId::from_bytes([7; 16]);
        let root = directory.path().display().to_string();
        let storage = Storage::new(&StorageOptions::default());
        let store = CheckpointStore::new(storage, &root, id).unwrap();
        let folder = |number| store.layout().exclusive(CheckpointId(number));
        for number in 1..=3 {
            let metadata = CheckpointMetadata {
                job: id,
                job_name: "job".to_owned(),
                id: CheckpointId(number),
                kind: SnapshotKind::Checkpoint,
                timestamp: 1,
                exclusive: folder(number),
                operators: Vec::new(),
            };
            store.write(&metadata).unwrap();
        }
        let files = || {
            let own = directory.path().join(id.to_string());
            let files = std::fs::read_dir(own).into_iter().flatten().flatten();
            let mut names: Vec<_> =
                files.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
            names.retain(|name| name.starts_with("chk-"));
            names.sort();
            names
        };
        let mut job = EndedJob {
            id,
            directory: root,
            kept: vec![folder(2)],
            configuration: Configuration::new(),
        };
        delete_leftovers(&job, &Configuration::new()).unwrap();
        assert_eq!(files(), ["chk-2"]);
        job.kept = vec![folder(9)];
        let refused = delete_leftovers(&job, &Configuration::new()).unwrap_err();
        assert!(refused.contains("chk-9"), "{refused}");
        assert_eq!(files(), ["chk-2"], "nothing goes while it isn't known what stays");
        job.kept.clear();
        delete_leftovers(&job, &Configuration::new()).unwrap();
        assert!(files().is_empty());
    }
}

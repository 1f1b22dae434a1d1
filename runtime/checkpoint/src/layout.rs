//! Where the files of a job's checkpoints lie: Flink's layout.
//!
//! ```text
//! <dir>/<job-id>/chk-<n>/_metadata       what the checkpoint holds
//!                       <uuid>           files of this checkpoint alone
//!                shared/<uuid>           files that several checkpoints refer to
//!                taskowned/              files that tasks delete themselves: none so far
//! <target>/savepoint-<6 digits of the job id>-<12 random digits>/_metadata, <uuid>
//! ```

use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::ids::JobId;

use crate::storage::{StorageError, StorageUrl};

/// The name of the file that makes a folder a checkpoint.
pub const METADATA_FILE: &str = "_metadata";

const CHECKPOINT_PREFIX: &str = "chk-";
const SAVEPOINT_PREFIX: &str = "savepoint-";
const SHARED: &str = "shared";
const TASK_OWNED: &str = "taskowned";

/// Names the folders of one job's checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointLayout {
    job: JobId,
    directory: StorageUrl,
    folder: StorageUrl,
}

impl CheckpointLayout {
    /// Names those below a directory of checkpoints (`execution.checkpointing.dir`).
    ///
    /// # Errors
    /// Where the directory is no address.
    pub fn new(directory: &str, job: JobId) -> Result<Self, StorageError> {
        let directory = StorageUrl::parse(directory)?;
        let folder = directory.join(&job.to_string())?;
        Ok(Self { job, directory, folder })
    }

    /// Returns the job.
    pub fn job(&self) -> JobId {
        self.job
    }

    /// Returns the directory of checkpoints.
    pub fn directory(&self) -> &StorageUrl {
        &self.directory
    }

    /// Returns the job's folder.
    pub fn folder(&self) -> &StorageUrl {
        &self.folder
    }

    /// Returns the address of the folder of what belongs to a checkpoint alone.
    pub fn exclusive(&self, checkpoint: CheckpointId) -> String {
        format!("{}/{CHECKPOINT_PREFIX}{checkpoint}", self.folder)
    }

    /// Returns the address of the folder of files that several checkpoints may refer to.
    pub fn shared(&self) -> String {
        format!("{}/{SHARED}", self.folder)
    }

    /// Returns the address of the folder of files that tasks own.
    pub fn task_owned(&self) -> String {
        format!("{}/{TASK_OWNED}", self.folder)
    }

    /// Returns a new address for a savepoint of the job below `target`.
    ///
    /// # Errors
    /// Where the target is no address.
    pub fn savepoint(&self, target: &str) -> Result<String, StorageError> {
        let job = self.job.to_string();
        let random = fastrand::u64(..1 << 48);
        let name = format!("{SAVEPOINT_PREFIX}{}-{random:012x}", &job[..6]);
        Ok(StorageUrl::parse(target)?.join(&name)?.to_string())
    }
}

/// Returns a new name for a file of state.
pub fn file_name() -> String {
    let digits = format!("{:032x}", fastrand::u128(..));
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    parts.join("-")
}

/// Returns the number of the checkpoint that a folder of this name holds.
pub(crate) fn checkpoint_of(name: &str) -> Option<CheckpointId> {
    name.strip_prefix(CHECKPOINT_PREFIX)?.parse().ok().map(CheckpointId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_named_as_flink_names_them() {
        let job: JobId = "76ad90b7c99e99e971657c7ed25f7581".parse().unwrap();
        let layout = CheckpointLayout::new("/ck/", job).unwrap();
        assert_eq!(
            layout.exclusive(CheckpointId(12)),
            "file:///ck/76ad90b7c99e99e971657c7ed25f7581/chk-12"
        );
        assert_eq!(layout.shared(), "file:///ck/76ad90b7c99e99e971657c7ed25f7581/shared");
        let savepoint = layout.savepoint("s3://bucket/").unwrap();
        assert_eq!(savepoint.len(), "s3://bucket/savepoint-76ad90-".len() + 12);
        assert!(savepoint.starts_with("s3://bucket/savepoint-76ad90-"), "{savepoint}");
        assert_ne!(layout.savepoint("s3://bucket/").unwrap(), savepoint);
    }

    #[test]
    fn a_folder_says_its_number() {
        assert_eq!(checkpoint_of("chk-12"), Some(CheckpointId(12)));
        for name in ["chk-", "chk-x", "shared", "chk--1"] {
            assert_eq!(checkpoint_of(name), None);
        }
        assert_eq!(file_name().len(), 36);
        assert_ne!(file_name(), file_name());
    }
}

//! Files that earlier attempts of a subtask left behind when they were killed.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use sciurus_engine::operator::OperatorContext;

/// What the name of a file that is being written holds, by which a later attempt of its subtask
/// knows it: job, operator and subtask.
#[derive(Debug, Clone)]
pub(super) struct OwnerTag {
    operator: String,
    subtask: u32,
    parallelism: u32,
}

/// Stands in the names of files that are being written, in front of the tag.
pub(super) const IN_PROGRESS: &str = ".inprogress.";

impl OwnerTag {
    /// Returns the tag of the subtask's files; `None` where nobody knows which job it belongs to.
    pub(super) fn of(context: &OperatorContext) -> Option<Self> {
        let owner = context.state.owner()?;
        let operator = format!("{}-{}", owner.job, owner.operator);
        let subtask = context.subtask;
        Some(Self { operator, subtask: subtask.index, parallelism: subtask.parallelism })
    }

    /// Returns the tag as it stands in names.
    pub(super) fn name(&self) -> String {
        format!("{}-{}", self.operator, self.subtask)
    }

    /// Returns whether a file is one that an earlier attempt of this subtask was writing, or one of
    /// a subtask that there isn't any more.
    fn is_leftover(&self, name: &str) -> bool {
        let Some((_, tag)) = name.split_once(IN_PROGRESS) else { return false };
        let subtask = tag.strip_prefix(&self.operator).and_then(|rest| rest.strip_prefix('-'));
        let subtask = subtask.and_then(|rest| rest.split_once('.'));
        let Some(Ok(subtask)) = subtask.map(|(subtask, _)| subtask.parse::<u32>()) else {
            return false;
        };
        // Others of the subtasks that there are may be running: where only a part of the job was
        // restarted, or those that were restarted at the same time.
        subtask == self.subtask
            || (subtask >= self.parallelism && subtask % self.parallelism == self.subtask)
    }

    /// Removes what earlier attempts were writing into `folder` and the folders in it. No
    /// checkpoint refers to such a file: those that wait for one have another name.
    pub(super) fn clean_up(&self, folder: &Path) {
        if let Err(error) = self.clean_up_in(folder) {
            tracing::warn!(
                "cannot look for files in {} that earlier attempts left behind: {error}",
                folder.display()
            );
        }
    }

    fn clean_up_in(&self, folder: &Path) -> std::io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.clean_up_in(&entry.path())?;
            } else if kind.is_file()
                && entry.file_name().to_str().is_some_and(|n| self.is_leftover(n))
            {
                match fs::remove_file(entry.path()) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                    _ => tracing::info!("removed {}, left unfinished", entry.path().display()),
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_same_subtask_or_of_one_that_is_gone_are_left_over() {
        let tag = OwnerTag { operator: "job-sink".to_owned(), subtask: 1, parallelism: 2 };
        let file = |of: &str| format!(".part-x-0{IN_PROGRESS}{of}.uuid");
        assert_eq!(file(&tag.name()), file("job-sink-1"));
        for of in ["job-sink-1", "job-sink-3", "job-sink-5"] {
            assert!(tag.is_leftover(&file(of)), "{of}");
        }
        for of in ["job-sink-0", "job-sink-2", "job-sink-10", "job-other-1", "x", "job-sink-"] {
            assert!(!tag.is_leftover(&file(of)), "{of}");
        }
        assert!(!tag.is_leftover("part-job-sink-1.uuid"));
        assert!(!tag.is_leftover(".part-x-0.pending.uuid"));
    }
}

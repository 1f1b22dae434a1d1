//! Where a local cluster keeps its files.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use super::LocalError;
use crate::arguments::ClusterDirectory;

/// Names the files of a local cluster.
#[derive(Debug, Clone)]
pub struct Directory {
    path: PathBuf,
}

impl Directory {
    /// Chooses the directory: the command line's, else `sciurus` below the user's state directory.
    ///
    /// # Errors
    /// [`LocalError::NoDirectory`] if the environment knows no such directory.
    pub fn of(arguments: &ClusterDirectory) -> Result<Self, LocalError> {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let usual = || {
            let state = set("XDG_STATE_HOME").map(PathBuf::from);
            let home = || set("HOME").map(|home| Path::new(&home).join(".local/state"));
            Some(state.or_else(home)?.join("sciurus"))
        };
        let path = arguments.directory.clone().or_else(usual).ok_or(LocalError::NoDirectory)?;
        let path = std::path::absolute(&path).unwrap_or(path);
        Ok(Self { path })
    }

    /// Returns the directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the file that lists the cluster's processes.
    pub fn state(&self) -> PathBuf {
        self.path.join("cluster.json")
    }

    /// Returns where all logs are.
    pub fn logs(&self) -> PathBuf {
        self.path.join("log")
    }

    /// Returns where the logs of a process are.
    pub fn logs_of(&self, process: &str) -> PathBuf {
        self.logs().join(process)
    }

    /// Creates the directory and keeps other commands out of it while the guard lives.
    ///
    /// # Errors
    /// [`LocalError::Busy`] if another command is in it, [`LocalError::File`].
    pub fn lock(&self) -> Result<File, LocalError> {
        fs::create_dir_all(&self.path).map_err(LocalError::file("create", &self.path))?;
        let path = self.path.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(LocalError::file("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => Err(LocalError::Busy { path: self.path.clone() }),
            Err(fs::TryLockError::Error(source)) => {
                Err(LocalError::File { what: "lock", path, source })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_command_at_a_time_is_in_a_directory() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("new");
        let directory = Directory::of(&ClusterDirectory { directory: Some(path) }).unwrap();
        let guard = directory.lock().unwrap();
        assert!(matches!(directory.lock(), Err(LocalError::Busy { .. })));
        drop(guard);
        directory.lock().unwrap();
    }
}

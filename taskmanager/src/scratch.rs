//! The TaskManager's temporary directory, and what dead TaskManagers have left in theirs.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process_group};
use tracing::{info, warn};

use crate::error::StartError;
use crate::procfs;

/// What the directories begin with.
const PREFIX: &str = "sciurus-taskmanager-";

/// The file that a living TaskManager keeps locked.
const LOCK: &str = "lock";

/// Where workers have their working directories.
const WORKERS: &str = "workers";

/// The file beside a worker's working directory that names its process.
const PROCESS: &str = "process";

/// A directory that goes with the TaskManager. While it lives it holds a lock in it, so that others
/// know.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
    _lock: File,
}

impl Scratch {
    /// Makes the directory below `parent`, and cleans up after TaskManagers that died there.
    pub(crate) fn create(parent: &Path) -> Result<Self, StartError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| StartError::Directory { path, source }
        };
        fs::create_dir_all(parent).map_err(failed(parent))?;
        clean(parent);
        let path = parent.join(format!("{PREFIX}{:016x}", fastrand::u64(..)));
        // Others must not see what jobs keep there. The lock is taken before the directory has its
        // name: nobody takes it for one that was left behind.
        let hidden = parent.join(format!(".{PREFIX}{:016x}", fastrand::u64(..)));
        let create = || {
            make_private(&hidden)?;
            let lock = File::create(hidden.join(LOCK))?;
            flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
            make_private(&hidden.join(WORKERS))?;
            make_private(&hidden.join("packages"))?;
            fs::rename(&hidden, &path)?;
            Ok(lock)
        };
        let lock = create().map_err(failed(&path))?;
        Ok(Self { path, _lock: lock })
    }

    /// Returns where packages are kept.
    pub(crate) fn packages(&self) -> PathBuf {
        self.path.join("packages")
    }

    /// Returns where logs are written that have no other place.
    pub(crate) fn logs(&self) -> PathBuf {
        self.path.join("log")
    }

    /// Returns where workers have their working directories.
    pub(crate) fn workers(&self) -> PathBuf {
        self.path.join(WORKERS)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            warn!(path = %self.path.display(), %error, "can't remove the temporary directory");
        }
    }
}

/// Makes a directory that only this user can look into.
fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;

    fs::DirBuilder::new().mode(0o700).create(path)
}

/// Removes the directories of TaskManagers that live no longer, and ends what workers they left.
fn clean(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_directory || !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let Ok(lock) = File::open(path.join(LOCK)) else { continue };
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            continue;
        }
        end_workers(&path.join(WORKERS));
        match fs::remove_dir_all(&path) {
            Ok(()) => info!(path = %path.display(), "removed what a TaskManager had left"),
            // Another one may be cleaning up, too.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => warn!(path = %path.display(), %error, "can't remove what was left"),
        }
    }
}

fn end_workers(workers: &Path) {
    let Ok(entries) = fs::read_dir(workers) else { return };
    for entry in entries.flatten() {
        let Ok(text) = fs::read_to_string(entry.path().join(PROCESS)) else { continue };
        let mut numbers = text.split_whitespace();
        let pid = numbers.next().and_then(|pid| pid.parse::<u32>().ok());
        let started = numbers.next().and_then(|time| time.parse::<u64>().ok());
        let (Some(pid), Some(started)) = (pid, started) else { continue };
        // Another process may have the same id by now.
        if procfs::start_time(pid) == Some(started) {
            warn!(pid, "ending a worker whose TaskManager is gone");
            kill_group(pid, Signal::KILL);
        }
    }
}

/// Writes down which process works in a directory.
pub(crate) fn record_process(directory: &Path, pid: u32) -> io::Result<()> {
    let started = procfs::start_time(pid).unwrap_or(0);
    fs::write(directory.join(PROCESS), format!("{pid} {started}\n"))
}

/// Sends a signal to a process and all that belong to its group. One that has ended needs none.
pub(crate) fn kill_group(pid: u32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid.cast_signed()).filter(|pid| pid.as_raw_nonzero().get() > 1)
    {
        let _ = kill_process_group(pid, signal);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;

    #[test]
    fn directories_of_the_dead_are_removed_and_those_of_the_living_are_not() {
        let parent = tempfile::tempdir().unwrap();
        let living = Scratch::create(parent.path()).unwrap();
        let dead = parent.path().join(format!("{PREFIX}dead"));
        fs::create_dir_all(dead.join(WORKERS).join("w")).unwrap();
        fs::write(dead.join(LOCK), "").unwrap();
        let foreign = parent.path().join("other");
        fs::create_dir(&foreign).unwrap();

        let mut left = Command::new("sleep").arg("1000").process_group(0).spawn().unwrap();
        record_process(&dead.join(WORKERS).join("w"), left.id()).unwrap();
        // Has the id of a living process, but not its start: is left alone.
        fs::create_dir_all(dead.join(WORKERS).join("x")).unwrap();
        let me = format!("{} 1", std::process::id());
        fs::write(dead.join(WORKERS).join("x").join(PROCESS), me).unwrap();

        let second = Scratch::create(parent.path()).unwrap();
        assert!(!dead.exists() && foreign.exists());
        assert!(living.workers().exists() && second.packages().exists());
        assert!(!left.wait().unwrap().success());
        drop((living, second));
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }
}

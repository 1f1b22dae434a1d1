//! Starting a worker's process.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tracing::warn;

use super::{WorkerSpec, worker_directory};
use crate::scratch::{self, kill_group};

/// Tells an executable that it belongs to a manager, and the protocol's version.
const JOB_PROCESS: &str = "SCIURUS_JOB_PROCESS";

/// The executable may still be open for writing in a process that another one is just about to
/// become; how often and after which pauses it is tried again.
const BUSY_RETRIES: usize = 50;
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// A worker's process.
pub(super) struct Process {
    pub(super) child: Child,
    pub(super) pid: u32,
    _directory: WorkingDirectory,
}

impl Drop for Process {
    fn drop(&mut self) {
        // Whatever happens to the supervisor, and whatever the worker has started itself. Once the
        // worker has ended and nothing is left of its group the signal finds nobody.
        if self.child.id().is_some() {
            kill_group(self.pid, Signal::KILL);
        }
    }
}

/// A directory that goes with the process.
struct WorkingDirectory {
    path: PathBuf,
}

impl Drop for WorkingDirectory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            warn!(path = %self.path.display(), %error, "can't remove a worker's directory");
        }
    }
}

/// Starts the process, and returns the socket to it, too.
pub(super) async fn start(
    spec: &WorkerSpec,
    executable: &Path,
) -> io::Result<(Process, UnixStream)> {
    let directory = worker_directory(&spec.scratch_workers, spec.job, spec.worker);
    let working = directory.join("tmp");
    // The job's files are nobody else's business: the parent's mode keeps others out.
    fs::create_dir_all(&working)?;
    let directory = WorkingDirectory { path: directory };

    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let socket = UnixStream::from_std(ours)?;
    let theirs = OwnedFd::from(theirs);
    let mut tries = 0;
    let child = loop {
        let (out, err) = spec.logs.open()?;
        let mut command = Command::new(executable);
        command
            .args(&spec.entry)
            .args(&spec.arguments)
            .env_clear()
            .envs(spec.environment.iter())
            .env(JOB_PROCESS, sciurus_rpc::PROTOCOL_VERSION.to_string())
            .env("TMPDIR", &working)
            .current_dir(&working)
            .stdin(Stdio::from(theirs.try_clone()?))
            .stdout(Stdio::from(out))
            .stderr(Stdio::from(err))
            // Signals to the TaskManager's group don't reach it, and its own children can be ended
            // with it.
            .process_group(0)
            .kill_on_drop(true);
        match command.spawn() {
            Err(error)
                if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < BUSY_RETRIES =>
            {
                tries += 1;
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            result => break result?,
        }
    };
    drop(theirs);
    let pid = child.id().unwrap_or(0);
    if let Err(error) = scratch::record_process(&directory.path, pid) {
        warn!(%error, pid, "can't write down a worker's process");
    }
    Ok((Process { child, pid, _directory: directory }, socket))
}

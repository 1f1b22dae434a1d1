//! What can go wrong with a local cluster.

use std::io;
use std::path::PathBuf;

use crate::rest::Address;

/// Says what is wrong with the cluster on this machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// There is no home directory to put the cluster's files in.
    #[error(
        "neither XDG_STATE_HOME nor HOME is set: say by --dir where the cluster keeps its files"
    )]
    NoDirectory,
    /// A file of the cluster's can't be read or written.
    #[error("cannot {what} {}: {source}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file that lists the cluster's processes makes no sense.
    #[error(
        "{} does not say what a cluster is made of: {source}. Delete it when no process of the \
         cluster runs any longer",
        path.display()
    )]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Another command is at the same cluster.
    #[error("another command starts or stops the cluster in {}: wait for its end", path.display())]
    Busy {
        /// The cluster's directory.
        path: PathBuf,
    },
    /// There is a cluster already.
    #[error(
        "a cluster runs already: {processes} in {}, http://{address}. End it by 'sciurus cluster \
         stop', or choose another --dir and other ports",
        path.display()
    )]
    RunsAlready {
        /// Its processes.
        processes: String,
        /// Its directory.
        path: PathBuf,
        /// Its REST API.
        address: Address,
    },
    /// A port is taken.
    #[error(
        "cannot listen on {host}:{port} ({key}): {source}. Choose another port by -D{key}=PORT, or \
         end what uses it"
    )]
    Port {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// The setting that names the port.
        key: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
    /// A process can't be started.
    #[error("cannot start the {name}: {source}")]
    Spawn {
        /// Which process.
        name: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// A process ended before the cluster was ready.
    #[error("the {name} ended at once ({status}). Its last words:\n{last_words}")]
    Ended {
        /// Which process.
        name: String,
        /// How it ended.
        status: String,
        /// The end of what it wrote.
        last_words: String,
    },
    /// The cluster isn't ready in time.
    #[error("the cluster is not ready after {seconds} s: {missing}. Logs are in {}", logs.display())]
    NotReady {
        /// How long the command waited.
        seconds: u64,
        /// What is missing.
        missing: String,
        /// Where the logs are.
        logs: PathBuf,
    },
    /// There is no cluster.
    #[error("no cluster runs in {}: 'sciurus cluster start' starts one", path.display())]
    None {
        /// The directory.
        path: PathBuf,
    },
    /// Some processes can't be ended.
    #[error("these processes of the cluster still run: {processes}")]
    StillRunning {
        /// The processes.
        processes: String,
    },
}

impl LocalError {
    /// Describes a failure with a file.
    pub fn file(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source }
    }
}

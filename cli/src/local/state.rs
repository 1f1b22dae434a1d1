//! What a local cluster is made of, in a file that other commands read.

use std::fs;
use std::io::ErrorKind;

use serde::{Deserialize, Serialize};

use super::LocalError;
use super::directory::Directory;
use super::process::Process;
use crate::rest::Address;

/// Lists a cluster's processes, the `JobManager` first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The host of the REST API.
    pub host: String,
    /// The port of the REST API.
    pub port: u16,
    /// Its processes.
    pub processes: Vec<Process>,
}

impl State {
    /// Reads what the directory says of a cluster; `None` if there is none.
    ///
    /// # Errors
    /// [`LocalError`] if the file can't be read.
    pub fn read(directory: &Directory) -> Result<Option<Self>, LocalError> {
        let path = directory.state();
        match fs::read(&path) {
            Ok(text) => {
                let state = serde_json::from_slice(&text);
                state.map(Some).map_err(|source| LocalError::State { path, source })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(LocalError::File { what: "read", path, source }),
        }
    }

    /// Writes what the cluster is made of: all of it or nothing.
    ///
    /// # Errors
    /// [`LocalError`] if the file can't be written.
    pub fn write(&self, directory: &Directory) -> Result<(), LocalError> {
        let path = directory.state();
        let text = serde_json::to_vec_pretty(self);
        let text = text.map_err(|source| LocalError::State { path: path.clone(), source })?;
        let partial = path.with_extension("json.partial");
        fs::write(&partial, text).map_err(LocalError::file("write", &partial))?;
        fs::rename(&partial, &path).map_err(LocalError::file("write", &path))
    }

    /// Forgets the cluster.
    ///
    /// # Errors
    /// [`LocalError`] if the file can't be deleted.
    pub fn delete(directory: &Directory) -> Result<(), LocalError> {
        let path = directory.state();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(LocalError::File { what: "delete", path, source: error })
            }
            _ => Ok(()),
        }
    }

    /// Returns where the REST API is.
    pub fn address(&self) -> Address {
        Address::new(&self.host, self.port)
    }

    /// Returns the `JobManager`.
    pub fn jobmanager(&self) -> Option<&Process> {
        self.processes.first()
    }

    /// Returns the processes that still run.
    pub fn running(&self) -> impl Iterator<Item = &Process> {
        self.processes.iter().filter(|process| process.is_running())
    }
}

/// Lists processes by name and id.
pub fn names<'a>(processes: impl Iterator<Item = &'a Process>) -> String {
    let names = processes.map(|process| format!("{} ({})", process.name, process.pid));
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::ClusterDirectory;

    #[test]
    fn a_cluster_is_read_as_it_was_written() {
        let temporary = tempfile::tempdir().unwrap();
        let path = Some(temporary.path().to_owned());
        let directory = Directory::of(&ClusterDirectory { directory: path }).unwrap();
        assert_eq!(State::read(&directory).unwrap(), None);
        State::delete(&directory).unwrap();
        let process = Process::of("jobmanager", std::process::id()).unwrap();
        let state = State { host: "localhost".into(), port: 8081, processes: vec![process] };
        state.write(&directory).unwrap();
        assert_eq!(State::read(&directory).unwrap().as_ref(), Some(&state));
        assert_eq!(names(state.running()), format!("jobmanager ({})", std::process::id()));
        fs::write(directory.state(), "[").unwrap();
        assert!(matches!(State::read(&directory), Err(LocalError::State { .. })));
        State::delete(&directory).unwrap();
        assert_eq!(State::read(&directory).unwrap(), None);
    }
}

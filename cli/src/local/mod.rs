//! `cluster`: a cluster of processes on this machine, for development and small uses.
//!
//! A directory holds the cluster's [`State`] and logs. Its processes are managers like any other
//! ([`crate::process`]); the command starts them, waits until they are ready, and goes.

mod directory;
mod error;
mod ports;
mod process;
mod start;
mod state;
mod status;
mod stop;

use std::process::ExitCode;

pub use error::LocalError;

use crate::Error;
use crate::arguments::{Cluster, ClusterCommand, ClusterDirectory};
use crate::rest::Address;
use directory::Directory;
use state::State;

/// Starts, shows or stops a cluster.
pub fn run(arguments: &Cluster) -> Result<ExitCode, Error> {
    match &arguments.command {
        ClusterCommand::Start(arguments) => start::run(arguments).map(|()| ExitCode::SUCCESS),
        ClusterCommand::Status(arguments) => status::run(arguments),
        ClusterCommand::Stop(arguments) => stop::run(arguments).map(|()| ExitCode::SUCCESS),
    }
}

/// Returns where the REST API of the cluster in the usual directory is, if one runs there.
pub fn address() -> Option<Address> {
    let directory = Directory::of(&ClusterDirectory::default()).ok()?;
    let state = State::read(&directory).ok()??;
    state.jobmanager().is_some_and(process::Process::is_running).then(|| state.address())
}

/// Writes how many of a thing there are: `1 slot`, `2 slots`.
fn many(count: u64, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_no_things() {
        assert_eq!([0, 1, 2].map(|count| many(count, "slot")), ["0 slots", "1 slot", "2 slots"]);
    }
}

//! The user's commands, one file each.

pub mod cancel;
pub mod checkpoint;
pub mod completions;
pub mod doctor;
pub mod info;
mod inspect;
pub mod list;
pub mod log_level;
pub mod logs;
mod operation;
mod output;
pub mod package;
mod progress;
pub mod rescale;
pub mod run;
pub mod savepoint;
pub mod stop;
mod submit;

pub use inspect::InspectError;
pub use output::{print, print_json};
use sciurus_core::config::Configuration;

use crate::arguments::Target;
use crate::rest::{Address, Client};
use crate::{Error, configuration, local};

/// Finds the cluster that is meant: the command line's, the configuration's, the local one, or the
/// one at Flink's port of this machine. Returns a client and the settings.
fn connect(target: &Target) -> Result<(Client, Configuration), Error> {
    let loaded = configuration::of_client(target)?;
    for warning in &loaded.warnings {
        eprintln!("warning: {warning}");
    }
    if let Some(kind) = &target.kind {
        eprintln!("warning: --target {kind} has no effect: there is one kind of cluster");
    }
    if target.zookeeper_namespace.is_some() {
        eprintln!("warning: --zookeeperNamespace has no effect: ZooKeeper is not used");
    }
    let configuration = loaded.configuration;
    let address = match &target.jobmanager {
        Some(given) => Address::parse(given)?,
        None => match Address::configured(&configuration)? {
            Some(address) => address,
            None => local::address().unwrap_or_else(|| Address::new("localhost", 8081)),
        },
    };
    Ok((Client::new(address, &configuration)?, configuration))
}

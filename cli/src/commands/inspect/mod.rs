//! `savepoint inspect`: says what a savepoint or checkpoint holds, without a cluster.

mod count;
mod report;
mod table;
#[cfg(test)]
mod tests;

use sciurus_checkpoint::{Storage, StorageOptions};

pub use report::InspectError;

use super::output::Answer;
use crate::arguments::{Inspect, Target};
use crate::{Error, configuration};

/// Reads a checkpoint and tells what is in it.
pub fn run(arguments: &Inspect) -> Result<(), Error> {
    let Inspect { path, json, properties, config_dir } = arguments;
    let target = Target {
        properties: properties.clone(),
        config_dir: config_dir.clone(),
        ..Target::default()
    };
    let loaded = configuration::of_client(&target)?;
    let options = StorageOptions::from_configuration(&loaded.configuration)?;
    let report = report::read(&Storage::new(&options), &address(path)?).map_err(Box::new)?;
    Answer { json: *json }.tell(table::text(&report), &report)
}

/// Takes a relative path as one of this directory: the user types it in a shell.
fn address(path: &str) -> Result<String, Error> {
    if path.starts_with('/') || path.contains(':') {
        return Ok(path.to_owned());
    }
    let absolute =
        std::path::absolute(path).map_err(|source| Error::File { path: path.into(), source })?;
    // `..` may be typed; storage takes none.
    let resolved = absolute.canonicalize().unwrap_or(absolute);
    Ok(resolved.display().to_string())
}

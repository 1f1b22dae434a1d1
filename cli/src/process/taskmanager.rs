//! `taskmanager`.

use std::process::ExitCode;
use std::sync::Arc;

use sciurus_core::config::Configuration;
use sciurus_taskmanager::{TaskManager, TaskManagerOptions};

use super::ProcessError;
use super::manager::{self, Kind, Prepared};
use super::signals::{self, End};
use crate::Error;
use crate::arguments::Manager;

/// Runs a `TaskManager` until it is asked to end or can't go on.
pub fn run(arguments: &Manager) -> Result<ExitCode, Error> {
    let prepared = manager::prepare(Kind::TaskManager, arguments, &Configuration::new())?;
    let Prepared { configuration, logging } = prepared;
    let options = TaskManagerOptions {
        log_file: logging.file.clone(),
        stdout_file: manager::output_file(),
        set_log_level: Some(Arc::new(move |directives: &str| {
            logging.levels.set(directives).map_err(|error| error.to_string())
        })),
        ..TaskManagerOptions::new(configuration)
    };
    Ok(manager::block_on(async {
        let mut end = End::new()?;
        let mut manager = TaskManager::start(options).await.map_err(ProcessError::TaskManager)?;
        let name = tokio::select! {
            result = manager.wait() => {
                result.map_err(ProcessError::TaskManagerEnded)?;
                return Ok(ExitCode::SUCCESS);
            }
            name = end.asked() => name,
        };
        Ok(signals::stop(name, end, manager.stop()).await.unwrap_or(ExitCode::SUCCESS))
    })?)
}

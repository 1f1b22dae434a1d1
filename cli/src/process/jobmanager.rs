//! `jobmanager`, and what `standalone-job` has in common with it.

use std::process::ExitCode;

use sciurus_core::config::Configuration;
use sciurus_jobmanager::{Application, JobManager, JobManagerOptions};

use super::ProcessError;
use super::manager::{self, Kind, Prepared};
use super::signals::{self, End};
use crate::Error;
use crate::arguments::Manager;

/// Runs a `JobManager` until it is asked to end.
pub fn run(arguments: &Manager) -> Result<ExitCode, Error> {
    let prepared = manager::prepare(Kind::JobManager, arguments, &Configuration::new())?;
    serve(prepared, None)
}

/// Runs a `JobManager` until it is asked to end or, where it is for one job, that has ended.
pub fn serve(prepared: Prepared, application: Option<Application>) -> Result<ExitCode, Error> {
    let Prepared { configuration, logging } = prepared;
    Ok(manager::block_on(async {
        let mut end = End::new()?;
        let is_for_one_job = application.is_some();
        let options =
            JobManagerOptions { configuration, application, levels: Some(logging.levels) };
        let manager = JobManager::start(options).await.map_err(ProcessError::JobManager)?;
        let (reason, code) = tokio::select! {
            status = manager.shutdown_requested() => {
                let what = if is_for_one_job { "the end of its job" } else { "a client's request" };
                (what, ExitCode::from(status.exit_code()))
            }
            name = end.asked() => (name, ExitCode::SUCCESS),
        };
        Ok(signals::stop(reason, end, manager.shut_down()).await.unwrap_or(code))
    })?)
}

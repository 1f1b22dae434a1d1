//! `jobmanager`, and what `standalone-job` has in common with it.

use std::process::ExitCode;
use std::time::Duration;

use sciurus_core::config::Configuration;
use sciurus_jobmanager::rest::{RestOptions, RestServer};
use sciurus_jobmanager::{Application, JobManager, JobManagerOptions};

use super::ProcessError;
use super::manager::{self, Kind, Prepared};
use super::signals::{self, End};
use crate::Error;
use crate::arguments::Manager;

/// How long requests that are being answered may take while the `JobManager` stops.
const LAST_REQUESTS_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs a `JobManager` until it is asked to end.
pub fn run(arguments: &Manager) -> Result<ExitCode, Error> {
    let prepared = manager::prepare(Kind::JobManager, arguments, &Configuration::new())?;
    serve(prepared, None)
}

/// Runs a `JobManager` until it is asked to end or, where it is for one job, that has ended.
pub fn serve(prepared: Prepared, application: Option<Application>) -> Result<ExitCode, Error> {
    let configuration = prepared.configuration;
    let rest_options = RestOptions::from_configuration(&configuration)?;
    Ok(manager::block_on(async {
        let mut end = End::new()?;
        let is_for_one_job = application.is_some();
        let options = JobManagerOptions { configuration, application };
        let manager = JobManager::start(options).await.map_err(ProcessError::JobManager)?;
        let rest = RestServer::start(manager.dispatcher().clone(), rest_options).await;
        let rest = match rest {
            Ok(rest) => rest,
            Err(error) => {
                manager.shut_down().await;
                return Err(ProcessError::Rest(error));
            }
        };
        tracing::info!("REST API: http://{}", rest.address());
        let (reason, code) = tokio::select! {
            status = manager.shutdown_requested() => {
                let what = if is_for_one_job { "the end of its job" } else { "a client's request" };
                (what, ExitCode::from(status.exit_code()))
            }
            name = end.asked() => (name, ExitCode::SUCCESS),
        };
        let stopping = async {
            // Whoever waits for the job's result has a moment to read it.
            rest.shut_down(LAST_REQUESTS_TIMEOUT).await;
            manager.shut_down().await;
        };
        Ok(signals::stop(reason, end, stopping).await.unwrap_or(code))
    })?)
}

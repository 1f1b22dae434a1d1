//! Seeing and doing: the API server, `JobManager`s, and the operator's own endpoints.

mod act;
mod context;
mod controller;
mod http;
mod job_manager;
mod lease;
mod look;
mod metrics;
mod serve;
mod session;
mod stored;

use std::sync::Arc;

use kube::Client;
use tokio::sync::watch;

pub use metrics::Metrics;

use crate::Options;
use context::Context;

/// Says why the operator can't run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// There is no way to the API server.
    #[error(
        "can't find the API server: {0}; run the operator in a pod with a service account, or set \
         KUBECONFIG"
    )]
    NoApiServer(Box<kube::Error>),
    /// The same, as the configuration can't be read.
    #[error("can't read how the API server is reached: {0}; correct KUBECONFIG")]
    Configuration(#[from] kube::config::InferConfigError),
    /// Connections to others can't be made safe.
    #[error("can't use the system's certificates: {0}")]
    Certificates(std::io::Error),
    /// A port is taken.
    #[error("can't listen on port {port}: {source}; choose another by {option}")]
    Listen {
        /// The port.
        port: u16,
        /// The option that chooses it.
        option: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Runs the operator until `stop` becomes true or its sender is gone.
///
/// # Errors
/// [`OperatorError`] where it can't begin. Nothing that happens later ends it.
pub async fn run(options: Options, mut stop: watch::Receiver<bool>) -> Result<(), OperatorError> {
    let config = kube::Config::infer().await?;
    let client =
        Client::try_from(config).map_err(|error| OperatorError::NoApiServer(Box::new(error)))?;
    let metrics = Arc::new(Metrics::default());
    let http = http::Http::new().map_err(OperatorError::Certificates)?;
    let context = Arc::new(Context::new(client.clone(), http, options.clone(), metrics.clone()));
    serve::health(options.health_port).await?;
    serve::metrics(options.metrics_port, context.clone()).await?;
    lead(&client, &options, &context, &mut stop).await;
    metrics.set_leader(false);
    Ok(())
}

/// Acts whenever this process is the leader.
async fn lead(
    client: &Client,
    options: &Options,
    context: &Arc<Context>,
    stop: &mut watch::Receiver<bool>,
) {
    if !options.elects_leader {
        context.metrics.set_leader(true);
        tokio::select! {
            () = controller::run_all(context) => {}
            _ = stop.wait_for(|ended| *ended) => {}
        }
        return;
    }
    let lease = lease::Lease::new(client.clone(), &options.namespace, &options.identity);
    loop {
        tokio::select! {
            () = lease.acquire() => {}
            _ = stop.wait_for(|ended| *ended) => return,
        }
        tracing::info!("{} leads", options.identity);
        context.metrics.set_leader(true);
        tokio::select! {
            () = controller::run_all(context) => {}
            () = lease.keep() => tracing::warn!("{} leads no longer", options.identity),
            _ = stop.wait_for(|ended| *ended) => {
                // The next one need not wait.
                lease.release().await;
                return;
            }
        }
        context.metrics.set_leader(false);
    }
}

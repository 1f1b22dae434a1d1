//! Flink's REST API, version 1, with and without `/v1` in front.
//!
//! One module for each resource; [`endpoints`] is the table of what there is and how it is met.
//! Handlers look at jobs through [`Rest`], never keep a job's lock while they write an answer, and
//! refuse with a [`RestError`]. [`RestServer`] owns the connections and the limits.

mod applications;
mod body;
mod checkpoints;
mod cluster;
mod connections;
mod docs;
mod endpoints;
mod error;
mod files;
mod health;
mod jars;
mod job_manager;
mod jobs;
mod log_level;
mod metrics;
mod operations;
mod options;
mod params;
mod reply;
mod rescale;
mod server;
mod task_managers;
mod throwable;
mod vertices;
mod web;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use sciurus_core::clock::{Clock, SystemClock};
use sciurus_core::ids::{JobId, TaskManagerId};
use sciurus_core::time::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

pub use docs::markdown;
pub use endpoints::{Endpoint, EndpointGroup, groups};
pub use error::RestError;
pub(crate) use metrics::{metrics_of_job, metrics_of_state};
pub use options::RestOptions;
pub use server::RestStartError;

use crate::dispatcher::Dispatcher;
use crate::job::Job;
use crate::task_managers::TaskManagerInfo;
use error::RestResult;
use operations::Operations;

/// From how many bytes on an answer is compressed, for those who ask.
const COMPRESSED_FROM: u64 = 4_096;

/// What all handlers share.
#[derive(Clone)]
pub struct Rest(Arc<Inner>);

struct Inner {
    dispatcher: Dispatcher,
    options: RestOptions,
    operations: Operations,
    requests: Arc<Semaphore>,
    uploads: Semaphore,
    url: String,
}

/// How many packages are taken at once.
const MAX_UPLOADS: usize = 4;

impl Rest {
    fn new(dispatcher: Dispatcher, options: RestOptions, address: SocketAddr) -> Self {
        let url = format!("http://{}:{}", options.host, address.port());
        Self(Arc::new(Inner {
            dispatcher,
            operations: Operations::new(options.operation_store_duration),
            requests: Arc::new(Semaphore::new(options.max_requests)),
            uploads: Semaphore::new(MAX_UPLOADS),
            options,
            url,
        }))
    }

    /// Returns what knows the jobs.
    pub fn dispatcher(&self) -> &Dispatcher {
        &self.0.dispatcher
    }

    /// Returns how the API is served.
    pub fn options(&self) -> &RestOptions {
        &self.0.options
    }

    /// Returns the operations that clients have triggered.
    fn operations(&self) -> &Operations {
        &self.0.operations
    }

    /// Returns where clients find the API: `http://host:port`.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Returns the time, milliseconds since the epoch.
    pub fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    /// Finds a job, running or not.
    pub fn find_job(&self, id: JobId) -> Option<Arc<Job>> {
        self.0.dispatcher.job(id)
    }

    /// Finds a job as most endpoints do.
    fn job(&self, id: JobId) -> RestResult<Arc<Job>> {
        self.find_job(id).ok_or_else(|| RestError::not_found(format!("Job {id} not found")))
    }

    /// Finds a job as some endpoints do, which answer 500 where there is none.
    fn job_or_internal(&self, id: JobId) -> RestResult<Arc<Job>> {
        self.find_job(id).ok_or_else(|| RestError::internal(no_job(id)))
    }

    /// Finds a TaskManager.
    fn find_task_manager(&self, id: &TaskManagerId) -> Option<TaskManagerInfo> {
        self.0.dispatcher.task_manager(id)
    }

    /// Admits a request unless too many are being answered.
    fn admit(&self) -> Option<OwnedSemaphorePermit> {
        self.0.requests.clone().try_acquire_owned().ok()
    }
}

/// Says in Flink's words that there is no such job.
fn no_job(id: JobId) -> String {
    format!("Could not find Flink job ({id})")
}

/// Makes the router of all endpoints.
fn router(rest: Rest) -> Router {
    let mut routes = Router::new();
    for endpoint in groups().into_iter().flat_map(|group| group.endpoints) {
        let is_upload_of_jobs = endpoint.path.starts_with("/jars");
        if is_upload_of_jobs && !rest.options().submit_enabled {
            continue;
        }
        routes = routes.route(&axum_path(endpoint.path), endpoint.handler);
    }
    routes = web::add(routes);
    let compress = SizeAbove::new(COMPRESSED_FROM).and(NotForContentType::new("text/plain"));
    routes
        .method_not_allowed_fallback(missing)
        .fallback(missing)
        .layer(CompressionLayer::new().compress_when(compress))
        .with_state(rest)
}

async fn missing(request: Request) -> axum::response::Response {
    server::not_found(&request)
}

/// Turns `/jobs/:jobid` into `/jobs/{jobid}`.
fn axum_path(path: &str) -> String {
    let part = |part: &str| match part.strip_prefix(':') {
        Some(name) => format!("{{{name}}}"),
        None => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// The REST API while it is served.
#[derive(Debug)]
pub struct RestServer {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Drop for RestServer {
    /// No more connections are taken.
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl RestServer {
    /// Listens and serves.
    ///
    /// # Errors
    /// [`RestStartError`] where no address or port can be had.
    pub async fn start(
        dispatcher: Dispatcher,
        options: RestOptions,
    ) -> Result<Self, RestStartError> {
        let listener = server::listen(&options).await?;
        let address = listener.local_addr().map_err(|source| RestStartError::Address {
            address: options.bind_address.clone(),
            source,
        })?;
        let rest = Rest::new(dispatcher, options, address);
        let stop = CancellationToken::new();
        let router = router(rest.clone());
        let task = tokio::spawn(server::serve(listener, rest, router, stop.clone()));
        Ok(Self { address, stop, task })
    }

    /// Returns where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more requests, and waits so long for those that are being answered.
    pub async fn shut_down(mut self, patience: Duration) {
        self.stop.cancel();
        if tokio::time::timeout(patience, &mut self.task).await.is_err() {
            tracing::warn!("requests were still being answered when the REST server stopped");
            self.task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_written_as_axum_does() {
        assert_eq!(axum_path("/jobs/:jobid/metrics"), "/jobs/{jobid}/metrics");
    }
}

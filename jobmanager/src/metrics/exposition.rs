//! The metrics of the JobManager and its jobs, for Prometheus.

use std::net::IpAddr;
use std::sync::Arc;

use sciurus_core::clock::{Clock, SystemClock};
use sciurus_metrics::prometheus::{Exposition, ReporterOptions, Scope, serve};
use tokio_util::sync::CancellationToken;

use crate::dispatcher::Dispatcher;
use crate::job::Job;
use crate::rest::{metrics_of_job, metrics_of_state};

/// Exposes the metrics until it is stopped. As in Flink a port that can't be had is no reason not to
/// start: it is logged.
///
/// `host` is that on which the REST API is.
pub async fn expose(
    options: ReporterOptions,
    host: IpAddr,
    dispatcher: Dispatcher,
    stop: CancellationToken,
) {
    let ports = options.ports.clone();
    let text = Arc::new(move || text(&options, &dispatcher));
    match serve(&host.to_string(), &ports, text, stop).await {
        Ok(address) => tracing::info!("metrics are exposed for Prometheus at http://{address}"),
        Err(error) => tracing::warn!("metrics aren't exposed: {error}"),
    }
}

fn text(options: &ReporterOptions, dispatcher: &Dispatcher) -> String {
    let mut exposition = Exposition::new(options);
    let host = dispatcher.settings().rpc_address.clone();
    let scope = Scope::new("jobmanager").with("host", host);
    for (name, value) in dispatcher.metrics() {
        exposition.gauge(&scope, &name, value);
    }
    for job in dispatcher.jobs() {
        add_job(&mut exposition, &scope, &job);
    }
    exposition.text()
}

/// Adds a job that runs as Flink does; of one that has ended, when it did and how.
fn add_job(exposition: &mut Exposition, scope: &Scope, job: &Job) {
    let scope =
        scope.within("job").with("job_id", job.id().to_string()).with("job_name", job.name());
    let status = job.status();
    if !status.is_terminal() {
        exposition.gauges(&scope, &metrics_of_job(job, SystemClock.now()));
        for state in metrics_of_state(job) {
            let scope = scope.within("task").with("task_id", state.vertex.to_string());
            exposition.gauges(&scope.with("task_name", state.name), &state.metrics);
        }
    } else if let Some(ended) = job.end_time() {
        let scope = scope.with("status", status.name());
        exposition.gauge(&scope, "endTimestamp", ended as f64);
    }
}

//! The metrics of the TaskManager and its tasks, for Prometheus.

use std::sync::Arc;

use sciurus_core::graph::JobGraph;
use sciurus_core::ids::JobId;
use sciurus_metrics::prometheus::{
    Exposition, ReporterOptions, Scope, add_task, serve, task_scope,
};
use sciurus_metrics::task::VertexOperators;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Inner, JobMetrics, Metrics, NOTHING, SUMMED};

impl Metrics {
    /// Exposes them until it is stopped. As in Flink a port that can't be had is no reason not to
    /// start: it is logged.
    pub(crate) async fn expose(
        &self,
        options: &ReporterOptions,
        host: &str,
        id: &str,
        stop: CancellationToken,
    ) {
        let (metrics, exposed, id) = (self.clone(), options.clone(), id.to_owned());
        let text = move || metrics.text(&exposed, &id);
        match serve(host, &options.ports, Arc::new(text), stop).await {
            Ok(address) => info!(%address, "metrics are exposed for Prometheus"),
            Err(error) => warn!(%error, "metrics aren't exposed"),
        }
    }

    fn text(&self, options: &ReporterOptions, id: &str) -> String {
        let mut exposition = Exposition::new(options);
        self.0.lock().expose(&mut exposition, id);
        // Written without the lock.
        exposition.text()
    }
}

impl Inner {
    fn expose(&mut self, exposition: &mut Exposition, id: &str) {
        if self.gauges.is_empty() {
            // No JobManager has been told anything yet.
            self.report(&[], Instant::now());
            self.next_gauges_at = None;
        }
        let scope = Scope::new("taskmanager").with("host", &self.host).with("tm_id", id);
        for (name, value) in &self.gauges {
            let is_nothing =
                name.strip_prefix("Status.").is_some_and(|name| NOTHING.contains(&name));
            if !is_nothing {
                exposition.gauge(&scope, name, *value);
            }
        }
        for (job, metrics) in &self.jobs {
            if let Some(graph) = &metrics.graph {
                metrics.expose(exposition, &scope, *job, graph);
            }
        }
    }
}

impl JobMetrics {
    fn expose(&self, exposition: &mut Exposition, scope: &Scope, job: JobId, graph: &JobGraph) {
        let scope =
            scope.within("job").with("job_id", job.to_string()).with("job_name", &graph.job_name);
        // The TaskManager has the sum of what all jobs use.
        for (name, value) in self.all_gauges().filter(|(name, _)| *name != SUMMED) {
            exposition.gauge(&scope, name, value);
        }
        for vertex in &graph.vertices {
            let operators = VertexOperators::of(graph, vertex.id);
            let tasks = self.tasks.iter().filter(|(attempt, _)| attempt.vertex == vertex.id);
            for view in tasks.filter_map(|(attempt, samples)| samples.view(*attempt)) {
                let scope = task_scope(&scope, vertex, &view);
                add_task(exposition, &scope, &operators, &view);
            }
        }
    }
}

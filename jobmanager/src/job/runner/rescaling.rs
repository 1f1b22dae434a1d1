//! Running with other parallelism.

use std::collections::BTreeMap;

use sciurus_core::config::options::pipeline;
use sciurus_core::ids::JobVertexId;

use super::Runner;

impl Runner {
    /// From here on the job has another graph: its processes plan that one by the overrides in
    /// their configuration. No task runs; workers and the coordinator of the old graph end.
    pub(super) fn change_graph(&mut self, overrides: &BTreeMap<JobVertexId, u32>) {
        let texts: BTreeMap<String, u32> = overrides
            .iter()
            .map(|(vertex, parallelism)| (vertex.to_string(), *parallelism))
            .collect();
        let name = self.job.name();
        tracing::info!("job '{name}' runs with other parallelism from now on: {texts:?}");
        self.executable.configuration.set(&pipeline::JOBVERTEX_PARALLELISM_OVERRIDES, &texts);
        let subtasks = {
            let master = self.job.master.lock();
            self.fingerprint = master.graph().fingerprint();
            let vertices = master.graph().vertices.iter();
            let subtasks = vertices.map(|vertex| (vertex.id, vertex.parallelism)).collect();
            (master.execution_graph().id(), subtasks)
        };
        self.job.metrics.rescale(subtasks.0, subtasks.1);
        self.end_workers();
        self.end_coordinator();
        self.checkpoints.keep_configuration(self.executable.configuration.clone());
    }
}

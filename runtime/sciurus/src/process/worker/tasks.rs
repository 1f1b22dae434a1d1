//! The tasks of a worker.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use sciurus_checkpoint::SubtaskRestore;
use sciurus_core::graph::JobGraph;
use sciurus_core::ids::{ExecutionAttemptId, ExecutionVertexId, JobId, WorkerId};
use sciurus_engine::deployment::TaskDeployment;
use sciurus_engine::exchange::network::Network;
use sciurus_engine::exchange::{Endpoints, Remote, connect};
use sciurus_engine::metrics::SubtaskMetrics;
use sciurus_engine::notify::Notifier;
use sciurus_engine::task::{TaskControl, TaskMail};
use sciurus_engine::{TaskError, TaskResult};
use sciurus_job_master::failure::FailureCause;
use sciurus_rpc::proto;
use tracing::Span;

use super::super::DescribedJob;
use super::Message;
use super::deploy::{Deployment, ToDeploy};
use super::memory::Memory;
use super::metrics::{task_metrics, under_way};
use super::pressure::level;
use super::reporter::Reporter;
use super::responder::Responder;
use crate::tasks::{spawn, task_span, thread_name};

/// The tasks that run, and what they are made of.
pub(super) struct Tasks {
    job_id: JobId,
    job: DescribedJob,
    /// This worker.
    worker: WorkerId,
    network: Network,
    inbox: SyncSender<Message>,
    running: HashMap<ExecutionAttemptId, RunningTask>,
}

struct RunningTask {
    control: Arc<TaskControl>,
    metrics: SubtaskMetrics,
    /// Why it is ended, where it is.
    failure: Option<FailureCause>,
}

/// What became of a deployment.
#[derive(Default)]
pub(super) struct Started {
    /// All attempts that weren't there before.
    pub(super) attempts: Vec<ExecutionAttemptId>,
    /// Those of them that could not be started.
    pub(super) failed: Vec<(ExecutionAttemptId, TaskError)>,
}

/// What is left of a task that has ended.
pub(super) struct EndedTask {
    pub(super) metrics: proto::TaskMetrics,
    /// Why the worker ended it, where it did.
    pub(super) failure: Option<FailureCause>,
    pub(super) is_cancelled: bool,
}

impl Tasks {
    pub(super) fn new(
        job_id: JobId,
        job: DescribedJob,
        worker: WorkerId,
        network: Network,
        inbox: SyncSender<Message>,
    ) -> Self {
        Self { job_id, job, worker, network, inbox, running: HashMap::new() }
    }

    pub(super) fn graph(&self) -> &JobGraph {
        &self.job.graph
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Starts tasks together: what they are connected with is among them or on other workers.
    pub(super) fn deploy(&mut self, deployment: &Deployment) -> Started {
        let is_new = |(attempt, _): &&ToDeploy| !self.running.contains_key(attempt);
        let tasks: Vec<&ToDeploy> = deployment.tasks.iter().filter(is_new).collect();
        let attempts: Vec<_> = tasks.iter().map(|(attempt, _)| *attempt).collect();
        let controls: HashMap<ExecutionVertexId, Arc<TaskControl>> = attempts
            .iter()
            .map(|attempt| {
                let control = Arc::new(TaskControl::new(Notifier::default()));
                (attempt.execution_vertex(), control)
            })
            .collect();
        let remote = Remote {
            network: &self.network,
            locate: &|subtask| {
                let location = deployment.locations.get(&subtask)?;
                // Who is here has to start together: nobody reaches them over the network.
                let is_here = location.worker.worker == self.worker;
                (!is_here || controls.contains_key(&subtask)).then(|| location.clone())
            },
        };
        let channel_bytes = self.job.settings.channel_bytes;
        let mut failed = Vec::new();
        match connect(&self.job.graph, &controls, channel_bytes, Some(&remote)) {
            Ok(mut endpoints) => {
                for (attempt, restore) in tasks {
                    let subtask = attempt.execution_vertex();
                    let ends = endpoints.remove(&subtask).unwrap_or_default();
                    let control = controls.get(&subtask).cloned().unwrap_or_default();
                    if let Err(error) = self.start(*attempt, restore.clone(), control, ends) {
                        failed.push((*attempt, error));
                    }
                }
            }
            Err(error) => failed.extend(attempts.iter().map(|attempt| (*attempt, error.clone()))),
        }
        Started { attempts, failed }
    }

    fn start(
        &mut self,
        attempt: ExecutionAttemptId,
        restore: Option<Arc<SubtaskRestore>>,
        control: Arc<TaskControl>,
        ends: Endpoints,
    ) -> TaskResult {
        let DescribedJob { graph, program, settings, .. } = &self.job;
        let Some(vertex) = graph.vertex(attempt.vertex) else {
            return Err(TaskError::Defect("a task of a vertex that the job doesn't have"));
        };
        let deployment = TaskDeployment {
            graph,
            program,
            settings,
            vertex,
            subtask: attempt.subtask.0,
            attempt: attempt.attempt.0,
            control: control.clone(),
            senders: ends.senders,
            gates: ends.gates,
            restore,
            responder: Some(Arc::new(Responder { attempt, inbox: self.inbox.clone() })),
        };
        let (task, metrics) = deployment.build()?;
        let name = thread_name(&vertex.name, attempt.subtask, vertex.parallelism);
        spawn(&name, self.span(attempt), task, Reporter { attempt, inbox: self.inbox.clone() })?;
        self.running.insert(attempt, RunningTask { control, metrics, failure: None });
        Ok(())
    }

    /// Makes the span of what is logged of an attempt.
    pub(super) fn span(&self, attempt: ExecutionAttemptId) -> Span {
        let vertex = self.graph().vertex(attempt.vertex);
        task_span(self.job_id, vertex.map_or("", |vertex| &vertex.name), attempt)
    }

    /// Names an attempt as Flink does.
    pub(super) fn name(&self, attempt: ExecutionAttemptId) -> String {
        let (name, parallelism) = self
            .graph()
            .vertex(attempt.vertex)
            .map_or(("a task of another job", 0), |vertex| (&vertex.name, vertex.parallelism));
        let number = u64::from(attempt.subtask.0) + 1;
        format!("{name} ({number}/{parallelism})#{}", attempt.attempt)
    }

    /// Sends a task a mail; `false` where it doesn't run.
    pub(super) fn mail(&self, attempt: ExecutionAttemptId, mail: TaskMail) -> bool {
        let task = self.running.get(&attempt);
        task.inspect(|task| task.control.send(mail)).is_some()
    }

    /// Cancels a task; `false` where it doesn't run.
    pub(super) fn cancel(&self, attempt: ExecutionAttemptId) -> bool {
        self.running.get(&attempt).inspect(|task| task.control.cancel()).is_some()
    }

    pub(super) fn cancel_all(&self) {
        for task in self.running.values() {
            task.control.cancel();
        }
    }

    /// Ends all tasks with this failure; `false` where none runs.
    pub(super) fn fail_all(&mut self, cause: &FailureCause) -> bool {
        for task in self.running.values_mut().filter(|task| !task.control.is_cancelled()) {
            task.failure = Some(cause.clone());
            task.control.cancel();
        }
        !self.is_empty()
    }

    /// Returns whether none is left of the tasks that were ended with a failure.
    pub(super) fn is_relieved(&self) -> bool {
        self.running.values().all(|task| task.failure.is_none())
    }

    /// Takes a task out that has ended.
    pub(super) fn remove(&mut self, attempt: ExecutionAttemptId) -> Option<EndedTask> {
        let RunningTask { control, metrics, failure } = self.running.remove(&attempt)?;
        let metrics = task_metrics(attempt, &metrics);
        Some(EndedTask { metrics, failure, is_cancelled: control.is_cancelled() })
    }

    /// Reads what tasks have counted so far.
    pub(super) fn metrics(&self) -> Vec<proto::TaskMetrics> {
        let tasks = self.running.iter();
        tasks.map(|(attempt, task)| task_metrics(*attempt, &task.metrics)).collect()
    }

    /// Returns how many bytes wait for tasks.
    pub(super) fn queued_bytes(&self) -> u64 {
        self.running.values().map(|task| under_way(&task.metrics.inputs).0).sum()
    }

    /// Reads what is known of the process.
    pub(super) fn gauges(&self, memory: &Memory) -> HashMap<String, f64> {
        let network = self.network.metrics();
        let backends = self.job.settings.checkpoints.as_ref().and_then(|checkpoints| {
            let memory = checkpoints.backend().memory()?;
            Some([
                ("Status.Flink.Memory.Managed.Used", memory.used_bytes as f64),
                ("Status.Sciurus.RocksDb.MemoryUsed", memory.used_bytes as f64),
                ("Status.Sciurus.RocksDb.MemoryLimit", memory.limit_bytes as f64),
                ("Status.Sciurus.RocksDb.WriteBuffers", memory.write_buffer_bytes as f64),
                ("Status.Sciurus.RocksDb.Pinned", memory.pinned_bytes as f64),
            ])
        });
        let own = [
            ("Status.Sciurus.Memory.Used", memory.used_bytes() as f64),
            ("Status.Sciurus.Memory.Limit", memory.limit_bytes.unwrap_or(0) as f64),
            ("Status.Sciurus.Memory.Throttled", level(memory.throttle.pace())),
            ("Status.Sciurus.Network.QueuedBytes", self.queued_bytes() as f64),
            ("Status.Sciurus.Network.BytesSent", network.bytes_sent as f64),
            ("Status.Sciurus.Network.BytesReceived", network.bytes_received as f64),
            ("Status.Sciurus.Network.FramesSent", network.frames_sent as f64),
            ("Status.Sciurus.Network.FramesReceived", network.frames_received as f64),
            ("Status.Sciurus.Network.Reconnects", network.reconnects as f64),
            ("Status.Sciurus.Network.Connections", network.connections as f64),
        ];
        let all = own.into_iter().chain(backends.into_iter().flatten());
        all.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

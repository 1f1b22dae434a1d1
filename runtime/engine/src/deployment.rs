//! Puts the tasks of a job together from its graph and its program.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sciurus_checkpoint::SubtaskRestore;
use sciurus_core::graph::{JobEdge, JobGraph, JobVertex, Partitioning};
use sciurus_core::ids::{JobEdgeId, NodeId, OperatorId};

use crate::checkpoint::{
    CheckpointResponder, CheckpointServices, FreshState, SnapshotWrites, StateProvider,
    StoredState, known_files,
};
use crate::error::{TaskError, TaskResult};
use crate::exchange::{ChannelSender, InputGate, Partitioner, RecordWriter};
use crate::metrics::latency::{Latencies, LatencySettings};
use crate::metrics::{OperatorMetrics, SubtaskMetrics};
use crate::operator::{BatchLimits, Operator, OperatorContext, OperatorFactory, SubtaskInfo};
use crate::operator_node::Finished;
use crate::output::{OperatorNode, Output, OutputEdge};
use crate::program::{EdgeCode, NodeCode, Program};
use crate::source::{FinishedDriver, SourceDriver};
use crate::task::{SourceThrottle, Task, TaskControl, TaskInput, panics};
use sciurus_core::clock::Clock;

/// What is the same for all tasks of a job.
#[derive(Clone)]
pub struct TaskSettings {
    /// When a batch under construction is full.
    pub limits: BatchLimits,
    /// How long few rows wait for company before they are sent; for ever where `None`.
    pub buffer_timeout: Option<Duration>,
    /// How often periodic watermarks are made; never where zero.
    pub watermark_interval: Duration,
    /// How many bytes may be in flight in one channel.
    pub channel_bytes: usize,
    /// Whether all sources end.
    pub bounded: bool,
    /// Whether results are wanted once, at the end of the input.
    pub batch_mode: bool,
    /// Processing time.
    pub clock: Arc<dyn Clock>,
    /// How fast sources may read.
    pub throttle: Arc<SourceThrottle>,
    /// What writes and reads checkpoints; `None` where none are taken and none is restored.
    pub checkpoints: Option<Arc<CheckpointServices>>,
    /// Whether and how latencies are tracked.
    pub latency: LatencySettings,
}

/// One subtask to put together, with the ends of its channels.
pub struct TaskDeployment<'a> {
    /// The job.
    pub graph: &'a JobGraph,
    /// Its code.
    pub program: &'a Program,
    /// What all tasks share.
    pub settings: &'a TaskSettings,
    /// The vertex.
    pub vertex: &'a JobVertex,
    /// The subtask of the vertex.
    pub subtask: u32,
    /// How often it was started before.
    pub attempt: u32,
    /// How others reach the task.
    pub control: Arc<TaskControl>,
    /// The sending ends of the edges that leave the vertex, in the order of the consumers.
    pub senders: HashMap<JobEdgeId, Vec<Box<dyn ChannelSender>>>,
    /// The receiving ends, one an input.
    pub gates: Vec<(usize, InputGate)>,
    /// What the subtask is restored from; `None` where it starts anew.
    pub restore: Option<Arc<SubtaskRestore>>,
    /// Who is told of the task's part in checkpoints; `None` where none are taken.
    pub responder: Option<Arc<dyn CheckpointResponder>>,
}

impl TaskDeployment<'_> {
    /// Makes the task with all its operators, not yet opened.
    ///
    /// # Errors
    /// Where an operator can't be made or graph and program don't fit together.
    pub fn build(self) -> TaskResult<(Task, SubtaskMetrics)> {
        panics::catch(|| self.assemble())
    }

    fn assemble(mut self) -> TaskResult<(Task, SubtaskMetrics)> {
        let mut metrics = SubtaskMetrics::default();
        let Some(head) = self.vertex.operators.first() else {
            return Err(TaskError::Defect("a vertex without operators"));
        };
        let context = self.context(head.node, &mut metrics);
        let output = self.output(head.node, &context, &mut metrics)?;
        let input = match self.code(head.node)? {
            NodeCode::Source(factory) => {
                let interval = self.settings.watermark_interval;
                let driver = if self.has_finished() {
                    Ok(Box::new(FinishedDriver) as Box<dyn SourceDriver>)
                } else {
                    panics::catch(|| factory.driver(&context, &self.control, interval))
                };
                let driver = driver.map_err(|error| error.in_operator(&context.name))?;
                let id = self.operator_id(head.node);
                TaskInput::Source { id, name: context.name, state: context.state, driver, output }
            }
            NodeCode::Operator(factory) => {
                let operator = self.operator(factory.as_ref(), &context)?;
                let gates = std::mem::take(&mut self.gates);
                let credits = gates.iter().flat_map(|(_, gate)| gate.credits());
                metrics.inputs.extend(credits.cloned());
                let node = OperatorNode::new(context, operator, output, gates.len())
                    .with_id(self.operator_id(head.node));
                TaskInput::Gates { gates, head: Box::new(node) }
            }
        };
        let clock = self.settings.clock.clone();
        let has_finished = self.has_finished();
        let writes = self.writes();
        let mut task = Task::new(input, self.control, metrics.task.clone(), clock)
            .throttled_by(self.settings.throttle.clone())
            .marking_latency(self.settings.latency.interval, self.subtask);
        if let Some(writes) = writes {
            // Jobs in batch mode start anew where they fail: their effects wait for no checkpoint.
            let ends_at_once = has_finished || self.settings.batch_mode;
            task = task.checkpointed_by(writes, ends_at_once);
        }
        Ok((task, metrics))
    }

    /// Returns whether the subtask had nothing left to do when the checkpoint was taken that it is
    /// restored from.
    fn has_finished(&self) -> bool {
        self.restore.as_ref().is_some_and(|restore| restore.is_finished)
    }

    /// Makes what writes the task's snapshots, where checkpoints are taken.
    fn writes(&self) -> Option<SnapshotWrites> {
        let services = self.settings.checkpoints.clone()?;
        let responder = self.responder.clone()?;
        let range = self.subtask_info().key_groups();
        let known = known_files(self.restore.as_deref(), range);
        Some(SnapshotWrites::new(services, responder, range, known))
    }

    fn operator_id(&self, node: NodeId) -> OperatorId {
        let operator = self.vertex.operator(node);
        operator.map_or(OperatorId::from_bytes([0; 16]), |operator| operator.operator_id)
    }

    /// Makes an operator, or what stands for one that has finished.
    fn operator(
        &self,
        factory: &dyn OperatorFactory,
        context: &OperatorContext,
    ) -> TaskResult<Box<dyn Operator>> {
        if self.has_finished() {
            return Ok(Box::new(Finished));
        }
        panics::catch(|| factory.create(context)).map_err(|error| error.in_operator(&context.name))
    }

    fn subtask_info(&self) -> SubtaskInfo {
        SubtaskInfo {
            index: self.subtask,
            parallelism: self.vertex.parallelism,
            max_parallelism: self.vertex.max_parallelism,
            attempt: self.attempt,
        }
    }

    /// Returns where an operator's state comes from.
    fn state(&self, node: NodeId) -> Arc<dyn StateProvider> {
        let Some(services) = self.settings.checkpoints.clone() else { return Arc::new(FreshState) };
        let is_checkpointed =
            services.is_periodic() && self.responder.is_some() && !self.settings.batch_mode;
        let subtask = (self.subtask, self.vertex.parallelism);
        let restore = self.restore.as_deref();
        let operator = self.operator_id(node);
        Arc::new(StoredState::new(services, subtask, is_checkpointed, operator, restore))
    }

    fn code(&self, node: NodeId) -> TaskResult<NodeCode> {
        let code = self.program.nodes.get(&node).cloned();
        code.ok_or(TaskError::Defect("the program lacks the code of an operator of its graph"))
    }

    fn context(&self, node: NodeId, metrics: &mut SubtaskMetrics) -> OperatorContext {
        let name: Arc<str> =
            self.vertex.operator(node).map_or("", |operator| operator.name.as_str()).into();
        let latencies = Latencies::new(self.settings.latency);
        let counts = Arc::new(OperatorMetrics { latencies, ..OperatorMetrics::default() });
        metrics.operators.push((name.clone(), counts.clone()));
        OperatorContext {
            name,
            subtask: self.subtask_info(),
            clock: self.settings.clock.clone(),
            metrics: counts,
            notifier: self.control.notifier().clone(),
            accumulators: metrics.accumulators.clone(),
            limits: self.settings.limits,
            watermark_interval: self.settings.watermark_interval,
            bounded: self.settings.bounded,
            batch_mode: self.settings.batch_mode,
            state: self.state(node),
        }
    }

    fn output(
        &mut self,
        node: NodeId,
        context: &OperatorContext,
        metrics: &mut SubtaskMetrics,
    ) -> TaskResult<Output> {
        let mut output = Output::new(context.metrics.clone());
        for chained in &self.vertex.operators {
            let Some(input) = chained.input.as_ref().filter(|input| input.from == node) else {
                continue;
            };
            let context = self.context(chained.node, metrics);
            let behind = self.output(chained.node, &context, metrics)?;
            let NodeCode::Operator(factory) = self.code(chained.node)? else {
                return Err(TaskError::Defect("a source in the midst of a chain"));
            };
            let operator = self.operator(factory.as_ref(), &context)?;
            let node = OperatorNode::new(context, operator, behind, 1)
                .with_id(self.operator_id(chained.node));
            output.add_edge(input.side_output.as_deref(), OutputEdge::Chained(Box::new(node)));
        }
        let graph = self.graph;
        for edge in graph.outputs_of(self.vertex.id).filter(|edge| edge.source_node == node) {
            let writer = self.writer(edge, metrics)?;
            output.add_edge(edge.side_output.as_deref(), OutputEdge::Exchange(writer));
        }
        Ok(output)
    }

    fn writer(&mut self, edge: &JobEdge, metrics: &mut SubtaskMetrics) -> TaskResult<RecordWriter> {
        let Some(senders) = self.senders.remove(&edge.id) else {
            return Err(TaskError::Defect("an edge without channels"));
        };
        let code = self.program.edges.get(&edge.stream_edge);
        let partitioner = match (edge.partitioning, code) {
            (Partitioning::Forward, _) if senders.len() == 1 => Partitioner::Forward,
            // Neighbours whose numbers have become different share records out.
            (Partitioning::Forward | Partitioning::Rebalance | Partitioning::Rescale, _) => {
                Partitioner::RoundRobin { next: self.subtask as usize % senders.len() }
            }
            (Partitioning::Shuffle, _) => Partitioner::Shuffle { random: fastrand::Rng::new() },
            (Partitioning::Broadcast, _) => Partitioner::Broadcast,
            (Partitioning::Global, _) => Partitioner::Global,
            (Partitioning::Hash, Some(EdgeCode::Key(keys))) => {
                let target = self.graph.vertex(edge.target_vertex);
                let max_parallelism = target.map_or(1, |vertex| vertex.max_parallelism);
                Partitioner::hash(keys.create(), senders.len() as u32, max_parallelism)
            }
            (Partitioning::Custom, Some(EdgeCode::Custom(make))) => Partitioner::Custom(make()),
            (Partitioning::Hash | Partitioning::Custom, _) => {
                return Err(TaskError::Defect("the program lacks the code of a partitioner"));
            }
        };
        let target = self.graph.vertex(edge.target_vertex);
        let target = target.and_then(|vertex| vertex.operator(edge.target_node));
        let writer = RecordWriter::new(
            partitioner,
            senders,
            self.control.clone(),
            metrics.task.clone(),
            self.settings.buffer_timeout,
        );
        metrics.outputs.extend(writer.credits());
        Ok(writer.leading_to(target.map_or("", |operator| operator.name.as_str())))
    }
}

//! Which subtasks fail and restart together.
//!
//! Subtasks that exchange records as they are made form a *pipelined region*: if one of them fails,
//! records are lost on all of their channels, so all of them start again. A blocking exchange keeps
//! its result and separates regions; whoever reads a result that is made anew starts again too.

mod components;

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use sciurus_core::graph::{Distribution, ExchangeMode, JobEdge, JobGraph, Wiring};
use sciurus_core::ids::{JobVertexId, SubtaskIndex};

use crate::execution_graph::{ExecutionGraph, SubtaskPosition};
use components::{Components, on_cycles};

/// The place of a region among those of its job.
pub type RegionIndex = usize;

/// The division of a job's subtasks into pipelined regions.
#[derive(Clone, Debug)]
pub struct PipelinedRegions {
    region_of: Vec<RegionIndex>,
    members: Vec<Vec<SubtaskPosition>>,
    blocking: Vec<BlockingExchange>,
}

/// An exchange that separates regions.
#[derive(Clone, Debug)]
struct BlockingExchange {
    producers: Range<SubtaskPosition>,
    consumers: Range<SubtaskPosition>,
    wiring: Wiring,
}

impl PipelinedRegions {
    /// Divides the subtasks of a job: the connected components over its pipelined channels.
    pub fn of(graph: &JobGraph, executions: &ExecutionGraph) -> Self {
        let mut components = Components::new(executions.subtasks().len());
        let mut blocking = Vec::new();
        for edge in &graph.edges {
            let (Some(source), Some(target)) = (
                executions.job_vertex(edge.source_vertex),
                executions.job_vertex(edge.target_vertex),
            ) else {
                continue;
            };
            let (producers, consumers) = (source.positions(), target.positions());
            let wiring = Wiring::new(edge.distribution, source.parallelism(), target.parallelism());
            match (edge.exchange, edge.distribution) {
                (ExchangeMode::Blocking, _) => {
                    blocking.push(BlockingExchange { producers, consumers, wiring });
                }
                (ExchangeMode::Pipelined, Distribution::AllToAll) => {
                    // Everything is connected: no need to look at each channel.
                    for position in producers.clone().chain(consumers) {
                        components.join(producers.start, position);
                    }
                }
                (ExchangeMode::Pipelined, Distribution::Pointwise) => {
                    for (index, producer) in (0..).zip(producers) {
                        for target in wiring.targets_of(SubtaskIndex(index)).iter() {
                            components.join(producer, consumers.start + target.position());
                        }
                    }
                }
            }
        }
        join_regions_that_wait_for_each_other(graph, executions, &mut components);
        let (region_of, members) = components.numbered();
        Self { region_of, members, blocking }
    }

    /// Returns how many regions there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Says whether a region waits for another one to finish.
    pub fn has_blocking_exchanges(&self) -> bool {
        !self.blocking.is_empty()
    }

    /// Returns the region of a subtask.
    pub fn region_of(&self, subtask: SubtaskPosition) -> RegionIndex {
        self.region_of[subtask]
    }

    /// Returns the subtasks of a region, in order.
    pub fn members(&self, region: RegionIndex) -> &[SubtaskPosition] {
        &self.members[region]
    }

    /// Returns the subtasks of other regions whose kept results a region reads.
    pub fn inputs_of(&self, region: RegionIndex) -> BTreeSet<SubtaskPosition> {
        let mut inputs = BTreeSet::new();
        let is_outside = |subtask: &SubtaskPosition| self.region_of[*subtask] != region;
        for exchange in &self.blocking {
            for &member in self.members(region) {
                if exchange.consumers.contains(&member) {
                    let index = SubtaskIndex((member - exchange.consumers.start) as u32);
                    let producers = exchange.wiring.producers_of(index);
                    let producers =
                        producers.iter().map(|p| exchange.producers.start + p.position());
                    inputs.extend(producers.filter(is_outside));
                }
            }
        }
        inputs
    }

    /// Returns the subtasks that read a region's kept results.
    pub fn readers_of(&self, region: RegionIndex) -> BTreeSet<SubtaskPosition> {
        let mut readers = BTreeSet::new();
        for exchange in &self.blocking {
            for &member in self.members(region) {
                if exchange.producers.contains(&member) {
                    let index = SubtaskIndex((member - exchange.producers.start) as u32);
                    let consumers = exchange.wiring.targets_of(index);
                    readers
                        .extend(consumers.iter().map(|c| exchange.consumers.start + c.position()));
                }
            }
        }
        readers
    }

    /// Returns all subtasks that have to start again when these fail, by the rule of Flink's
    /// `RestartPipelinedRegionFailoverStrategy`: their regions, the regions that have to make
    /// results anew that are read there and no longer available, and all that read from any of
    /// these.
    pub fn to_restart(
        &self,
        failed: impl IntoIterator<Item = SubtaskPosition>,
        is_result_available: impl Fn(SubtaskPosition) -> bool,
    ) -> BTreeSet<SubtaskPosition> {
        let mut regions = BTreeSet::new();
        let mut open: Vec<RegionIndex> =
            failed.into_iter().map(|subtask| self.region_of[subtask]).collect();
        while let Some(region) = open.pop() {
            if !regions.insert(region) || self.blocking.is_empty() {
                continue;
            }
            let lost_inputs =
                self.inputs_of(region).into_iter().filter(|&input| !is_result_available(input));
            open.extend(lost_inputs.map(|input| self.region_of[input]));
            open.extend(self.readers_of(region).into_iter().map(|reader| self.region_of[reader]));
        }
        regions.into_iter().flat_map(|region| self.members[region].iter().copied()).collect()
    }
}

/// Joins regions that would wait for each other's results for ever, so that they run together.
///
/// Whole vertices are looked at: cruder than Flink's search among subtasks, but it is enough that
/// nobody waits in vain.
fn join_regions_that_wait_for_each_other(
    graph: &JobGraph,
    executions: &ExecutionGraph,
    components: &mut Components,
) {
    let places: HashMap<JobVertexId, usize> =
        executions.job_vertices().iter().enumerate().map(|(place, v)| (v.id(), place)).collect();
    let ends = |edge: &JobEdge| {
        Some((*places.get(&edge.source_vertex)?, *places.get(&edge.target_vertex)?))
    };
    let edges_of = |exchange| graph.edges.iter().filter(move |edge| edge.exchange == exchange);
    let mut vertices = Components::new(places.len());
    for (source, target) in edges_of(ExchangeMode::Pipelined).filter_map(ends) {
        vertices.join(source, target);
    }
    let waits: BTreeSet<(usize, usize)> = edges_of(ExchangeMode::Blocking)
        .filter_map(ends)
        .map(|(source, target)| (vertices.root(source), vertices.root(target)))
        .collect();
    let joined = on_cycles(&waits);
    let mut first = None;
    for (place, vertex) in executions.job_vertices().iter().enumerate() {
        if joined.contains(&vertices.root(place)) {
            for position in vertex.positions() {
                components.join(*first.get_or_insert(position), position);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use sciurus_core::graph::{NodeKind, Partitioning, StreamEdge, StreamGraph, StreamNode};
    use sciurus_core::ids::{ExecutionGraphId, NodeId};

    use super::*;

    /// A line of unchained operators with these parallelisms and edges between them.
    fn regions(parallelisms: &[u32], edges: &[(Partitioning, ExchangeMode)]) -> PipelinedRegions {
        let mut graph = StreamGraph::new("test");
        graph.chaining_enabled = false;
        for (id, &parallelism) in (0..).zip(parallelisms) {
            let kind =
                if id == 0 { NodeKind::Source { bounded: true } } else { NodeKind::OneInput };
            let mut node = StreamNode::new(NodeId(id), "op", kind);
            node.parallelism = Some(parallelism);
            graph.nodes.push(node);
        }
        for (id, &(partitioning, exchange)) in (0..).zip(edges) {
            let mut edge = StreamEdge::new(NodeId(id), NodeId(id + 1));
            edge.partitioning = Some(partitioning);
            edge.exchange = exchange;
            graph.edges.push(edge);
        }
        let graph = graph.to_job_graph().unwrap();
        let executions = ExecutionGraph::new(&graph, ExecutionGraphId::random(), 16, 0);
        PipelinedRegions::of(&graph, &executions)
    }

    fn restarted(
        regions: &PipelinedRegions,
        failed: SubtaskPosition,
        lost: &[SubtaskPosition],
    ) -> Vec<SubtaskPosition> {
        regions.to_restart([failed], |subtask| !lost.contains(&subtask)).into_iter().collect()
    }

    const PIPELINED: ExchangeMode = ExchangeMode::Pipelined;
    const BLOCKING: ExchangeMode = ExchangeMode::Blocking;

    #[test]
    fn a_shuffle_makes_one_region() {
        let regions = regions(&[2, 3], &[(Partitioning::Hash, PIPELINED)]);
        assert_eq!(regions.len(), 1);
        assert_eq!(restarted(&regions, 3, &[]), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn parallel_pipelines_restart_alone() {
        let regions = regions(&[2, 2], &[(Partitioning::Forward, PIPELINED)]);
        assert_eq!(regions.len(), 2);
        assert_eq!(restarted(&regions, 1, &[]), [1, 3]);
    }

    #[test]
    fn rescaled_shares_restart_alone() {
        let regions = regions(&[2, 4], &[(Partitioning::Rescale, PIPELINED)]);
        assert_eq!(restarted(&regions, 2, &[]), [0, 2, 3]);
    }

    #[test]
    pub fn readers_of_a_result_that_is_made_anew_restart_too() {
        let regions = regions(
            &[2, 2, 2],
            &[(Partitioning::Forward, PIPELINED), (Partitioning::Hash, BLOCKING)],
        );
        assert_eq!(regions.len(), 4);
        assert_eq!(restarted(&regions, 0, &[]), [0, 2, 4, 5]);
        assert_eq!(restarted(&regions, 4, &[]), [4]);
        assert_eq!(regions.inputs_of(regions.region_of(4)), BTreeSet::from([2, 3]));
    }

    #[test]
    fn a_lost_result_is_made_anew() {
        let regions = regions(&[2, 2], &[(Partitioning::Forward, BLOCKING)]);
        assert_eq!(restarted(&regions, 2, &[]), [2]);
        assert_eq!(restarted(&regions, 2, &[0]), [0, 2]);
        assert_eq!(restarted(&regions, 3, &[0]), [3]);
    }

    #[test]
    fn regions_that_wait_for_each_other_run_together() {
        // 0 → 1 → 2 and 0 → 2, of which 0 → 1 and 1 → 2 keep their results but 0 → 2 doesn't.
        let mut graph = StreamGraph::new("test");
        graph.chaining_enabled = false;
        let kinds = [NodeKind::Source { bounded: true }, NodeKind::OneInput, NodeKind::TwoInput];
        for (id, kind) in (0..).zip(kinds) {
            graph.nodes.push(StreamNode::new(NodeId(id), "op", kind));
        }
        for (from, to, exchange) in [(0, 1, BLOCKING), (1, 2, BLOCKING), (0, 2, PIPELINED)] {
            let mut edge = StreamEdge::new(NodeId(from), NodeId(to));
            edge.exchange = exchange;
            edge.input = usize::from(exchange == PIPELINED);
            graph.edges.push(edge);
        }
        let graph = graph.to_job_graph().unwrap();
        let executions = ExecutionGraph::new(&graph, ExecutionGraphId::random(), 16, 0);
        let regions = PipelinedRegions::of(&graph, &executions);
        // 1 is not connected with the others, but has to run while they do.
        assert_eq!(regions.len(), 1);
        assert_eq!(regions.inputs_of(0), BTreeSet::new());
    }
}

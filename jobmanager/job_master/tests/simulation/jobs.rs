//! Random jobs and restart strategies.

use std::time::Duration;

use fastrand::Rng;
use sciurus_core::graph::{
    ExchangeMode, JobGraph, NodeKind, Partitioning, StreamEdge, StreamGraph, StreamNode,
};
use sciurus_core::ids::NodeId;
use sciurus_job_master::restart::{
    ExponentialDelaySettings, FailureRateSettings, FixedDelaySettings, RestartStrategySettings,
};

const MAX_NODES: u32 = 7;
const MAX_PARALLELISM: u32 = 4;

/// Makes a job of a few operators, each of which reads one or two earlier ones.
pub fn job_graph(random: &mut Rng) -> JobGraph {
    let mut graph = StreamGraph::new("simulated");
    graph.chaining_enabled = random.bool();
    let has_blocking_exchanges = random.u8(..4) == 0;
    for id in 0..random.u32(1..=MAX_NODES) {
        let kind = match random.u8(..4) {
            _ if id == 0 => NodeKind::Source { bounded: true },
            0 => NodeKind::Source { bounded: true },
            1 => NodeKind::TwoInput,
            _ => NodeKind::OneInput,
        };
        let mut node = StreamNode::new(NodeId(id), format!("op{id}"), kind);
        node.parallelism = Some(random.u32(1..=MAX_PARALLELISM));
        if random.u8(..4) == 0 {
            node.slot_sharing_group = Some(format!("group{}", random.u8(..2)));
        }
        graph.nodes.push(node);
        for input in 0..kind.input_count() {
            let mut edge = StreamEdge::new(NodeId(random.u32(..id)), NodeId(id));
            edge.input = input;
            edge.partitioning = partitioning(random);
            if has_blocking_exchanges && random.bool() {
                edge.exchange = ExchangeMode::Blocking;
            }
            graph.edges.push(edge);
        }
    }
    graph.to_job_graph().expect("the job is right")
}

fn partitioning(random: &mut Rng) -> Option<Partitioning> {
    match random.u8(..4) {
        0 => Some(Partitioning::Hash),
        1 => Some(Partitioning::Rescale),
        2 => Some(Partitioning::Broadcast),
        _ => None,
    }
}

/// Makes settings whose delays are short against the time that a run takes.
pub fn restart_settings(random: &mut Rng) -> RestartStrategySettings {
    let millis = |value: u64| Duration::from_millis(value);
    match random.u8(..8) {
        0 => RestartStrategySettings::None,
        1..=3 => RestartStrategySettings::FixedDelay(FixedDelaySettings {
            attempts: random.u32(..8),
            delay: millis(random.u64(..20)),
        }),
        4 => RestartStrategySettings::FailureRate(FailureRateSettings {
            max_failures_per_interval: random.u32(1..5),
            interval: millis(random.u64(1..200)),
            delay: millis(random.u64(..20)),
        }),
        _ => RestartStrategySettings::ExponentialDelay(ExponentialDelaySettings {
            initial_backoff: millis(random.u64(1..10)),
            max_backoff: millis(random.u64(10..50)),
            reset_backoff_threshold: millis(random.u64(1..100)),
            attempts_before_reset_backoff: random.u32(1..20),
            ..ExponentialDelaySettings::default()
        }),
    }
}

//! The job of the tests, at any parallelism.
//!
//! ```text
//! source ──(by key)──────────────────▶ count ──(by key)──▶ sink
//!    └────(in turn)──▶ relay → relay ──(by key)──▶┘
//! ```

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use sciurus_core::graph::{
    ChainInput, ChainedOperator, ExchangeMode, JobEdge, JobGraph, JobType, JobVertex, Partitioning,
};
use sciurus_core::ids::{JobEdgeId, JobVertexId, NodeId, OperatorId};
use sciurus_core::record::F0;
use sciurus_engine::TaskResult;
use sciurus_engine::exchange::ColumnKeys;
use sciurus_engine::operator::{Operator, OperatorContext};
use sciurus_engine::program::{EdgeCode, NodeCode, Program};

use crate::operators::{Count, Relay, Results, Sink};
use crate::source::Numbers;

/// The vertices, in the order of the graph.
pub(crate) const SOURCE: usize = 0;
pub(crate) const RELAY: usize = 1;
pub(crate) const COUNT: usize = 2;
pub(crate) const SINK: usize = 3;

/// How many subtasks each vertex has.
pub(crate) type Parallelism = [u32; 4];

/// A job and where its results go.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) keys: i64,
    pub(crate) numbers: i64,
    /// Bytes of state a key.
    pub(crate) ballast: usize,
    pub(crate) results: Arc<Results>,
    pub(crate) is_slow: Arc<AtomicBool>,
}

impl Job {
    pub(crate) fn new(keys: i64, numbers: i64) -> Self {
        Self { keys, numbers, ballast: 0, results: Arc::default(), is_slow: Arc::default() }
    }

    pub(crate) fn program(&self) -> Program {
        let mut program = Program::default();
        let numbers = Numbers { keys: self.keys, is_slow: self.is_slow.clone() };
        program.nodes.insert(NodeId(0), NodeCode::Source(Arc::new(numbers)));
        for node in [1, 2] {
            let results = self.results.clone();
            let relay = move || -> Box<dyn Operator> { Box::new(Relay::new(results.clone())) };
            program.nodes.insert(NodeId(node), operator(relay));
        }
        let ballast = self.ballast;
        program.nodes.insert(NodeId(3), operator(move || Box::new(Count::new(ballast))));
        let results = self.results.clone();
        program.nodes.insert(NodeId(4), operator(move || Box::new(Sink::new(results.clone()))));
        for edge in [0, 2, 3] {
            let keys = ColumnKeys::<(i64, i64), F0>::default();
            program.edges.insert(edge, EdgeCode::Key(Arc::new(keys)));
        }
        program
    }

    /// Checks that every row was committed exactly once, in spite of everything.
    pub(crate) fn assert_exactly_once(&self) {
        let committed = self.results.committed.lock();
        let mut rows: Vec<(i64, i64)> = committed.values().flatten().copied().collect();
        rows.sort_unstable();
        let of_key = |key: i64| (self.numbers - key + self.keys - 1).div_euclid(self.keys) * 2;
        let expected: Vec<(i64, i64)> =
            (0..self.keys).flat_map(|key| (1..=of_key(key)).map(move |n| (key, n))).collect();
        assert_eq!(rows.len(), expected.len(), "rows are lost or doubled");
        assert!(rows == expected, "rows are wrong");
        let relayed: i64 = self.results.relayed.lock().values().sum();
        assert_eq!(relayed, 2 * self.numbers, "two relays each pass every number on");
    }
}

fn operator(make: impl Fn() -> Box<dyn Operator> + Send + Sync + 'static) -> NodeCode {
    NodeCode::Operator(Arc::new(move |_: &OperatorContext| -> TaskResult<Box<dyn Operator>> {
        Ok(make())
    }))
}

/// Returns the graph of the job at this parallelism.
pub(crate) fn graph(parallelism: Parallelism) -> JobGraph {
    let vertices = vec![
        vertex("source", parallelism[SOURCE], &[0]),
        vertex("relay", parallelism[RELAY], &[1, 2]),
        vertex("count", parallelism[COUNT], &[3]),
        vertex("sink", parallelism[SINK], &[4]),
    ];
    let edge = |id: u32, (from, from_node): (usize, u32), to: usize, input, partitioning| {
        let target = &vertices[to];
        JobEdge {
            id: JobEdgeId(id),
            stream_edge: id,
            source_vertex: vertices[from].id,
            source_node: NodeId(from_node),
            target_vertex: target.id,
            target_node: target.operators[0].node,
            input,
            side_output: None,
            partitioning,
            distribution: Partitioning::distribution(partitioning),
            exchange: ExchangeMode::Pipelined,
        }
    };
    let edges = vec![
        edge(0, (SOURCE, 0), COUNT, 0, Partitioning::Hash),
        edge(1, (SOURCE, 0), RELAY, 0, Partitioning::Rebalance),
        edge(2, (RELAY, 2), COUNT, 1, Partitioning::Hash),
        edge(3, (COUNT, 3), SINK, 0, Partitioning::Hash),
    ];
    JobGraph { job_name: "numbers".to_owned(), job_type: JobType::Streaming, vertices, edges }
}

fn vertex(name: &str, parallelism: u32, nodes: &[u32]) -> JobVertex {
    let mut before = None;
    let operators = nodes.iter().map(|node| {
        let input = before.replace(*node);
        ChainedOperator {
            node: NodeId(*node),
            operator_id: OperatorId::from_bytes([*node as u8 + 1; 16]),
            name: format!("{name}-{node}"),
            uid: None,
            input: input.map(|from| ChainInput { from: NodeId(from), side_output: None }),
            keyed: name == "count",
        }
    });
    let operators: Vec<ChainedOperator> = operators.collect();
    JobVertex {
        id: JobVertexId::from(operators[0].operator_id),
        name: name.to_owned(),
        description: name.to_owned(),
        operators,
        parallelism,
        max_parallelism: 16,
        max_parallelism_configured: true,
        slot_sharing_group: "default".to_owned(),
        is_source: name == "source",
        is_bounded_source: name == "source",
    }
}

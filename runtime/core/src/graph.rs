//! What a job is, as data: from the graph that the API builds to the graph that is run.
//!
//! The API builds a [`StreamGraph`], one node per operator. [`StreamGraph::to_job_graph`] checks
//! it, fills in what the user left open, fuses operators into chains, gives them ids that last, and
//! yields a [`JobGraph`], one vertex per chain. [`Wiring`] says which subtasks an exchange
//! connects, [`JobPlan`] shows the graph as Flink's REST API does. Rules and words are Flink's.

mod chaining;
mod compile;
mod job_graph;
mod operator_ids;
mod parallelism;
mod parallelism_overrides;
mod partitioning;
mod plan;
mod resolve;
mod stream_graph;
mod stream_node;
mod validate;
mod wiring;

pub use job_graph::{ChainInput, ChainedOperator, JobEdge, JobGraph, JobType, JobVertex};
pub use parallelism::{MIN_DEFAULT_MAX_PARALLELISM, default_max_parallelism};
pub use parallelism_overrides::ParallelismOverrideError;
pub use partitioning::{Distribution, ExchangeMode, Partitioning};
pub use plan::{EmptyObject, JobPlan, PlanInput, PlanNode};
pub use stream_graph::{StreamEdge, StreamGraph};
pub use stream_node::{ChainingStrategy, DEFAULT_SLOT_SHARING_GROUP, NodeKind, StreamNode};
pub use validate::{GraphError, OperatorName};
pub use wiring::{SubtaskRange, Wiring};

//! `/jobs/:jobid/checkpoints` and details of one.

use axum::extract::State;
use serde::{Serialize, Serializer};

use crate::rest::Rest;
use crate::rest::error::{RestError, RestResult};
use crate::rest::params::Params;
use crate::rest::reply::{Empty, Reply, ok};

/// `GET /jobs/:jobid/checkpoints`.
#[derive(Debug, Serialize)]
pub struct CheckpointingStatistics {
    counts: Counts,
    summary: Summary,
    latest: Latest,
    history: Vec<Empty>,
}

#[derive(Debug, Default, Serialize)]
struct Counts {
    restored: u64,
    total: u64,
    in_progress: u64,
    completed: u64,
    failed: u64,
}

#[derive(Debug, Default, Serialize)]
struct Summary {
    checkpointed_size: StatsSummary,
    state_size: StatsSummary,
    end_to_end_duration: StatsSummary,
    alignment_buffered: StatsSummary,
    processed_data: StatsSummary,
    persisted_data: StatsSummary,
}

/// How something is spread over checkpoints.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct StatsSummary {
    min: u64,
    max: u64,
    avg: u64,
    p50: Percentile,
    p90: Percentile,
    p95: Percentile,
    p99: Percentile,
    p999: Percentile,
}

impl StatsSummary {
    /// What Flink shows of what it doesn't look at.
    fn zero() -> Self {
        let zero = Percentile(0.0);
        Self { p50: zero, p90: zero, p95: zero, p99: zero, p999: zero, ..Self::default() }
    }
}

/// A percentile; that of nothing is the text `NaN`, as Flink writes it.
#[derive(Clone, Copy, Debug)]
struct Percentile(f64);

impl Default for Percentile {
    fn default() -> Self {
        Self(f64::NAN)
    }
}

impl Serialize for Percentile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_nan() { serializer.serialize_str("NaN") } else { self.0.serialize(serializer) }
    }
}

#[derive(Debug, Default, Serialize)]
struct Latest {
    completed: Option<Empty>,
    savepoint: Option<Empty>,
    failed: Option<Empty>,
    restored: Option<Empty>,
}

/// Shows which checkpoints there were: none.
pub async fn checkpoints(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<CheckpointingStatistics>> {
    rest.job(params.job()?)?;
    Ok(ok(CheckpointingStatistics {
        counts: Counts::default(),
        summary: Summary { alignment_buffered: StatsSummary::zero(), ..Summary::default() },
        latest: Latest::default(),
        history: Vec::new(),
    }))
}

/// Shows a checkpoint, were there one.
pub async fn details(State(rest): State<Rest>, params: Params) -> RestResult<Reply<Empty>> {
    let id: i64 = params.path("checkpointid")?;
    rest.job(params.job()?)?;
    Err(RestError::not_found(format!(
        "Could not find checkpointing statistics for checkpoint {id}."
    )))
}

/// Shows what each subtask of a vertex had to do with a checkpoint, were there one.
pub async fn subtasks(State(rest): State<Rest>, params: Params) -> RestResult<Reply<Empty>> {
    params.vertex()?;
    details(State(rest), params).await
}

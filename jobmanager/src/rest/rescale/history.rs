//! `/jobs/:jobid/rescales`: how an adaptive job has changed its parallelism.

use std::time::Duration;

use axum::extract::State;
use sciurus_core::ids::{JobId, TriggerId};
use sciurus_job_master::JobMaster;
use sciurus_job_master::checkpoint_coordinator::statistics::StatsSummary;
use sciurus_job_master::rescale::{Rescale, RescaleCounts, RescaleHistory};
use serde::Serialize;

use super::body::{RescaleBody, uuid};
use crate::rest::Rest;
use crate::rest::checkpoints::Spread;
use crate::rest::error::{RestError, RestResult};
use crate::rest::params::Params;
use crate::rest::reply::{Reply, ok};

/// `GET …/config`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RescaleConfig {
    rescale_history_max: usize,
    scheduler_execution_mode: Option<&'static str>,
    submission_resource_wait_timeout_in_millis: u64,
    submission_resource_stabilization_timeout_in_millis: u64,
    /// Slots that a job doesn't need are given back at once.
    slot_idle_timeout_in_millis: u64,
    executing_cooldown_timeout_in_millis: u64,
    executing_resource_stabilization_timeout_in_millis: u64,
    /// A change waits for no checkpoint that is due by itself: it takes one of its own.
    maximum_delay_for_triggering_rescale_in_millis: u64,
    rescale_on_failed_checkpoint_count: u32,
}

/// How many changes there were.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    ignored: u64,
    in_progress: u64,
    completed: u64,
    failed: u64,
}

impl From<RescaleCounts> for Counts {
    fn from(counts: RescaleCounts) -> Self {
        let RescaleCounts { ignored, in_progress, completed, failed } = counts;
        Self { ignored, in_progress, completed, failed }
    }
}

/// `GET …/overview`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RescalesOverview {
    rescales_counts: Counts,
    latest: Latest,
}

#[derive(Debug, Serialize)]
struct Latest {
    completed: Option<RescaleBody>,
    failed: Option<RescaleBody>,
    ignored: Option<RescaleBody>,
}

/// `GET …/summary`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RescalesSummary {
    rescales_counts: Counts,
    rescales_duration_stats_in_millis: Spread,
    completed_rescales_duration_stats_in_millis: Spread,
    ignored_rescales_duration_stats_in_millis: Spread,
    failed_rescales_duration_stats_in_millis: Spread,
}

/// Shows when the job changes its parallelism.
pub async fn config(State(rest): State<Rest>, params: Params) -> RestResult<Reply<RescaleConfig>> {
    let id = params.job()?;
    let job = rest.job(id)?;
    let options = job.with_master(|master| master.scheduler().adaptive().cloned());
    let Some(options) = options else {
        let problem = format!("AdaptiveScheduler is not enabled for this job ({id}).");
        return Err(RestError::not_found(problem));
    };
    Ok(ok(RescaleConfig {
        rescale_history_max: options.history_size,
        scheduler_execution_mode: None,
        submission_resource_wait_timeout_in_millis: millis(options.submission_wait),
        submission_resource_stabilization_timeout_in_millis: millis(
            options.submission_stabilization,
        ),
        slot_idle_timeout_in_millis: 0,
        executing_cooldown_timeout_in_millis: millis(options.cooldown),
        executing_resource_stabilization_timeout_in_millis: millis(options.executing_stabilization),
        maximum_delay_for_triggering_rescale_in_millis: 0,
        rescale_on_failed_checkpoint_count: 0,
    }))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Lists the latest changes.
pub async fn history(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<Vec<RescaleBody>>> {
    look(&rest, &params, |id, rescales| {
        rescales.rescales().map(|rescale| RescaleBody::listed(id, rescale)).collect()
    })
}

/// Counts the changes and shows the latest of each kind.
pub async fn overview(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<RescalesOverview>> {
    look(&rest, &params, |id, rescales| {
        let latest = |end| rescales.latest(end).map(|rescale| RescaleBody::listed(id, rescale));
        RescalesOverview {
            rescales_counts: rescales.counts().into(),
            latest: Latest {
                completed: latest("COMPLETED"),
                failed: latest("FAILED"),
                ignored: latest("IGNORED"),
            },
        }
    })
}

/// Counts the changes and shows how long they took.
pub async fn summary(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<RescalesSummary>> {
    look(&rest, &params, |_, rescales| {
        let durations = |end: Option<&str>| {
            let ended = |rescale: &&Rescale| {
                let name = rescale.ended.as_ref().map(|(_, ended)| ended.name());
                end.is_none() || name == end
            };
            let ended = rescales.rescales().filter(ended);
            Spread::from(&ended.filter_map(Rescale::duration_ms).collect::<StatsSummary>())
        };
        RescalesSummary {
            rescales_counts: rescales.counts().into(),
            rescales_duration_stats_in_millis: durations(None),
            completed_rescales_duration_stats_in_millis: durations(Some("COMPLETED")),
            ignored_rescales_duration_stats_in_millis: durations(Some("IGNORED")),
            failed_rescales_duration_stats_in_millis: durations(Some("FAILED")),
        }
    })
}

/// Shows one change.
pub async fn details(State(rest): State<Rest>, params: Params) -> RestResult<Reply<RescaleBody>> {
    let wanted: TriggerId = params.path("rescaleuuid")?;
    let id = params.job()?;
    let job = rest.job(id)?;
    job.with_master(|master| {
        let rescales = rescales(master).ok_or_else(|| {
            let problem = format!("AdaptiveScheduler rescales was not enabled for job {id}.");
            RestError::not_found(problem)
        })?;
        let text = wanted.to_string();
        let found = rescales.rescales().find(|rescale| uuid(id, rescale.number) == text);
        let missing = || {
            RestError::not_found(format!(
                "Could not find rescale details of specified rescaleUuid {wanted}."
            ))
        };
        found
            .map(|rescale| ok(RescaleBody::detailed(id, rescale, master.graph())))
            .ok_or_else(missing)
    })
}

fn look<R>(
    rest: &Rest,
    params: &Params,
    look: impl FnOnce(JobId, &RescaleHistory) -> R,
) -> RestResult<Reply<R>> {
    let id = params.job()?;
    let job = rest.job(id)?;
    let found = job.with_master(|master| rescales(master).map(|rescales| look(id, rescales)));
    found.map(ok).ok_or_else(|| {
        RestError::not_found(format!(
            "The job `{id}` has not enabled the `Adaptive` scheduler, or it has been enabled but the \
             value of configuration option `web.adaptive-scheduler.rescale-history.size` has not \
             been set to greater than `0`."
        ))
    })
}

/// Returns the changes of an adaptive job.
fn rescales(master: &JobMaster) -> Option<&RescaleHistory> {
    master.scheduler().adaptive().map(|_| master.rescales())
}

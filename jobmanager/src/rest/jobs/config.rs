//! `/jobs/:jobid/config`.

use std::collections::BTreeMap;

use axum::extract::State;
use sciurus_core::config::options::pipeline;
use sciurus_core::ids::JobId;
use serde::Serialize;

use crate::rest::Rest;
use crate::rest::error::RestResult;
use crate::rest::params::Params;
use crate::rest::reply::{Reply, ok};

/// The key under which Flink keeps what a program sets for itself.
const GLOBAL_JOB_PARAMETERS: &str = "pipeline.global-job-parameters";

/// `GET /jobs/:jobid/config`.
#[derive(Debug, Serialize)]
pub struct JobConfigInfo {
    jid: JobId,
    name: String,
    #[serde(rename = "execution-config")]
    execution_config: ExecutionConfigInfo,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct ExecutionConfigInfo {
    restart_strategy: String,
    job_parallelism: u32,
    object_reuse_mode: bool,
    user_config: BTreeMap<String, String>,
}

/// Shows how a job is executed.
pub async fn config(State(rest): State<Rest>, params: Params) -> RestResult<Reply<JobConfigInfo>> {
    let job = rest.job(params.job()?)?;
    let configuration = job.configuration();
    let user_config = configuration
        .iter_shown()
        .filter_map(|(key, value)| {
            let name = key.strip_prefix(GLOBAL_JOB_PARAMETERS)?.strip_prefix('.')?;
            Some((name.to_owned(), value.to_owned()))
        })
        .collect();
    let (restart_strategy, width) = job.with_master(|master| {
        let width = master.graph().vertices.iter().map(|vertex| vertex.parallelism).max();
        (master.restart_strategy().to_string(), width.unwrap_or(1))
    });
    let parallelism = configuration.get_optional(&pipeline::DEFAULT_PARALLELISM).ok().flatten();
    Ok(ok(JobConfigInfo {
        jid: job.id(),
        name: job.name().to_owned(),
        execution_config: ExecutionConfigInfo {
            restart_strategy,
            job_parallelism: parallelism.unwrap_or(width),
            object_reuse_mode: configuration.get(&pipeline::OBJECT_REUSE).unwrap_or(false),
            user_config,
        },
    }))
}

//! `/jobmanager`: configuration, environment, logs.

use std::path::Path;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use sciurus_core::config::Configuration;
use serde::Serialize;

use super::Rest;
use super::error::{RestError, RestResult};
use super::files::{self, LogList, ThreadDump};
use super::params::Params;
use super::reply::{Reply, WithoutCors, ok};

/// A setting.
#[derive(Debug, Serialize)]
pub struct ConfigEntry {
    key: String,
    value: String,
}

/// Shows settings; secrets as `******`.
pub fn entries(configuration: &Configuration) -> Vec<ConfigEntry> {
    let entry =
        |(key, value): (&str, &str)| ConfigEntry { key: key.to_owned(), value: value.to_owned() };
    configuration.iter_shown().map(entry).collect()
}

/// `GET /jobmanager/config`.
pub async fn config(State(rest): State<Rest>) -> Reply<Vec<ConfigEntry>> {
    ok(entries(rest.dispatcher().configuration()))
}

/// `GET /jobs/:jobid/jobmanager/config`.
pub async fn job_config(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<Vec<ConfigEntry>>> {
    rest.job(params.job()?)?;
    Ok(config(State(rest)).await)
}

/// What runs the JobManager, where Flink shows its JVM.
#[derive(Debug, Serialize)]
pub struct EnvironmentInfo {
    jvm: JvmInfo,
    classpath: Vec<String>,
}

#[derive(Debug, Serialize)]
struct JvmInfo {
    version: &'static str,
    arch: &'static str,
    options: Vec<String>,
}

/// `GET /jobmanager/environment`.
pub async fn environment() -> Reply<EnvironmentInfo> {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let version = concat!("Sciurus ", env!("CARGO_PKG_VERSION"), ", native code without a JVM");
    // Arguments may hold secrets, so none are shown.
    let executable = std::env::current_exe().ok();
    ok(EnvironmentInfo {
        jvm: JvmInfo { version, arch, options: Vec::new() },
        classpath: executable.map(|path| path.display().to_string()).into_iter().collect(),
    })
}

/// `GET /jobs/:jobid/jobmanager/environment`.
pub async fn job_environment(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<EnvironmentInfo>> {
    rest.job(params.job()?)?;
    Ok(environment().await)
}

/// `GET /jobmanager/logs`.
pub async fn logs(State(rest): State<Rest>) -> Reply<LogList> {
    ok(LogList { logs: files::list(rest.dispatcher().log_dir()).await.unwrap_or_default() })
}

/// `GET /jobmanager/logs/:filename`.
pub async fn log_file(State(rest): State<Rest>, params: Params) -> RestResult<Response> {
    let missing =
        || RestError::not_found("This file does not exist in JobManager log dir.").without_cors();
    let directory = rest.dispatcher().log_dir();
    let path = files::within(directory, params.text("filename")).ok_or_else(missing)?;
    files::local(&path).await.map_err(|_| missing())
}

/// `GET /jobmanager/log`.
pub async fn log(State(rest): State<Rest>) -> Response {
    newest(rest.dispatcher().log_dir(), ".log").await
}

/// `GET /jobmanager/stdout`.
pub async fn stdout(State(rest): State<Rest>) -> Response {
    newest(rest.dispatcher().log_dir(), ".out").await
}

/// Answers with the JobManager's newest file of a kind: as in Flink, its name says whose it is.
/// Where there is none, or the log goes to the console, the answer is empty.
async fn newest(directory: &Path, extension: &str) -> Response {
    let is_own = |name: &str| {
        name.ends_with(extension)
            && ["jobmanager", "standalonesession", "standalonejob"]
                .iter()
                .any(|own| name.contains(own))
    };
    let all = files::list(directory).await.unwrap_or_default();
    let newest = all.into_iter().filter(|file| is_own(&file.name)).max_by_key(|file| file.mtime);
    let Some(path) = newest.and_then(|file| files::within(directory, &file.name)) else {
        return files::empty();
    };
    files::local(&path).await.unwrap_or_else(|_| files::empty())
}

/// `GET /jobmanager/thread-dump`.
pub async fn thread_dump() -> RestResult<Reply<ThreadDump>> {
    let dump = ThreadDump::of_this_process().await;
    dump.map(ok).map_err(|error| RestError::internal(format!("Threads can't be listed: {error}")))
}

/// Where a user interface shows logs.
#[derive(Debug, Serialize)]
pub struct LogUrl {
    url: String,
}

/// Flink answers this as if it were a file.
type LogUrlReply = (Extension<WithoutCors>, Reply<LogUrl>);

fn log_url(url: String) -> LogUrlReply {
    (Extension(WithoutCors), ok(LogUrl { url }))
}

/// `GET /jobs/:jobid/jobmanager/log-url`.
pub async fn job_log_url(State(rest): State<Rest>, params: Params) -> RestResult<LogUrlReply> {
    rest.job(params.job()?)?;
    Ok(log_url(format!("{}/#/job-manager/logs", rest.url())))
}

/// `GET /jobs/:jobid/taskmanagers/:taskmanagerid/log-url`.
pub async fn task_manager_log_url(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<LogUrlReply> {
    rest.job(params.job()?)?;
    let task_manager = params.text("taskmanagerid");
    Ok(log_url(format!("{}/#/task-manager/{task_manager}/logs", rest.url())))
}

/// `…/profiler`: profiling is switched off, as it is in Flink by default.
pub async fn profiler(params: Params) -> RestError {
    RestError::no_such_file(params.uri())
}

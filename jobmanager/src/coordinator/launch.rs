//! Starts a job's executable and waits for what it says.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Pid;
use sciurus_core::graph::JobGraph;
use sciurus_rpc::PROTOCOL_VERSION;
use sciurus_rpc::convert::{bytes_of, configuration, configuration_texts};
use sciurus_rpc::proto::{FromJob, JobInit, JobPlan, JobRole, from_job, to_job};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;

use super::output::Output;
use super::process::JobProcess;
use super::{Coordinator, CoordinatorError, Executable, Part, Plan};
use crate::inbox::Inbox;
use crate::task_managers::bounded;

/// The variables of the environment that a job's processes are given, and those that begin with
/// [`PREFIXES`]: secrets of the JobManager are none of a job's business.
const VARIABLES: &[&str] = &["PATH", "HOME", "TZ", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "USER"];
const PREFIXES: &[&str] = &["RUST_", "FLINK_", "SCIURUS_"];

/// Options that begin so set variables of the environment.
const ENVIRONMENT_OPTIONS: &str = "containerized.master.env.";

/// Runs a job's executable until it has said what the job is. A coordinator goes on as one of
/// `tasks` and tells `inbox` what it decides.
///
/// # Errors
/// [`CoordinatorError`] where it says nothing, or something that makes no sense.
pub async fn launch(
    executable: &Executable,
    part: Part,
    number: u64,
    inbox: Inbox,
    tasks: &TaskTracker,
) -> Result<(Plan, Option<Coordinator>), CoordinatorError> {
    let mut process = spawn(executable).await?;
    let deadline = Instant::now() + executable.timeout;
    let Ok(plan) = timeout_at(deadline, ask(&mut process, executable, part)).await else {
        let output = process.output.tail();
        return Err(CoordinatorError::Timeout { timeout: executable.timeout, output });
    };
    let plan = plan?;
    if part == Part::Planner {
        return Ok((plan, None));
    }
    let (coordinator, run) =
        Coordinator::start(process, number, inbox, executable.log_level.clone());
    tasks.spawn(run);
    Ok((plan, Some(coordinator)))
}

async fn spawn(executable: &Executable) -> Result<JobProcess, CoordinatorError> {
    let error = |action: String| move |source| CoordinatorError::Start { action, source };
    let path = executable.path.display();
    let (ours, theirs) =
        StdUnixStream::pair().map_err(error("make a socket for the job".to_owned()))?;
    let ours = ours
        .set_nonblocking(true)
        .and_then(|()| UnixStream::from_std(ours))
        .map_err(error("use the job's socket".to_owned()))?;
    let log = executable.log.display();
    let output =
        Output::new(&executable.log).map_err(error(format!("write the job's log {log}")))?;
    let directory = executable.tmp_dir.join(format!(
        "sciurus-job-{}-{:08x}",
        executable.job,
        fastrand::u32(..)
    ));
    std::fs::create_dir_all(&directory)
        .map_err(error(format!("make the directory {}", directory.display())))?;
    let mut command = Command::new(&executable.path);
    command
        .args(&executable.arguments)
        .current_dir(&directory)
        .env_clear()
        .envs(environment(executable))
        .env("SCIURUS_JOB_PROCESS", "1")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let child = run(&mut command).await.map_err(|source| {
        let _ = std::fs::remove_dir_all(&directory);
        CoordinatorError::Start { action: format!("run the job's executable {path}"), source }
    })?;
    // The child has its end of the socket; this one would keep it from ever ending.
    drop(command);
    let (reader, writer) = ours.into_split();
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let mut process = JobProcess { child, group, reader, writer, output, directory };
    if let Some(stdout) = process.child.stdout.take() {
        process.output.collect(stdout, false);
    }
    if let Some(stderr) = process.child.stderr.take() {
        process.output.collect(stderr, true);
    }
    Ok(process)
}

/// Runs a command; tries again where the executable is still being written, as it seems: another
/// process that was started meanwhile has a copy of the open file for a moment.
async fn run(command: &mut Command) -> std::io::Result<Child> {
    for _ in 0..20 {
        match command.spawn() {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            result => return result,
        }
    }
    command.spawn()
}

fn environment(executable: &Executable) -> Vec<(String, String)> {
    let is_given = |name: &str| {
        VARIABLES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    };
    let inherited = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let configured = executable.configuration.iter().filter_map(|(key, value)| {
        let name = key.strip_prefix(ENVIRONMENT_OPTIONS)?;
        Some((name.to_owned(), value.to_owned()))
    });
    inherited.filter(|(name, _)| is_given(name)).chain(configured).collect()
}

async fn ask(
    process: &mut JobProcess,
    executable: &Executable,
    part: Part,
) -> Result<Plan, CoordinatorError> {
    let role = match part {
        Part::Planner => JobRole::Planner,
        Part::Coordinator => JobRole::Coordinator,
    };
    let init = JobInit {
        protocol: PROTOCOL_VERSION,
        role: role.into(),
        job_id: bytes_of(executable.job.to_bytes()),
        configuration: configuration_texts(&executable.configuration),
        worker: None,
    };
    // Where it ends at once that is told below.
    let _ = process.write(to_job::Message::Init(init)).await;
    match process.read().await {
        Ok(Some(FromJob { message: Some(from_job::Message::Plan(plan)) })) => {
            return read_plan(&plan);
        }
        Ok(Some(FromJob { message: Some(from_job::Message::Refused(cause)) })) => {
            return Err(CoordinatorError::Refused(bounded(cause.into())));
        }
        Ok(Some(_)) => {
            let reason = "it began with neither a plan nor a refusal".to_owned();
            return Err(CoordinatorError::Senseless { reason });
        }
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            return Err(CoordinatorError::Senseless { reason: error.to_string() });
        }
        // A process that ends with something unread resets the connection.
        Ok(None) | Err(_) => {}
    }
    let how = process.how_it_ended().await;
    Err(CoordinatorError::Ended { how, output: process.output.last_lines().await })
}

fn read_plan(plan: &JobPlan) -> Result<Plan, CoordinatorError> {
    if plan.protocol != PROTOCOL_VERSION {
        return Err(CoordinatorError::Protocol { theirs: plan.protocol });
    }
    let senseless = |reason: String| CoordinatorError::Senseless { reason };
    let graph: JobGraph =
        serde_json::from_slice(&plan.job_graph).map_err(|error| senseless(error.to_string()))?;
    check(&graph).map_err(|reason| senseless(reason.to_owned()))?;
    Ok(Plan { graph, configuration: configuration(plan.configuration.clone()) })
}

/// Checks what the rest of the JobManager relies on: the graph comes from user code.
fn check(graph: &JobGraph) -> Result<(), &'static str> {
    const MAX_SUBTASKS: u64 = 1 << 20;

    let mut ids = std::collections::HashSet::new();
    let mut subtasks = 0;
    for vertex in &graph.vertices {
        subtasks += u64::from(vertex.parallelism);
        if vertex.parallelism == 0 {
            return Err("a vertex has no subtasks");
        }
        if !ids.insert(vertex.id) {
            return Err("two vertices have the same id");
        }
    }
    if graph.vertices.is_empty() {
        return Err("the job has no operators");
    }
    if subtasks > MAX_SUBTASKS {
        return Err("the job has more than a million subtasks");
    }
    for (place, edge) in (0..).zip(&graph.edges) {
        let ends_are_there = ids.contains(&edge.source_vertex) && ids.contains(&edge.target_vertex);
        if !ends_are_there || edge.id.0 != place {
            return Err("an exchange connects nothing");
        }
    }
    Ok(())
}

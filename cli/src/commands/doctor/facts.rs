//! What the REST API says of a job, at one time.

use std::collections::BTreeMap;
use std::time::Instant;

use sciurus_core::ids::JobId;
use serde::Deserialize;

use crate::rest::answers::{Metric, without_trace};
use crate::rest::{Client, RestError};

/// What is known of a job.
#[derive(Debug)]
pub struct Facts {
    pub at: Instant,
    pub job: JobId,
    pub name: String,
    pub state: String,
    /// How many slots it lacks.
    pub missing_slots: u32,
    /// In topological order.
    pub vertices: Vec<Vertex>,
    /// The latest first.
    pub failures: Vec<Failure>,
    pub restarts: u64,
    pub checkpoints: Checkpoints,
    pub task_managers: Vec<TaskManager>,
}

#[derive(Debug, Default, Clone)]
pub struct Vertex {
    pub id: String,
    pub name: String,
    pub parallelism: u32,
    /// The ids of those that it reads from.
    pub inputs: Vec<String>,
    pub read_records: u64,
    /// How many of its subtasks are in a state, by the state's name.
    pub tasks: BTreeMap<String, u64>,
    pub loads: Vec<Load>,
    /// By subtask; those without one are left out.
    pub watermarks: BTreeMap<u32, i64>,
}

/// What a subtask does with its time: shares of it.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
pub struct Load {
    pub subtask: u32,
    #[serde(rename = "busyRatio")]
    pub busy: f64,
    #[serde(rename = "ratio")]
    pub back_pressured: f64,
}

#[derive(Debug, Default, Clone)]
pub struct Failure {
    pub kind: String,
    pub message: String,
    pub task: Option<String>,
    pub task_manager: Option<String>,
}

#[derive(Debug, Default, Clone)]
pub struct Checkpoints {
    pub completed: u64,
    pub failed: u64,
    /// Why the latest one failed, unless one has been completed since.
    pub failing: Option<String>,
}

#[derive(Debug, Default, Clone)]
pub struct TaskManager {
    pub id: String,
    pub slots: u32,
    pub free_slots: u32,
    /// Bytes, by metric.
    pub memory: BTreeMap<&'static str, f64>,
}

/// The metrics of a TaskManager's memory.
pub const TOTAL: &str = "Status.JVM.Memory.Heap.Max";
pub const USED: &str = "Status.JVM.Memory.Heap.Used";
pub const MANAGED: &str = "Status.Flink.Memory.Managed.Used";
pub const EXCHANGE: &str = "Status.Shuffle.Netty.UsedMemory";
const MEMORY: [&str; 4] = [TOTAL, USED, MANAGED, EXCHANGE];

impl Facts {
    /// Asks.
    ///
    /// # Errors
    /// [`RestError`] where there is no such job or no answer.
    pub fn ask(client: &Client, job: JobId) -> Result<Self, RestError> {
        let details: JobAnswer = client.get(&format!("/jobs/{job}"))?;
        let exceptions: ExceptionsAnswer = client.get(&format!("/jobs/{job}/exceptions"))?;
        let restarts: Vec<Metric> = client.get(&format!("/jobs/{job}/metrics?get=numRestarts"))?;
        let entries = exceptions.history.entries.into_iter().map(|entry| Failure {
            kind: entry.name.rsplit('.').next().unwrap_or_default().to_owned(),
            message: without_trace(&entry.stacktrace),
            task: entry.task,
            task_manager: entry.task_manager,
        });
        let mut vertices = Vec::new();
        for vertex in details.vertices {
            let node = details.plan.nodes.iter().find(|node| node.id == vertex.id);
            let inputs = node.map(|node| node.inputs.iter().map(|input| input.id.clone()));
            let mut found = Vertex {
                inputs: inputs.map(Iterator::collect).unwrap_or_default(),
                read_records: vertex.metrics.read_records,
                id: vertex.id,
                name: vertex.name,
                parallelism: vertex.parallelism,
                tasks: vertex.tasks,
                ..Vertex::default()
            };
            if found.tasks.get("RUNNING").is_some_and(|running| *running > 0) {
                let path = format!("/jobs/{job}/vertices/{}", found.id);
                let loads: LoadsAnswer = client.get(&format!("{path}/backpressure"))?;
                found.loads = loads.subtasks;
                let watermarks: Vec<Metric> = client.get(&format!("{path}/watermarks"))?;
                found.watermarks = watermarks.iter().filter_map(watermark).collect();
            }
            vertices.push(found);
        }
        Ok(Self {
            at: Instant::now(),
            job,
            name: details.name,
            state: details.state,
            missing_slots: details.slot_shortage.map_or(0, |shortage| shortage.missing),
            vertices,
            failures: entries.collect(),
            restarts: restarts.first().and_then(|metric| metric.value.parse().ok()).unwrap_or(0),
            checkpoints: checkpoints(client, job)?,
            task_managers: task_managers(client)?,
        })
    }

    /// Tells whether tasks may be looked at.
    pub fn is_running(&self) -> bool {
        self.state == "RUNNING"
    }

    /// Finds a vertex.
    pub fn vertex(&self, id: &str) -> Option<&Vertex> {
        self.vertices.iter().find(|vertex| vertex.id == id)
    }
}

fn watermark(metric: &Metric) -> Option<(u32, i64)> {
    let subtask = metric.id.split('.').next()?.parse().ok()?;
    let watermark = metric.value.parse().ok()?;
    (watermark != i64::MIN).then_some((subtask, watermark))
}

fn checkpoints(client: &Client, job: JobId) -> Result<Checkpoints, RestError> {
    let answer: CheckpointsAnswer = client.get(&format!("/jobs/{job}/checkpoints"))?;
    let Some(counts) = answer.counts else { return Ok(Checkpoints::default()) };
    let latest = answer.latest.unwrap_or_default();
    let is_later = |failed: &LatestAnswer| {
        latest.completed.as_ref().is_none_or(|completed| completed.id < failed.id)
    };
    let failing = latest.failed.as_ref().filter(|failed| is_later(failed));
    Ok(Checkpoints {
        completed: counts.completed,
        failed: counts.failed,
        failing: failing.map(|failed| failed.failure_message.clone().unwrap_or_default()),
    })
}

fn task_managers(client: &Client) -> Result<Vec<TaskManager>, RestError> {
    let answer: TaskManagersAnswer = client.get("/taskmanagers")?;
    let mut found = Vec::new();
    for manager in answer.taskmanagers {
        let path = format!("/taskmanagers/{}/metrics?get={}", manager.id, MEMORY.join(","));
        // One may be lost meanwhile.
        let metrics: Vec<Metric> = client.get(&path).unwrap_or_default();
        let value = |name: &'static str| {
            let metric = metrics.iter().find(|metric| metric.id == name)?;
            Some((name, metric.value.parse().ok()?))
        };
        found.push(TaskManager {
            id: manager.id,
            slots: manager.slots,
            free_slots: manager.free_slots,
            memory: MEMORY.into_iter().filter_map(value).collect(),
        });
    }
    Ok(found)
}

#[derive(Debug, Deserialize)]
struct JobAnswer {
    name: String,
    state: String,
    #[serde(default)]
    vertices: Vec<crate::rest::answers::VertexDetails>,
    #[serde(default)]
    plan: PlanAnswer,
    #[serde(rename = "slot-shortage")]
    slot_shortage: Option<crate::rest::answers::SlotShortage>,
}

#[derive(Debug, Default, Deserialize)]
struct PlanAnswer {
    #[serde(default)]
    nodes: Vec<NodeAnswer>,
}

#[derive(Debug, Deserialize)]
struct NodeAnswer {
    id: String,
    #[serde(default)]
    inputs: Vec<InputAnswer>,
}

#[derive(Debug, Deserialize)]
struct InputAnswer {
    id: String,
}

#[derive(Debug, Deserialize)]
struct ExceptionsAnswer {
    #[serde(rename = "exceptionHistory")]
    history: HistoryAnswer,
}

#[derive(Debug, Deserialize)]
struct HistoryAnswer {
    entries: Vec<ExceptionAnswer>,
}

#[derive(Debug, Deserialize)]
struct ExceptionAnswer {
    #[serde(rename = "exceptionName")]
    name: String,
    stacktrace: String,
    #[serde(rename = "taskName")]
    task: Option<String>,
    #[serde(rename = "taskManagerId")]
    task_manager: Option<String>,
}

#[derive(Debug, Deserialize)]
struct LoadsAnswer {
    #[serde(default)]
    subtasks: Vec<Load>,
}

#[derive(Debug, Deserialize)]
struct CheckpointsAnswer {
    counts: Option<CountsAnswer>,
    latest: Option<LatestsAnswer>,
}

#[derive(Debug, Deserialize)]
struct CountsAnswer {
    completed: u64,
    failed: u64,
}

#[derive(Debug, Default, Deserialize)]
struct LatestsAnswer {
    completed: Option<LatestAnswer>,
    failed: Option<LatestAnswer>,
}

#[derive(Debug, Deserialize)]
struct LatestAnswer {
    id: u64,
    failure_message: Option<String>,
}

#[derive(Debug, Deserialize)]
struct TaskManagersAnswer {
    taskmanagers: Vec<TaskManagerAnswer>,
}

#[derive(Debug, Deserialize)]
struct TaskManagerAnswer {
    id: String,
    #[serde(rename = "slotsNumber")]
    slots: u32,
    #[serde(rename = "freeSlots")]
    free_slots: u32,
}

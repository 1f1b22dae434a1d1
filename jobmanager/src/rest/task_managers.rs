//! `/taskmanagers`: which there are, their resources, logs.

use std::collections::HashMap;

use axum::extract::State;
use axum::response::Response;
use bytes::BytesMut;
use futures_util::StreamExt;
use sciurus_core::ids::{AllocationId, JobId, TaskManagerId};
use sciurus_core::time::Timestamp;
use sciurus_job_master::execution_graph::ExecutionVertex;
use serde::Serialize;

use super::Rest;
use super::error::{RestError, RestResult};
use super::files::{self, LogInfo, LogList, ThreadDump};
use super::metrics::of_task_manager;
use super::params::Params;
use super::reply::{Reply, ok};
use crate::resource_manager::AllocatedSlot;
use crate::task_managers::{FileError, FileRequest, NamedFile, TaskManagerInfo};
use sciurus_metrics::Metrics;

/// Bytes in the unit in which Flink shows the memory of slots.
const MEBIBYTE: u64 = 1 << 20;

/// How large a thread dump may be.
const MAX_DUMP_BYTES: usize = 4 << 20;

/// `GET /taskmanagers`.
#[derive(Debug, Serialize)]
pub struct TaskManagersInfo {
    taskmanagers: Vec<TaskManagerBody>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TaskManagerBody {
    id: TaskManagerId,
    path: String,
    data_port: u16,
    jmx_port: i32,
    time_since_last_heartbeat: Timestamp,
    slots_number: u32,
    free_slots: u32,
    assigned_tasks: u32,
    total_resource: ResourceProfile,
    free_resource: ResourceProfile,
    hardware: HardwareDescription,
    memory_configuration: MemoryBody,
}

/// What some slots have; memory in MiB.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceProfile {
    cpu_cores: f64,
    task_heap_memory: u64,
    task_off_heap_memory: u64,
    managed_memory: u64,
    network_memory: u64,
    extended_resources: super::reply::Empty,
}

impl ResourceProfile {
    fn of(info: &TaskManagerInfo, slots: u32) -> Self {
        let registration = &info.registration;
        let share = f64::from(slots) / f64::from(registration.slots.max(1));
        let mebibytes = |bytes: u64| ((bytes / MEBIBYTE) as f64 * share) as u64;
        Self {
            cpu_cores: f64::from(registration.hardware.cpu_cores) * share,
            task_heap_memory: mebibytes(registration.memory.task),
            task_off_heap_memory: 0,
            managed_memory: mebibytes(registration.memory.managed),
            network_memory: mebibytes(registration.memory.network),
            extended_resources: super::reply::Empty {},
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HardwareDescription {
    cpu_cores: u32,
    physical_memory: u64,
    free_memory: u64,
    managed_memory: u64,
}

/// How memory is divided, in bytes. There is one kind of memory, so what Flink divides into heap and
/// other memory is all in the first of the two.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MemoryBody {
    framework_heap: u64,
    task_heap: u64,
    framework_off_heap: u64,
    task_off_heap: u64,
    network_memory: u64,
    managed_memory: u64,
    jvm_metaspace: u64,
    jvm_overhead: u64,
    total_flink_memory: u64,
    total_process_memory: u64,
}

/// `GET /taskmanagers/:taskmanagerid`.
#[derive(Debug, Serialize)]
pub struct TaskManagerDetails {
    #[serde(flatten)]
    summary: TaskManagerBody,
    #[serde(rename = "allocatedSlots")]
    allocated_slots: Vec<SlotInfo>,
    metrics: MetricsBody,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SlotInfo {
    job_id: JobId,
    resource: ResourceProfile,
    assigned_tasks: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MetricsBody {
    heap_used: u64,
    heap_committed: u64,
    heap_max: u64,
    non_heap_used: u64,
    non_heap_committed: u64,
    non_heap_max: u64,
    direct_count: u64,
    direct_used: u64,
    direct_max: u64,
    mapped_count: u64,
    mapped_used: u64,
    mapped_max: u64,
    netty_shuffle_memory_segments_available: u64,
    netty_shuffle_memory_segments_used: u64,
    netty_shuffle_memory_segments_total: u64,
    netty_shuffle_memory_available: u64,
    netty_shuffle_memory_used: u64,
    netty_shuffle_memory_total: u64,
    garbage_collectors: Vec<GarbageCollector>,
}

/// There are none; clients look for `All`.
#[derive(Debug, Serialize)]
struct GarbageCollector {
    name: &'static str,
    count: u64,
    time: u64,
}

impl MetricsBody {
    fn of(metrics: &Metrics) -> Self {
        let get = |name: &str| metrics.get(name).and_then(|value| value.number());
        let jvm = |name: &str| get(&format!("Status.JVM.Memory.{name}")).unwrap_or(0.0) as u64;
        let netty = |name: &str| get(&format!("Status.Shuffle.Netty.{name}")).unwrap_or(0.0) as u64;
        Self {
            heap_used: jvm("Heap.Used"),
            heap_committed: jvm("Heap.Committed"),
            heap_max: jvm("Heap.Max"),
            non_heap_used: jvm("NonHeap.Used"),
            non_heap_committed: jvm("NonHeap.Committed"),
            non_heap_max: jvm("NonHeap.Max"),
            direct_count: jvm("Direct.Count"),
            direct_used: jvm("Direct.MemoryUsed"),
            direct_max: jvm("Direct.TotalCapacity"),
            mapped_count: jvm("Mapped.Count"),
            mapped_used: jvm("Mapped.MemoryUsed"),
            mapped_max: jvm("Mapped.TotalCapacity"),
            netty_shuffle_memory_segments_available: netty("AvailableMemorySegments"),
            netty_shuffle_memory_segments_used: netty("UsedMemorySegments"),
            netty_shuffle_memory_segments_total: netty("TotalMemorySegments"),
            netty_shuffle_memory_available: netty("AvailableMemory"),
            netty_shuffle_memory_used: netty("UsedMemory"),
            netty_shuffle_memory_total: netty("TotalMemory"),
            garbage_collectors: vec![GarbageCollector { name: "All", count: 0, time: 0 }],
        }
    }
}

fn body(info: &TaskManagerInfo, tasks: &HashMap<AllocationId, u32>) -> TaskManagerBody {
    let registration = &info.registration;
    let (hardware, memory) = (&registration.hardware, &registration.memory);
    let id = info.id();
    TaskManagerBody {
        id: id.clone(),
        path: format!("grpc://{}:{}/taskmanager", registration.host, registration.rpc_port),
        data_port: 0,
        jmx_port: -1,
        time_since_last_heartbeat: info.last_heartbeat,
        slots_number: registration.slots,
        free_slots: info.free_slots(),
        assigned_tasks: info.allocated.iter().map(|slot| tasks_in(tasks, slot)).sum(),
        total_resource: ResourceProfile::of(info, registration.slots),
        free_resource: ResourceProfile::of(info, info.free_slots()),
        hardware: HardwareDescription {
            cpu_cores: hardware.cpu_cores,
            physical_memory: hardware.physical_memory_bytes,
            free_memory: hardware.free_memory_bytes,
            managed_memory: hardware.managed_memory_bytes,
        },
        memory_configuration: MemoryBody {
            framework_heap: memory.framework,
            task_heap: memory.task,
            framework_off_heap: 0,
            task_off_heap: 0,
            network_memory: memory.network,
            managed_memory: memory.managed,
            jvm_metaspace: 0,
            jvm_overhead: 0,
            total_flink_memory: memory.total_process,
            total_process_memory: memory.total_process,
        },
    }
}

/// Counts the tasks that run in each slot, of all jobs or of those that have slots of a TaskManager.
fn tasks_by_slot(rest: &Rest, of: Option<&TaskManagerInfo>) -> HashMap<AllocationId, u32> {
    let has_slots =
        |job: JobId| of.is_none_or(|info| info.allocated.iter().any(|slot| slot.job == job));
    let mut tasks = HashMap::new();
    for job in rest.dispatcher().jobs() {
        if job.status().is_terminal() || !has_slots(job.id()) {
            continue;
        }
        job.with_master(|master| {
            for execution in
                master.execution_graph().subtasks().iter().map(ExecutionVertex::current)
            {
                if let Some(slot) = execution.slot().filter(|_| execution.state().is_deployed()) {
                    *tasks.entry(slot.allocation).or_default() += 1;
                }
            }
        });
    }
    tasks
}

/// How many tasks run in a slot.
fn tasks_in(tasks: &HashMap<AllocationId, u32>, slot: &AllocatedSlot) -> u32 {
    tasks.get(&slot.allocation).copied().unwrap_or(0)
}

/// Lists TaskManagers.
pub async fn list(State(rest): State<Rest>) -> Reply<TaskManagersInfo> {
    let infos = rest.dispatcher().task_managers();
    let tasks = tasks_by_slot(&rest, None);
    let body = |info| body(info, &tasks);
    ok(TaskManagersInfo { taskmanagers: infos.iter().map(body).collect() })
}

/// Shows a TaskManager.
pub async fn details(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<TaskManagerDetails>> {
    let id = params.task_manager();
    let missing =
        || RestError::internal(format!("No TaskManager is registered under {}.", id.as_str()));
    let info = rest.find_task_manager(&id).ok_or_else(missing)?;
    let tasks = tasks_by_slot(&rest, Some(&info));
    let slot = |slot: &AllocatedSlot| SlotInfo {
        job_id: slot.job,
        resource: ResourceProfile::of(&info, 1),
        assigned_tasks: tasks_in(&tasks, slot),
    };
    Ok(ok(TaskManagerDetails {
        summary: body(&info, &tasks),
        allocated_slots: info.allocated.iter().map(slot).collect(),
        metrics: MetricsBody::of(&of_task_manager(&info)),
    }))
}

/// Lists the log files of a TaskManager.
pub async fn logs(State(rest): State<Rest>, params: Params) -> RestResult<Reply<LogList>> {
    let id = params.task_manager();
    let files = rest.dispatcher().list_files(&id).await.map_err(|error| refused(&error))?;
    let log = |file: crate::task_managers::LogFile| LogInfo {
        name: file.name,
        size: file.size_bytes,
        mtime: file.modified,
    };
    Ok(ok(LogList { logs: files.into_iter().map(log).collect() }))
}

/// Sends a TaskManager's log.
pub async fn log(State(rest): State<Rest>, params: Params) -> RestResult<Response> {
    send(&rest, &params, NamedFile::Log).await
}

/// Sends what a TaskManager prints.
pub async fn stdout(State(rest): State<Rest>, params: Params) -> RestResult<Response> {
    send(&rest, &params, NamedFile::Stdout).await
}

/// Sends one of a TaskManager's log files.
pub async fn log_file(State(rest): State<Rest>, params: Params) -> RestResult<Response> {
    let name = params.text("filename").to_owned();
    send(&rest, &params, NamedFile::Named(name)).await
}

async fn send(rest: &Rest, params: &Params, file: NamedFile) -> RestResult<Response> {
    let request = FileRequest { file, offset: 0, length: 0 };
    let id = params.task_manager();
    let stream =
        rest.dispatcher().read_file(&id, &request).await.map_err(|error| refused(&error))?;
    Ok(files::text(stream.total_bytes(), stream))
}

/// Shows what the threads of a TaskManager do.
pub async fn thread_dump(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<ThreadDump>> {
    let request = FileRequest { file: NamedFile::ThreadDump, offset: 0, length: 0 };
    let id = params.task_manager();
    let mut stream =
        rest.dispatcher().read_file(&id, &request).await.map_err(|error| refused(&error))?;
    let mut text = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| refused(&error))?;
        let room = MAX_DUMP_BYTES.saturating_sub(text.len()).min(chunk.len());
        text.extend_from_slice(&chunk[..room]);
    }
    Ok(ok(ThreadDump::of(&String::from_utf8_lossy(&text))))
}

fn refused(error: &FileError) -> RestError {
    match error {
        FileError::UnknownTaskManager(id) => {
            RestError::not_found(format!("Could not find TaskExecutor {}", id.as_str()))
        }
        FileError::TooMany => RestError::unavailable(error.to_string()),
        _ => RestError::internal(error.to_string()),
    }
}

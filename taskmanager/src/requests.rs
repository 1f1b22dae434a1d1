//! Requests of the JobManager that take more than a line: starting a worker, sending a file.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sciurus_core::ids::{JobId, WorkerId};
use sciurus_job_master::failure::FailureCause;
use sciurus_rpc::proto::job_manager_client::JobManagerClient;
use sciurus_rpc::{convert, proto};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use crate::agent::Agent;
use crate::files::LogFiles;
use crate::packages::{FetchError, PackageId};
use crate::workers::{WorkerLogs, WorkerSpec, worker_directory};

/// How many chunks of a file may wait for the network.
const CHUNKS_IN_FLIGHT: usize = 4;

/// How long sending a file may take.
const SEND_TIMEOUT: Duration = Duration::from_secs(300);

/// Reads how a worker is to be started, or says why that can't be.
pub(crate) fn read_start(
    agent: &Agent,
    host: &str,
    job: JobId,
    worker: WorkerId,
    start: proto::StartWorker,
) -> Result<WorkerSpec, FailureCause> {
    let settings = &agent.settings;
    let package = start.package.ok_or_else(|| FetchError::Message.to_cause())?;
    let scratch = worker_directory(&agent.scratch.workers(), job, worker).join("state");
    let init = proto::WorkerInit {
        worker: convert::bytes_of(worker.to_bytes()),
        fingerprint: start.fingerprint,
        task_manager: agent.registration.id.clone(),
        bind_host: settings.bind_host.clone(),
        data_ports: settings.data_ports.clone(),
        advertised_data_ports: settings.advertised_data_ports.clone(),
        host: host.to_owned(),
        memory_bytes: settings.memory.of_worker(start.slots, settings.slots),
        metrics_interval_ms: settings.metrics_interval.as_millis().try_into().unwrap_or(u32::MAX),
        scratch_directory: scratch.to_string_lossy().into_owned(),
        managed_memory_bytes: settings.memory.managed_of_worker(start.slots, settings.slots),
    };
    let log = &settings.log;
    Ok(WorkerSpec {
        job,
        job_name: start.job_name,
        worker,
        package: PackageId::read(&package).map_err(|error| error.to_cause())?,
        entry: package.entry,
        arguments: start.arguments,
        environment: Arc::clone(&agent.environment),
        configuration: start.configuration,
        init,
        logs: WorkerLogs::new(&agent.log_directory, &log.prefix, job, log.max_file_bytes),
        console: log.console,
        scratch_workers: agent.scratch.workers(),
        start_timeout: settings.worker_start_timeout,
        cancellation_timeout: settings.cancellation_timeout,
    })
}

/// Sends a file, or says why it can't be sent.
pub(crate) async fn send_file(
    files: &LogFiles,
    read: proto::ReadFile,
    processes: Vec<(String, u32)>,
    mut client: JobManagerClient<Channel>,
) -> Result<(), String> {
    let request = read.request;
    let files = files.clone();
    let opened = spawn_blocking(move || files.open(&read, &processes)).await;
    let mut file = opened.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    let (sender, chunks) = mpsc::channel(CHUNKS_IN_FLIGHT);
    // It ends when nobody wants more chunks.
    let reader = spawn_blocking(move || {
        // The first says what it answers, and is there for empty files, too.
        let first = file.next().map_err(|error| error.to_string())?;
        let total_bytes = file.total_bytes;
        let data = first.unwrap_or_default();
        let mut next = Some(proto::FileChunk { request, total_bytes, data });
        while let Some(chunk) = next.take() {
            if sender.blocking_send(chunk).is_err() {
                break;
            }
            let chunk = |data: Bytes| proto::FileChunk { request, total_bytes, data };
            next = file.next().map_err(|error| error.to_string())?.map(chunk);
        }
        Ok::<_, String>(())
    });
    let sent = timeout(SEND_TIMEOUT, client.send_file(ReceiverStream::new(chunks))).await;
    let read = reader.await.map_err(|error| error.to_string())?;
    match sent {
        Ok(sent) => sent.map_err(|status| status.message().to_owned())?,
        Err(_) => return Err(format!("it took more than {} s", SEND_TIMEOUT.as_secs())),
    };
    read
}

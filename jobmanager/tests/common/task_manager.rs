//! A TaskManager that is played: it registers, and answers by the book or against it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use sciurus_checkpoint::{SubtaskState, TaskCheckpointMetrics};
use sciurus_core::ids::{ExecutionAttemptId, JobId, TaskManagerId};
use sciurus_job_master::ExecutionState;
use sciurus_job_master::failure::{FailureCause, Fault};
use sciurus_rpc::convert::TaskCheckpointNews;
use sciurus_rpc::proto::job_manager_client::JobManagerClient;
use sciurus_rpc::proto::job_manager_message::Message as FromManager;
use sciurus_rpc::proto::task_manager_message::Message;
use sciurus_rpc::proto::{
    self, FetchBlobRequest, FileChunk, JobManagerMessage, TaskManagerMessage, TaskStateChanged,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Status, Streaming};

/// What a TaskManager does that another wouldn't.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Default)]
pub struct Behaviour {
    /// It never starts a worker.
    pub starts_no_workers: bool,
    /// Each worker that it starts ends at once.
    pub workers_end_at_once: bool,
    /// Its workers take no tasks.
    pub ignores_deployments: bool,
    /// Its tasks never stop when they are told to.
    pub ignores_cancellation: bool,
    /// Source readers ask for splits until there are no more, and then all tasks finish.
    pub reads_splits: bool,
    /// Its only file is `tm.log`; others are refused.
    pub refuses_files: bool,
    /// Its tasks have a part in each checkpoint, of a few bytes, and end with one that ends the job.
    pub takes_checkpoints: bool,
    /// It sends no heartbeats.
    pub is_silent: bool,
}

/// What a TaskManager was told and what it runs.
#[derive(Debug, Default)]
pub struct State {
    pub messages: Vec<FromManager>,
    pub running: HashMap<ExecutionAttemptId, JobId>,
    /// The splits that its readers got.
    pub splits: Vec<Bytes>,
    pub leader: Bytes,
    /// The checkpoints that its tasks of a job have acknowledged, and whether they end with it.
    pub checkpoints: HashMap<(JobId, u64), bool>,
    pub workers: HashMap<Bytes, Bytes>,
}

pub struct SimulatedTaskManager {
    pub id: TaskManagerId,
    pub state: Arc<Mutex<State>>,
    pub client: JobManagerClient<Channel>,
    outbound: mpsc::UnboundedSender<TaskManagerMessage>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for SimulatedTaskManager {
    /// The connection breaks.
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl SimulatedTaskManager {
    pub async fn connect(
        address: SocketAddr,
        name: &str,
        slots: u32,
        behaviour: Behaviour,
    ) -> Result<Self, Status> {
        let mut client = client(address).await;
        let (outbound, receiver) = mpsc::unbounded_channel();
        let register = register(name, slots);
        outbound.send(envelope(&Bytes::new(), Message::Register(register))).unwrap();
        let answers = client.connect(UnboundedReceiverStream::new(receiver)).await?.into_inner();
        let state = Arc::new(Mutex::new(State::default()));
        let player = Player {
            state: state.clone(),
            outbound: outbound.clone(),
            client: client.clone(),
            behaviour: behaviour.clone(),
        };
        let mut tasks = vec![tokio::spawn(player.play(answers))];
        if !behaviour.is_silent {
            let (state, outbound) = (state.clone(), outbound.clone());
            tasks.push(tokio::spawn(async move {
                loop {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    let leader = state.lock().leader.clone();
                    let beat = Message::Heartbeat(proto::Heartbeat {});
                    let _ = outbound.send(envelope(&leader, beat));
                }
            }));
        }
        Ok(Self { id: TaskManagerId::new(name), state, client, outbound, tasks })
    }

    /// Sends any message, with the leader that it registered with.
    pub fn send(&self, message: Message) {
        let leader = self.state.lock().leader.clone();
        self.send_as(&leader, message);
    }

    pub fn send_as(&self, leader: &Bytes, message: Message) {
        let _ = self.outbound.send(envelope(leader, message));
    }

    /// Sends what need not make sense.
    pub fn send_raw(&self, message: TaskManagerMessage) {
        let _ = self.outbound.send(message);
    }

    pub fn running(&self) -> usize {
        self.state.lock().running.len()
    }

    /// Reports an end of all tasks that run.
    pub fn end_all(&self, state: ExecutionState) {
        let running: Vec<_> = self.state.lock().running.drain().collect();
        for (attempt, job) in running {
            let failure = (state == ExecutionState::Failed)
                .then(|| FailureCause::new(Fault::User, "Oops", "the task didn't like it"));
            self.send(report(job, attempt, state, failure));
        }
    }

    /// The worker of a job ends by itself.
    pub fn end_worker(&self, job: JobId, message: &str) {
        let job_id = Bytes::copy_from_slice(&job.to_bytes());
        let worker = {
            let mut state = self.state.lock();
            state.running.retain(|_, of| *of != job);
            state.workers.remove(&job_id).unwrap()
        };
        let cause = FailureCause::new(Fault::User, "WorkerEnded", message);
        let ended = proto::WorkerEnded { job_id, worker, cause: Some(cause.into()) };
        self.send(Message::WorkerEnded(ended));
    }
}

pub async fn client(address: SocketAddr) -> JobManagerClient<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap().tcp_nodelay(true);
    let client = JobManagerClient::new(endpoint.connect().await.unwrap());
    client.max_decoding_message_size(64 << 20)
}

pub fn register(name: &str, slots: u32) -> proto::Register {
    proto::Register {
        protocol: sciurus_rpc::PROTOCOL_VERSION,
        version: "0".to_owned(),
        task_manager: name.to_owned(),
        session: Bytes::copy_from_slice(&fastrand::u128(..).to_be_bytes()),
        host: "localhost".to_owned(),
        rpc_port: 0,
        slots,
        platform: "linux-amd64".to_owned(),
        hardware: Some(proto::Hardware { cpu_cores: 2, ..Default::default() }),
        memory: None,
    }
}

pub fn envelope(leader: &Bytes, message: Message) -> TaskManagerMessage {
    TaskManagerMessage { leader: leader.clone(), message: Some(message) }
}

pub fn report(
    job: JobId,
    attempt: ExecutionAttemptId,
    state: ExecutionState,
    failure: Option<FailureCause>,
) -> Message {
    Message::Task(proto::TaskReport {
        job_id: Bytes::copy_from_slice(&job.to_bytes()),
        change: Some(TaskStateChanged::new(attempt, state, failure)),
        metrics: None,
    })
}

struct Player {
    state: Arc<Mutex<State>>,
    outbound: mpsc::UnboundedSender<TaskManagerMessage>,
    client: JobManagerClient<Channel>,
    behaviour: Behaviour,
}

impl Player {
    async fn play(self, mut messages: Streaming<JobManagerMessage>) {
        while let Ok(Some(message)) = messages.message().await {
            let Some(content) = message.message else { continue };
            self.state.lock().leader = message.leader;
            self.state.lock().messages.push(content.clone());
            self.on_message(content);
        }
    }

    fn send(&self, message: Message) {
        let leader = self.state.lock().leader.clone();
        let _ = self.outbound.send(envelope(&leader, message));
    }

    fn on_message(&self, message: FromManager) {
        match message {
            FromManager::StartWorker(start) => self.start_worker(start),
            FromManager::Deploy(deploy) if !self.behaviour.ignores_deployments => {
                self.deploy(deploy);
            }
            FromManager::CancelTask(cancel) if !self.behaviour.ignores_cancellation => {
                let attempt = cancel.attempt.unwrap().try_into().unwrap();
                self.state.lock().running.remove(&attempt);
                let job = job_id(&cancel.job_id);
                self.send(report(job, attempt, ExecutionState::Canceled, None));
            }
            FromManager::StopWorker(stop) => {
                let job = job_id(&stop.job_id);
                let mut state = self.state.lock();
                state.workers.remove(&stop.job_id);
                state.running.retain(|_, of| *of != job);
            }
            FromManager::SourceEvent(event) => self.on_source_event(event),
            FromManager::TriggerCheckpoint(trigger) if self.behaviour.takes_checkpoints => {
                self.acknowledge(trigger);
            }
            FromManager::CheckpointComplete(notice) if self.behaviour.takes_checkpoints => {
                self.end_with(notice);
            }
            FromManager::ReadFile(read) if self.behaviour.refuses_files => {
                if read.name != "tm.log" && read.kind == proto::FileKind::Named as i32 {
                    let refused = proto::FileRefused {
                        request: read.request,
                        reason: "there is no such file".to_owned(),
                    };
                    return self.send(Message::FileRefused(refused));
                }
                let mut client = self.client.clone();
                let data = Bytes::from_static(b"content");
                let total_bytes = data.len() as u64;
                let chunk = FileChunk { request: read.request, total_bytes, data };
                tokio::spawn(async move {
                    let _ = client.send_file(tokio_stream::iter([chunk])).await;
                });
            }
            FromManager::ReadFile(read) => {
                let mut client = self.client.clone();
                tokio::spawn(async move {
                    let chunk = |text: String| FileChunk {
                        request: read.request,
                        total_bytes: 1000,
                        data: text.into(),
                    };
                    let chunks = [chunk(format!("{}: ", read.name)), chunk("content".to_owned())];
                    let _ = client.send_file(tokio_stream::iter(chunks)).await;
                });
            }
            FromManager::ListFiles(list) => {
                let file = proto::LogFile { name: "tm.log".to_owned(), size_bytes: 7, modified: 1 };
                let files = vec![file];
                self.send(Message::FileList(proto::FileList { request: list.request, files }));
            }
            _ => {}
        }
    }

    fn start_worker(&self, start: proto::StartWorker) {
        if self.behaviour.starts_no_workers {
            return;
        }
        if self.behaviour.workers_end_at_once {
            let cause = FailureCause::new(Fault::User, "WorkerEnded", "exit code 3");
            let (job_id, worker) = (start.job_id, start.worker);
            let ended = proto::WorkerEnded { job_id, worker, cause: Some(cause.into()) };
            return self.send(Message::WorkerEnded(ended));
        }
        let (job_id, worker) = (start.job_id.clone(), start.worker.clone());
        self.state.lock().workers.insert(job_id.clone(), worker.clone());
        let data_address = "localhost:1".to_owned();
        let started = proto::WorkerStarted { job_id, worker, data_address, pid: 1 };
        self.send(Message::WorkerStarted(started));
    }

    fn deploy(&self, deploy: proto::Deploy) {
        let job = job_id(&deploy.job_id);
        for task in deploy.tasks.unwrap().tasks {
            let attempt: ExecutionAttemptId = task.attempt.unwrap().try_into().unwrap();
            self.state.lock().running.insert(attempt, job);
            self.send(report(job, attempt, ExecutionState::Initializing, None));
            self.send(report(job, attempt, ExecutionState::Running, None));
            if self.behaviour.reads_splits {
                self.request_split(job, attempt);
            }
        }
    }

    /// All tasks of the job that run here acknowledge at once: each slot has one that is triggered.
    fn acknowledge(&self, trigger: proto::TaskCheckpointTrigger) {
        let job = job_id(&trigger.job_id);
        let (_, barrier) = trigger.trigger.unwrap().read().unwrap();
        let ends = barrier.kind.ending().is_some();
        if self.state.lock().checkpoints.insert((job, barrier.id.0), ends).is_some() {
            return;
        }
        let running = self.state.lock().running.clone();
        for (attempt, _) in running.into_iter().filter(|(_, of)| *of == job) {
            let news = TaskCheckpointNews::Acknowledged {
                checkpoint: barrier.id,
                state: SubtaskState::default().encode().into(),
                metrics: TaskCheckpointMetrics {
                    sync_ms: 1,
                    async_ms: 2,
                    written_bytes: 3,
                    ..TaskCheckpointMetrics::default()
                },
            };
            let report = Some(proto::CheckpointReport::new(attempt, news));
            let job_id = trigger.job_id.clone();
            self.send(Message::Checkpoint(proto::TaskCheckpointReport { job_id, report }));
        }
    }

    fn end_with(&self, notice: proto::TaskCheckpointNotice) {
        let job = job_id(&notice.job_id);
        let notice = notice.notice.unwrap();
        if self.state.lock().checkpoints.get(&(job, notice.checkpoint)) != Some(&true) {
            return;
        }
        for attempt in notice.attempts {
            let attempt: ExecutionAttemptId = attempt.try_into().unwrap();
            if self.state.lock().running.remove(&attempt).is_some() {
                self.send(report(job, attempt, ExecutionState::Finished, None));
            }
        }
    }

    fn request_split(&self, job: JobId, reader: ExecutionAttemptId) {
        let job_id = Bytes::copy_from_slice(&job.to_bytes());
        let reader = Some(reader.into());
        self.send(Message::SplitRequest(proto::SplitRequest { job_id, reader }));
    }

    fn on_source_event(&self, event: proto::ReaderEvent) {
        let job = job_id(&event.job_id);
        let reader: ExecutionAttemptId = event.reader.unwrap().try_into().unwrap();
        if !self.state.lock().running.contains_key(&reader) {
            return;
        }
        match event.event.unwrap().event.unwrap() {
            proto::source_event::Event::AddSplit(split) => {
                self.state.lock().splits.push(split);
                self.request_split(job, reader);
            }
            proto::source_event::Event::NoMoreSplits(_) => {
                self.state.lock().running.remove(&reader);
                self.send(report(job, reader, ExecutionState::Finished, None));
            }
        }
    }
}

pub fn job_id(bytes: &[u8]) -> JobId {
    JobId::from_bytes(bytes.try_into().unwrap())
}

/// Fetches a package as a TaskManager does.
pub async fn fetch(
    client: &mut JobManagerClient<Channel>,
    sha256: Bytes,
) -> Result<Vec<u8>, Status> {
    let mut chunks = client.fetch_blob(FetchBlobRequest { sha256 }).await?.into_inner();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.message().await? {
        bytes.extend_from_slice(&chunk.data);
    }
    Ok(bytes)
}

//! The JobManager that the tests play.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use sciurus_package::Sha256Digest;
use sciurus_rpc::PROTOCOL_VERSION;
use sciurus_rpc::proto;
use sciurus_rpc::proto::job_manager_message::Message as FromJobManager;
use sciurus_rpc::proto::job_manager_server::{self, JobManagerServer};
use sciurus_rpc::proto::task_manager_message::Message as ToJobManager;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

/// How long anything that is expected may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How a TaskManager that registers is answered.
#[derive(Clone)]
pub enum Answer {
    Accept {
        leader: [u8; 16],
    },
    Reject {
        reason: String,
        retriable: bool,
    },
    /// Something that is no answer.
    Heartbeat,
    OtherProtocol,
}

pub struct State {
    pub answer: Mutex<Answer>,
    pub heartbeat_ms: Mutex<(u32, u32)>,
    pub packages: Mutex<HashMap<Sha256Digest, Vec<u8>>>,
    /// How many transfers there were, and how many of the next ones arrive damaged.
    pub fetched: AtomicUsize,
    pub damaged: AtomicUsize,
    pub registered: AtomicUsize,
    /// Whoever holds it keeps those who register waiting for their answer.
    pub answering: tokio::sync::Mutex<()>,
    files: Mutex<HashMap<u64, (u64, Vec<u8>)>>,
}

/// A JobManager that listens.
pub struct FakeJobManager {
    pub port: u16,
    pub state: Arc<State>,
    sessions: mpsc::Receiver<FakeSession>,
    server: JoinHandle<()>,
}

/// A TaskManager's session.
pub struct FakeSession {
    pub register: proto::Register,
    pub leader: [u8; 16],
    messages: Streaming<proto::TaskManagerMessage>,
    outbox: mpsc::Sender<Result<proto::JobManagerMessage, Status>>,
    /// What came while something else was waited for.
    kept: Vec<ToJobManager>,
}

struct Service {
    state: Arc<State>,
    sessions: mpsc::Sender<FakeSession>,
}

impl FakeJobManager {
    pub async fn start() -> Self {
        Self::start_on(0).await
    }

    pub async fn start_on(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            answer: Mutex::new(Answer::Accept { leader: [9; 16] }),
            heartbeat_ms: Mutex::new((200, 60_000)),
            packages: Mutex::default(),
            fetched: AtomicUsize::new(0),
            damaged: AtomicUsize::new(0),
            registered: AtomicUsize::new(0),
            answering: tokio::sync::Mutex::default(),
            files: Mutex::default(),
        });
        let (sender, sessions) = mpsc::channel(16);
        let service = Service { state: Arc::clone(&state), sessions: sender };
        let server = Server::builder()
            .serve_with_incoming(JobManagerServer::new(service), TcpListenerStream::new(listener));
        let server = tokio::spawn(async move { server.await.unwrap() });
        Self { port, state, sessions, server }
    }

    /// Waits for a TaskManager that registers.
    pub async fn session(&mut self) -> FakeSession {
        timeout(PATIENCE, self.sessions.recv()).await.unwrap().unwrap()
    }

    /// Waits until the file that was asked for has come.
    pub async fn file(&self, request: u64) -> (u64, Vec<u8>) {
        let found = async {
            loop {
                if let Some(file) = self.state.files.lock().remove(&request) {
                    return file;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, found).await.unwrap()
    }

    /// Is gone at once, with all its connections.
    pub async fn die(self) -> u16 {
        self.server.abort();
        let _ = self.server.await;
        self.port
    }
}

impl FakeSession {
    pub async fn send(&self, message: FromJobManager) {
        self.send_as(&self.leader, message).await;
    }

    pub async fn send_as(&self, leader: &[u8], message: FromJobManager) {
        let leader = Bytes::copy_from_slice(leader);
        let message = proto::JobManagerMessage { leader, message: Some(message) };
        self.outbox.send(Ok(message)).await.unwrap();
    }

    /// Waits for a message that `wanted` makes something of; others are kept for later.
    pub async fn expect<T>(&mut self, mut wanted: impl FnMut(&ToJobManager) -> Option<T>) -> T {
        if let Some((position, found)) =
            self.kept.iter().enumerate().find_map(|(at, message)| Some((at, wanted(message)?)))
        {
            self.kept.remove(position);
            return found;
        }
        let found = async {
            loop {
                let message = self.messages.message().await.unwrap();
                let Some(message) = message else { panic!("the session has ended") };
                assert_eq!(message.leader[..], self.leader);
                let message = message.message.unwrap();
                if let Some(found) = wanted(&message) {
                    return found;
                }
                self.kept.push(message);
            }
        };
        if let Ok(found) = timeout(PATIENCE, found).await {
            return found;
        }
        panic!("it didn't come; instead: {:?}", self.kept)
    }

    /// Waits until the session has ended.
    pub async fn ended(&mut self) {
        let ended = async { while let Ok(Some(_)) = self.messages.message().await {} };
        timeout(PATIENCE, ended).await.unwrap();
    }

    pub async fn worker_started(&mut self, job: u8) -> proto::WorkerStarted {
        self.expect(|message| match message {
            ToJobManager::WorkerStarted(started) if started.job_id[..] == [job; 16] => {
                Some(started.clone())
            }
            ToJobManager::WorkerEnded(ended) if ended.job_id[..] == [job; 16] => {
                panic!("{ended:?}")
            }
            _ => None,
        })
        .await
    }

    pub async fn worker_ended(&mut self, job: u8) -> (Bytes, proto::FailureCause) {
        self.expect(|message| match message {
            ToJobManager::WorkerEnded(ended) if ended.job_id[..] == [job; 16] => {
                Some((ended.worker.clone(), ended.cause.clone().unwrap()))
            }
            _ => None,
        })
        .await
    }

    pub async fn task(&mut self, job: u8, state: proto::ExecutionState) -> proto::TaskReport {
        self.expect(|message| match message {
            ToJobManager::Task(report)
                if report.job_id[..] == [job; 16]
                    && report.change.as_ref().unwrap().state == i32::from(state) =>
            {
                Some(report.clone())
            }
            _ => None,
        })
        .await
    }

    pub fn has_kept(&self, wanted: impl Fn(&ToJobManager) -> bool) -> bool {
        self.kept.iter().any(wanted)
    }
}

#[tonic::async_trait]
impl job_manager_server::JobManager for Service {
    type ConnectStream = ReceiverStream<Result<proto::JobManagerMessage, Status>>;
    type FetchBlobStream = ReceiverStream<Result<proto::BlobChunk, Status>>;

    async fn connect(
        &self,
        request: Request<Streaming<proto::TaskManagerMessage>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        let mut messages = request.into_inner();
        let first = messages.message().await?.unwrap();
        let Some(ToJobManager::Register(register)) = first.message else { panic!("{first:?}") };
        assert!(first.leader.is_empty());
        self.state.registered.fetch_add(1, Ordering::Relaxed);
        let _answering = self.state.answering.lock().await;
        let (outbox, stream) = mpsc::channel(64);
        let answer = self.state.answer.lock().clone();
        let (heartbeat_interval_ms, heartbeat_timeout_ms) = *self.state.heartbeat_ms.lock();
        let registered = |protocol| {
            FromJobManager::Registered(proto::Registered {
                protocol,
                version: "test".to_owned(),
                heartbeat_interval_ms,
                heartbeat_timeout_ms,
            })
        };
        let (leader, message) = match answer {
            Answer::Accept { leader } => (leader, registered(PROTOCOL_VERSION)),
            Answer::OtherProtocol => ([0; 16], registered(PROTOCOL_VERSION + 1)),
            Answer::Heartbeat => ([0; 16], FromJobManager::Heartbeat(proto::Heartbeat {})),
            Answer::Reject { reason, retriable } => {
                ([0; 16], FromJobManager::Rejected(proto::Rejected { reason, retriable }))
            }
        };
        let accepted = matches!(self.state.answer.lock().clone(), Answer::Accept { .. });
        let message = proto::JobManagerMessage {
            leader: Bytes::copy_from_slice(&leader),
            message: Some(message),
        };
        outbox.send(Ok(message)).await.unwrap();
        if accepted {
            let session = FakeSession { register, leader, messages, outbox, kept: Vec::new() };
            let _ = self.sessions.send(session).await;
        }
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn fetch_blob(
        &self,
        request: Request<proto::FetchBlobRequest>,
    ) -> Result<Response<Self::FetchBlobStream>, Status> {
        self.state.fetched.fetch_add(1, Ordering::Relaxed);
        let sha256 = Sha256Digest(request.into_inner().sha256[..].try_into().unwrap());
        let Some(mut bytes) = self.state.packages.lock().get(&sha256).cloned() else {
            return Err(Status::not_found("there is no such package"));
        };
        let less = |left: usize| left.checked_sub(1);
        let damaged = &self.state.damaged;
        if damaged.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok() {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        let (sender, chunks) = mpsc::channel(4);
        tokio::spawn(async move {
            for chunk in bytes.chunks(256 << 10) {
                let data = Bytes::copy_from_slice(chunk);
                if sender.send(Ok(proto::BlobChunk { data })).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(chunks)))
    }

    async fn send_file(
        &self,
        request: Request<Streaming<proto::FileChunk>>,
    ) -> Result<Response<proto::SendFileResponse>, Status> {
        let mut chunks = request.into_inner();
        let mut found = None;
        let mut bytes = Vec::new();
        while let Some(chunk) = chunks.message().await? {
            found.get_or_insert((chunk.request, chunk.total_bytes));
            bytes.extend_from_slice(&chunk.data);
        }
        if let Some((request, total)) = found {
            self.state.files.lock().insert(request, (total, bytes));
        }
        Ok(Response::new(proto::SendFileResponse {}))
    }
}

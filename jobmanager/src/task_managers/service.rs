//! What TaskManagers call.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use sciurus_package::Sha256Digest;
use sciurus_rpc::convert::fixed;
use sciurus_rpc::proto::job_manager_message::Message as ToTaskManager;
use sciurus_rpc::proto::job_manager_server::JobManager;
use sciurus_rpc::proto::task_manager_message::Message;
use sciurus_rpc::proto::{
    BlobChunk, FetchBlobRequest, FileChunk, Rejected, SendFileResponse, TaskManagerMessage,
};
use tokio::time::timeout;
use tokio_stream::{Stream, StreamExt};
use tokio_util::io::ReaderStream;
use tokio_util::task::TaskTracker;
use tonic::{Request, Response, Status, Streaming};

use super::info::{Registration, RegistrationError};
use super::outbound::{Outbound, OutboundStream};
use super::{TaskManagers, message_of};
use crate::blobs::BlobStore;

/// How long a TaskManager may take to register once it is connected.
const REGISTRATION_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of a package is sent at once.
const CHUNK_BYTES: usize = 256 << 10;

/// Answers TaskManagers.
pub(crate) struct JobManagerService {
    task_managers: TaskManagers,
    blobs: Arc<BlobStore>,
    /// Where sessions run.
    tasks: TaskTracker,
}

impl JobManagerService {
    pub(crate) fn new(
        task_managers: TaskManagers,
        blobs: Arc<BlobStore>,
        tasks: TaskTracker,
    ) -> Self {
        Self { task_managers, blobs, tasks }
    }
}

#[tonic::async_trait]
impl JobManager for JobManagerService {
    type ConnectStream = OutboundStream;

    async fn connect(
        &self,
        request: Request<Streaming<TaskManagerMessage>>,
    ) -> Result<Response<OutboundStream>, Status> {
        let peer = request.remote_addr();
        let mut messages = request.into_inner();
        let (outbound, stream) = Outbound::new();
        let task_managers = self.task_managers.clone();
        self.tasks.spawn(async move {
            match first_message(&mut messages).await {
                Ok(registration) => {
                    let session = task_managers.register(registration, peer, outbound);
                    task_managers.hear(&session, messages).await;
                }
                Err(Some(error)) => {
                    tracing::warn!("a TaskManager ({peer:?}) is turned away: {error}");
                    let rejected = Rejected { reason: error.to_string(), retriable: false };
                    let message =
                        message_of(task_managers.leader(), ToTaskManager::Rejected(rejected));
                    // The queue is empty.
                    let _ = outbound.send(message);
                }
                Err(None) => {}
            }
        });
        Ok(Response::new(stream))
    }

    type FetchBlobStream = Pin<Box<dyn Stream<Item = Result<BlobChunk, Status>> + Send>>;

    async fn fetch_blob(
        &self,
        request: Request<FetchBlobRequest>,
    ) -> Result<Response<Self::FetchBlobStream>, Status> {
        let sha256 = fixed(&request.into_inner().sha256, "hash")
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        let digest = Sha256Digest(sha256);
        let blob = self.blobs.get(digest);
        let blob =
            blob.ok_or_else(|| Status::not_found(format!("there is no package {digest}")))?;
        let file = tokio::fs::File::open(blob.path()).await;
        let file = file.map_err(|error| {
            Status::internal(format!("can't read the package {digest}: {error}"))
        })?;
        let chunks = ReaderStream::with_capacity(file, CHUNK_BYTES).map(move |chunk| {
            // The package stays as long as somebody reads it.
            let _ = &blob;
            match chunk {
                Ok(data) => Ok(BlobChunk { data }),
                Err(error) => Err(Status::internal(error.to_string())),
            }
        });
        Ok(Response::new(Box::pin(chunks)))
    }

    async fn send_file(
        &self,
        request: Request<Streaming<FileChunk>>,
    ) -> Result<Response<SendFileResponse>, Status> {
        self.task_managers.0.requests.on_file(request.into_inner()).await?;
        Ok(Response::new(SendFileResponse {}))
    }
}

/// Waits for the registration; there is nobody to be told why where the connection is gone.
async fn first_message(
    messages: &mut Streaming<TaskManagerMessage>,
) -> Result<Registration, Option<RegistrationError>> {
    let invalid = |reason: String| RegistrationError::Invalid { what: "first message", reason };
    let first = timeout(REGISTRATION_TIMEOUT, messages.next()).await.map_err(|_| {
        let waited = format!("none has come within {REGISTRATION_TIMEOUT:?}");
        Some(invalid(waited))
    })?;
    match first {
        Some(Ok(TaskManagerMessage { message: Some(Message::Register(register)), .. })) => {
            Ok(register.try_into()?)
        }
        Some(Ok(_)) => Err(Some(invalid("it is no registration".to_owned()))),
        Some(Err(error)) => Err(Some(invalid(error.message().to_owned()))),
        None => Err(None),
    }
}

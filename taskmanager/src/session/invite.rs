//! The TaskManager's own service: a JobManager asks it to register.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sciurus_core::config::Ports;
use sciurus_core::ids::LeaderId;
use sciurus_rpc::proto::task_manager_server::{self, TaskManagerServer};
use sciurus_rpc::{convert, proto};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::{Request, Response, Status};
use tracing::warn;

use crate::error::StartError;

/// How many invitations may wait; any later one says the same.
const INVITATIONS_IN_FLIGHT: usize = 4;

/// The longest invitation, in bytes.
const MAX_MESSAGE_BYTES: usize = 4096;

/// How long a connection may last: an invitation takes milliseconds.
const MAX_CONNECTION_AGE: Duration = Duration::from_secs(60);

/// The invitations that come in, and with whom the TaskManager is registered.
pub(crate) struct Invitations {
    /// Where those are that have invited it, as host:port.
    pub(crate) addresses: mpsc::Receiver<String>,
    leader: Arc<Mutex<Option<LeaderId>>>,
}

impl Invitations {
    /// Says with whom the TaskManager is registered now.
    pub(crate) fn set_leader(&self, leader: Option<LeaderId>) {
        *self.leader.lock() = leader;
    }
}

struct Service {
    addresses: mpsc::Sender<String>,
    leader: Arc<Mutex<Option<LeaderId>>>,
}

#[tonic::async_trait]
impl task_manager_server::TaskManager for Service {
    async fn invite(
        &self,
        request: Request<proto::Invitation>,
    ) -> Result<Response<proto::InvitationResponse>, Status> {
        let proto::Invitation { job_manager, leader } = request.into_inner();
        let leader = convert::id(&leader, "leader id", LeaderId::from_bytes)
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        if job_manager
            .rsplit_once(':')
            .is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err())
        {
            return Err(Status::invalid_argument("the JobManager's address is no host:port"));
        }
        match *self.leader.lock() {
            Some(found) if found == leader => {}
            Some(found) => {
                let text = format!("the TaskManager is registered with another leader, {found}");
                return Err(Status::failed_precondition(text));
            }
            // If it is full others wait already, and the JobManager will ask again.
            None => drop(self.addresses.try_send(job_manager)),
        }
        Ok(Response::new(proto::InvitationResponse {}))
    }
}

/// Listens for invitations on the first of the ports that is free, until it is stopped. Returns the
/// port, too.
pub(crate) async fn serve_invitations(
    host: &str,
    ports: &Ports,
    stop: CancellationToken,
) -> Result<(Invitations, u16), StartError> {
    let mut failure = io::Error::new(io::ErrorKind::InvalidInput, "there is no port");
    let mut listener = None;
    for port in ports.iter() {
        match TcpListener::bind((host, port)).await {
            Ok(found) => {
                listener = Some(found);
                break;
            }
            Err(error) => failure = error,
        }
    }
    let failed =
        |source| StartError::Listen { host: host.to_owned(), ports: ports.to_string(), source };
    let Some(listener) = listener else { return Err(failed(failure)) };
    let port = listener.local_addr().map_err(failed)?.port();
    let (addresses, receiver) = mpsc::channel(INVITATIONS_IN_FLIGHT);
    let leader = Arc::default();
    let service = Service { addresses, leader: Arc::clone(&leader) };
    let service = TaskManagerServer::new(service).max_decoding_message_size(MAX_MESSAGE_BYTES);
    let server = Server::builder()
        .timeout(Duration::from_secs(5))
        .max_concurrent_streams(8)
        .max_connection_age(MAX_CONNECTION_AGE)
        .serve_with_incoming(service, TcpListenerStream::new(listener));
    // Owned by the TaskManager: it ends with the token.
    tokio::spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            result = server => {
                if let Err(error) = result {
                    warn!(%error, "JobManagers can't invite this TaskManager any more");
                }
            }
        }
    });
    Ok((Invitations { addresses: receiver, leader }, port))
}

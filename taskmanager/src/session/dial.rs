//! Reaching a JobManager by name, and registering with it.

use std::fmt::Write;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use bytes::Bytes;
use sciurus_core::ids::LeaderId;
use sciurus_rpc::proto::job_manager_client::JobManagerClient;
use sciurus_rpc::proto::{self, job_manager_message, task_manager_message};
use sciurus_rpc::{PROTOCOL_VERSION, convert, framing};
use tokio::net::lookup_host;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};

use super::Session;

/// How long a name may take to be resolved, and a connection to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the JobManager may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How many messages may wait for the network.
const MESSAGES_IN_FLIGHT: usize = 64;

/// The least time between two heartbeats, and without any before the other side counts as lost.
const LEAST_INTERVAL: Duration = Duration::from_millis(10);

/// What a TaskManager says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Registration {
    pub(crate) id: String,
    /// `None`: the address from which the JobManager is reached.
    pub(crate) host: Option<String>,
    pub(crate) rpc_port: u16,
    pub(crate) slots: u32,
    pub(crate) platform: String,
    pub(crate) hardware: proto::Hardware,
    pub(crate) memory: proto::MemoryConfiguration,
}

/// Says why there is no session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DialError {
    #[error("can't reach the JobManager at {address}: {reason}")]
    Unreachable { address: String, reason: String },
    #[error("the JobManager at {address} doesn't answer as one: {reason}")]
    Answer { address: String, reason: String },
    #[error("{reason}")]
    Rejected { reason: String, retriable: bool },
}

/// A JobManager that is reached and knows nothing of the TaskManager yet.
pub(crate) struct Reached {
    address: String,
    channel: Channel,
    /// The host under which workers are found.
    host: String,
}

/// Reaches the JobManager at `host:port`, looking the name up anew. The TaskManager calls itself
/// `host`, or else by the address from which it reaches it.
pub(crate) async fn reach(address: &str, host: Option<&str>) -> Result<Reached, DialError> {
    let unreachable = |reason: String| {
        let address = address.to_owned();
        DialError::Unreachable { address, reason }
    };
    let found = match timeout(CONNECT_TIMEOUT, lookup_host(address)).await {
        Ok(Ok(found)) => found.collect::<Vec<_>>(),
        Ok(Err(error)) => return Err(unreachable(error.to_string())),
        Err(_) => return Err(unreachable("its name takes too long to be resolved".to_owned())),
    };
    let mut reasons = String::new();
    for found in found {
        match connect(found).await {
            Ok(channel) => {
                let host = match host {
                    Some(host) => host.to_owned(),
                    None => local_address(found)
                        .map_err(|error| unreachable(error.to_string()))?
                        .to_string(),
                };
                return Ok(Reached { address: address.to_owned(), channel, host });
            }
            Err(reason) => {
                let separator = if reasons.is_empty() { "" } else { "; " };
                // Writing to a String can't fail.
                let _ = write!(reasons, "{separator}{found}: {reason}");
            }
        }
    }
    if reasons.is_empty() {
        reasons.push_str("the name has no address");
    }
    Err(unreachable(reasons))
}

async fn connect(address: SocketAddr) -> Result<Channel, String> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))
        .map_err(|error| error.to_string())?
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .buffer_size(MESSAGES_IN_FLIGHT);
    match timeout(CONNECT_TIMEOUT, endpoint.connect()).await {
        Ok(Ok(channel)) => Ok(channel),
        Ok(Err(error)) => Err(innermost(&error)),
        Err(_) => Err("no answer".to_owned()),
    }
}

/// The cause at the bottom: what is above it only says that there is one.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// Returns the address of this machine that others see when it reaches `to`. Nothing is sent.
fn local_address(to: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = match to {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(to)?;
    Ok(socket.local_addr()?.ip())
}

impl Reached {
    /// Registers. Once this is polled the JobManager may have taken the TaskManager and run a job
    /// there: whoever gives this up fails that job.
    pub(crate) async fn register(self, registration: &Registration) -> Result<Session, DialError> {
        let Self { address, channel, host } = self;
        let answer = |reason: String| DialError::Answer { address: address.clone(), reason };
        let status = |status: tonic::Status| answer(status.message().to_owned());
        let silent = |_| answer(format!("no answer for {} s", ANSWER_TIMEOUT.as_secs()));

        let mut client = JobManagerClient::new(channel)
            .max_decoding_message_size(framing::MAX_MESSAGE_BYTES)
            .max_encoding_message_size(framing::MAX_MESSAGE_BYTES);
        let (outbox, outgoing) = mpsc::channel(MESSAGES_IN_FLIGHT);
        let message = task_manager_message::Message::Register(proto::Register {
            protocol: PROTOCOL_VERSION,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            task_manager: registration.id.clone(),
            session: Bytes::copy_from_slice(&fastrand::u128(..).to_be_bytes()),
            host: host.clone(),
            rpc_port: registration.rpc_port.into(),
            slots: registration.slots,
            platform: registration.platform.clone(),
            hardware: Some(registration.hardware),
            memory: Some(registration.memory),
        });
        let message = proto::TaskManagerMessage { leader: Bytes::new(), message: Some(message) };
        outbox.try_send(message).map_err(|error| answer(error.to_string()))?;

        let stream = ReceiverStream::new(outgoing);
        let response = timeout(ANSWER_TIMEOUT, client.connect(stream)).await.map_err(silent)?;
        let mut inbound = response.map_err(status)?.into_inner();
        let first = timeout(ANSWER_TIMEOUT, inbound.message()).await.map_err(silent)?;
        let first =
            first.map_err(status)?.ok_or_else(|| answer("it closed the session".to_owned()))?;
        let registered = match first.message {
            Some(job_manager_message::Message::Registered(registered)) => registered,
            Some(job_manager_message::Message::Rejected(rejected)) => {
                let proto::Rejected { reason, retriable } = rejected;
                return Err(DialError::Rejected { reason, retriable });
            }
            _ => return Err(answer("its first message is none that registers".to_owned())),
        };
        if registered.protocol != PROTOCOL_VERSION {
            return Err(answer(format!(
                "it is of version {} and speaks protocol {}, this is version {} with protocol {}",
                registered.version,
                registered.protocol,
                env!("CARGO_PKG_VERSION"),
                PROTOCOL_VERSION
            )));
        }
        let leader = convert::id(&first.leader, "leader id", LeaderId::from_bytes)
            .map_err(|error| answer(error.to_string()))?;
        let interval = |ms: u32| Duration::from_millis(ms.into()).max(LEAST_INTERVAL);
        Ok(Session {
            client,
            inbound,
            outbox,
            leader,
            host,
            heartbeat_interval: interval(registered.heartbeat_interval_ms),
            heartbeat_timeout: interval(registered.heartbeat_timeout_ms),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_nobody_answers_at_is_named_with_the_reason() {
        let Err(error) = reach("127.0.0.1:1", None).await else { panic!("reached") };
        let error = error.to_string();
        assert!(error.contains("127.0.0.1:1") && error.contains("refused"), "{error}");
        let Err(error) = reach("no port", None).await else { panic!("reached") };
        assert!(matches!(error, DialError::Unreachable { .. }), "{error}");
    }

    #[test]
    fn the_way_to_this_machine_leads_over_loopback() {
        let address = local_address(([127, 0, 0, 1], 80).into()).unwrap();
        assert_eq!(address, IpAddr::from([127, 0, 0, 1]));
    }
}

//! The exchange between the workers of a job: channels to and from tasks of other processes.
//!
//! Each pair of workers shares one TCP connection, which carries all channels between them, both
//! ways, in frames ([`frame`]). Batches are Arrow columns, some of them packed ([`codec`]). Tasks
//! write what the kernel takes at once, a thread ([`writer`]) the rest; one reads ([`reader`]).
//!
//! - **Order, once.** Frames are numbered and kept until the other side has acknowledged them
//!   ([`outbox`]). A connection that breaks is made anew by the worker with the smaller id
//!   ([`handshake`], [`dial`]); both go on behind the last frame that has arrived. Where that doesn't
//!   succeed in time, or nobody listens at the peer's address any more, the peer is lost and all
//!   channels with it fail with [`TaskError::WorkerGone`](crate::TaskError::WorkerGone).
//! - **Credit.** Each channel has its own, in bytes. The reading thread never waits for a consumer,
//!   so nobody holds another back; watermarks and what else controls need no credit. The consumer's
//!   gate gives credit back as it takes batches.
//! - **Memory.** What a channel holds at both ends together is below its limit plus one batch: a
//!   frame that is kept for its acknowledgement is one whose credit isn't back yet, because the frame
//!   that brings credit acknowledges, too. Beyond that there are control frames (tens of bytes, and
//!   acknowledged every 64), what a connection's buffers in the kernel hold, and 64 KiB for reading.
//! - **Deployment.** The two ends of a channel find each other by its name ([`ChannelId`]). What
//!   comes before its consumer is registered waits, within the channel's credit and for a limited
//!   time; where that attempt of the consumer is gone, its producer is told ([`inbound`]).

mod accept;
mod barrier;
mod channel;
mod chunk;
pub mod codec;
mod columns;
mod context;
mod dial;
mod error;
mod frame;
mod handshake;
mod inbound;
mod link;
mod options;
mod outbox;
mod reader;
mod remote;
mod writer;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub use channel::{ChannelEnd, ChannelId, Peer};
pub use error::NetworkError;
pub use options::{Compression, NetworkOptions};
pub use remote::RemoteChannel;

use super::credit::Credit;
use super::gate::InputGate;
use crate::notify::Notifier;
use context::Context;
use inbound::InputState;
use remote::RemoteInput;

/// The longest that closing waits for threads that are in the midst of connecting.
const CLOSING_TIMEOUT: Duration = Duration::from_secs(2);

/// A worker's part of its job's network: the channels to and from tasks of other workers.
///
/// Dropping it closes all connections.
pub struct Network {
    context: Arc<Context>,
    listens_at: SocketAddr,
}

/// What a network counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NetworkMetrics {
    /// Bytes written to other workers.
    pub bytes_sent: u64,
    /// Bytes read from other workers.
    pub bytes_received: u64,
    /// Frames written: batches, watermarks, credits and what else goes over a connection.
    pub frames_sent: u64,
    /// Frames read.
    pub frames_received: u64,
    /// How often a broken connection was made anew.
    pub reconnects: u64,
    /// Connections that are there now.
    pub connections: u64,
}

impl Network {
    /// Begins to listen for other workers.
    ///
    /// # Errors
    /// Where no port can be listened at or no thread started.
    pub fn bind(options: NetworkOptions) -> Result<Self, NetworkError> {
        let (listener, listens_at) = listen(&options)?;
        let address = address_of(&options.host, options.advertised(listens_at.port())).into();
        let context = Arc::new(Context::new(options, address));
        let listening = context.clone();
        context
            .threads
            .spawn("exchange-listen", move || accept::listen(&listening, &listener))
            .map_err(NetworkError::Thread)?;
        Ok(Self { context, listens_at })
    }

    /// Returns where other workers find this one: host:port.
    pub fn address(&self) -> &Arc<str> {
        &self.context.address
    }

    /// Adds to `gate` a channel from a task of `peer`. What goes wrong with it is told by
    /// [`InputGate::poll`]; dropping the gate closes the channel.
    pub fn receive(&self, channel: ChannelId, peer: &Peer, gate: &mut InputGate) {
        let link = self.context.link(peer);
        gate.add_remote(|sink| {
            let state = Arc::new(InputState::default());
            link.open_input(channel, sink, state.clone());
            Box::new(RemoteInput { link, id: channel, state })
        });
    }

    /// Opens a channel to a task of `peer`, in which so many bytes may be under way. `producer` is
    /// woken when there is credit again; what goes wrong is told when the task sends.
    pub fn send(
        &self,
        channel: ChannelId,
        peer: &Peer,
        producer: Notifier,
        limit: usize,
    ) -> RemoteChannel {
        let link = self.context.link(peer);
        RemoteChannel::open(link, channel, Credit::new(limit, producer))
    }

    /// Returns what was counted so far.
    pub fn metrics(&self) -> NetworkMetrics {
        self.context.metrics()
    }

    /// Closes all connections and ends all threads; channels that are still open fail.
    pub fn shutdown(&self) {
        if self.context.is_closing.swap(true, Ordering::AcqRel) {
            return;
        }
        self.context.close();
        // Who accepts connections notices the end with the next one.
        let _ = TcpStream::connect_timeout(&reachable(self.listens_at), CLOSING_TIMEOUT);
        let running = self.context.threads.wait(CLOSING_TIMEOUT);
        if running > 0 {
            tracing::warn!("{running} threads of the exchange between workers still run");
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.shutdown();
    }
}

fn listen(options: &NetworkOptions) -> Result<(TcpListener, SocketAddr), NetworkError> {
    let mut last = io::Error::other("no port to try");
    for port in options.ports.iter() {
        let bound = TcpListener::bind((options.bind_host.as_str(), port));
        match bound.and_then(|listener| listener.local_addr().map(|address| (listener, address))) {
            Ok(bound) => return Ok(bound),
            Err(error) => last = error,
        }
    }
    let (host, ports) = (options.bind_host.clone(), options.ports.to_string());
    Err(NetworkError::Bind { host, ports, error: last })
}

fn address_of(host: &str, port: u16) -> String {
    if host.parse::<Ipv6Addr>().is_ok() {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// Returns an address at which this host reaches a listener.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

//! The exchange between the workers of a job.

#![allow(dead_code, reason = "connections follow")]

mod channel;
pub mod codec;
mod error;
mod options;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use sciurus_core::element::StreamElement;

pub use channel::{ChannelEnd, ChannelId, Peer};
pub use error::NetworkError;
pub use options::{Compression, NetworkOptions};

use super::credit::Credit;
use super::gate::{ChannelSender, InputGate, Payload, RemoteProducer, RemoteSink};
use crate::error::{TaskError, TaskResult};
use crate::notify::Notifier;

/// A worker's part of its job's network: the channels to and from tasks of other workers.
///
/// Dropping it closes all connections.
pub struct Network {
    address: Arc<str>,
    _listener: TcpListener,
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
        let mut last = std::io::Error::other("no port to try");
        for port in options.ports.iter() {
            match TcpListener::bind((options.bind_host.as_str(), port)) {
                Ok(listener) => {
                    let port = listener.local_addr().as_ref().map_or(port, SocketAddr::port);
                    let address = format!("{}:{port}", options.host).into();
                    return Ok(Self { address, _listener: listener });
                }
                Err(error) => last = error,
            }
        }
        let (host, ports) = (options.bind_host, options.ports.to_string());
        Err(NetworkError::Bind { host, ports, error: last })
    }

    /// Returns where other workers find this one: host:port.
    pub fn address(&self) -> &Arc<str> {
        &self.address
    }

    /// Adds to `gate` a channel from a task of `peer`. What goes wrong with it is told by
    /// [`InputGate::poll`]; dropping the gate closes the channel.
    pub fn receive(&self, _channel: ChannelId, peer: &Peer, gate: &mut InputGate) {
        let error = not_connected(peer);
        gate.add_remote(|sink: RemoteSink| {
            sink.put(Payload::Lost(error), 0);
            Box::new(Unconnected)
        });
    }

    /// Opens a channel to a task of `peer`, in which so many bytes may be under way. `producer` is
    /// woken when there is credit again; what goes wrong is told when the task sends.
    pub fn send(
        &self,
        _channel: ChannelId,
        peer: &Peer,
        producer: Notifier,
        limit: usize,
    ) -> RemoteChannel {
        RemoteChannel { credit: Arc::new(Credit::new(limit, producer)), lost: not_connected(peer) }
    }

    /// Returns what was counted so far.
    pub fn metrics(&self) -> NetworkMetrics {
        NetworkMetrics::default()
    }

    /// Closes all connections and ends all threads; channels that are still open fail.
    pub fn shutdown(&self) {}
}

/// The sending end of a channel to a task of another worker; dropping it closes the channel.
pub struct RemoteChannel {
    credit: Arc<Credit>,
    lost: TaskError,
}

impl ChannelSender for RemoteChannel {
    fn send(&mut self, _element: StreamElement, _bytes: usize) -> TaskResult {
        Err(self.lost.clone())
    }

    fn has_credit(&self) -> bool {
        true
    }

    fn credit(&self) -> Option<Arc<Credit>> {
        Some(self.credit.clone())
    }
}

struct Unconnected;

impl RemoteProducer for Unconnected {
    fn give_back(&self, _bytes: usize) {}
    fn ended(&self) {}
}

fn not_connected(peer: &Peer) -> TaskError {
    TaskError::WorkerGone { address: peer.address.clone(), reason: "not connected".into() }
}

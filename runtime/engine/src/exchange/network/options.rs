//! How a worker's network is set up.

use std::time::Duration;

use arrow_ipc::CompressionType;
use sciurus_core::config::Ports;
pub use sciurus_core::config::options::sciurus::ExchangeCompression as Compression;
use sciurus_core::ids::{JobId, WorkerId};

/// What a [`Network`](super::Network) is made from.
#[derive(Debug, Clone)]
pub struct NetworkOptions {
    /// The job that the worker belongs to: others aren't spoken with.
    pub job: JobId,
    /// The worker.
    pub worker: WorkerId,
    /// The address or name of this host to listen at: "0.0.0.0" for all.
    pub bind_host: String,
    /// The ports to listen at, the first that is free.
    pub ports: Ports,
    /// The name or address under which other workers find this host.
    pub host: String,
    /// Whether batches are compressed on their way.
    pub compression: Compression,
    /// How long a connection may be broken or silent until its peer counts as lost.
    pub reconnect_timeout: Duration,
    /// How long to wait for the first connection with a peer, and how long what has arrived waits
    /// for a consumer that isn't there yet.
    pub connect_timeout: Duration,
}

impl NetworkOptions {
    /// Makes the options of a worker that is found at `host`, with the defaults: any port of all
    /// addresses, no compression, 5 s for a connection to be made anew, 30 s for the first.
    pub fn new(job: JobId, worker: WorkerId, host: impl Into<String>) -> Self {
        Self {
            job,
            worker,
            bind_host: "0.0.0.0".to_owned(),
            ports: Ports::one(0),
            host: host.into(),
            compression: Compression::None,
            reconnect_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(30),
        }
    }
}

/// Returns what Arrow calls it.
pub(super) fn of_arrow(compression: Compression) -> Option<CompressionType> {
    match compression {
        Compression::None => None,
        Compression::Lz4 => Some(CompressionType::LZ4_FRAME),
        Compression::Zstd => Some(CompressionType::ZSTD),
    }
}

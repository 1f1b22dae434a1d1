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
    /// The ports under which others find those of `ports`, one for each; the same ones where `None`.
    pub advertised_ports: Option<Ports>,
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
            advertised_ports: None,
            host: host.into(),
            compression: Compression::None,
            reconnect_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(30),
        }
    }
}

impl NetworkOptions {
    /// Returns the port under which others find the one that is listened at.
    pub(super) fn advertised(&self, port: u16) -> u16 {
        let advertised = self.advertised_ports.as_ref().and_then(|advertised| {
            let position = self.ports.iter().position(|bound| bound == port)?;
            advertised.iter().nth(position)
        });
        advertised.filter(|&port| port != 0).unwrap_or(port)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_advertised_as_the_one_at_its_place() {
        let mut options =
            NetworkOptions::new(JobId::from_bytes([1; 16]), WorkerId::from_bytes([2; 16]), "host");
        options.ports = "7000-7002".parse().unwrap();
        assert_eq!(options.advertised(7001), 7001);
        options.advertised_ports = Some("8000,8100".parse().unwrap());
        assert_eq!(options.advertised(7001), 8100);
        // Neither a port without a counterpart nor one of any has another name.
        assert_eq!(options.advertised(7002), 7002);
        options.advertised_ports = Some(Ports::one(0));
        assert_eq!(options.advertised(7000), 7000);
    }
}

//! The thread that reads the connection.

use std::io::{ErrorKind, Read};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use sciurus_engine::notify::Notifier;

use super::{Arrival, Retries, SocketError, SocketSource};

/// How many bytes are read from the connection at once.
const READ_BYTES: usize = 64 << 10;
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait before connecting again, as Flink does.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// What the reader stops the client's thread by.
#[derive(Default)]
pub(super) struct Link {
    state: Mutex<LinkState>,
    cut: Condvar,
}

#[derive(Default)]
struct LinkState {
    is_cut: bool,
    stream: Option<TcpStream>,
}

impl Link {
    pub(super) fn cut(&self) {
        let mut state = self.state.lock();
        state.is_cut = true;
        if let Some(stream) = state.stream.take() {
            // It fails where the server was quicker, which is as well.
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.cut.notify_all();
    }

    fn is_cut(&self) -> bool {
        self.state.lock().is_cut
    }

    /// Keeps the stream, so that cutting the link ends what reads it.
    fn keep(&self, stream: &TcpStream) -> std::io::Result<()> {
        let stream = stream.try_clone()?;
        let mut state = self.state.lock();
        if state.is_cut {
            return stream.shutdown(Shutdown::Both);
        }
        state.stream = Some(stream);
        Ok(())
    }

    /// Waits; returns at once where the link is cut.
    fn pause(&self, time: Duration) {
        let mut state = self.state.lock();
        if !state.is_cut {
            self.cut.wait_for(&mut state, time);
        }
    }
}

/// Reads the connection, on a thread of its own.
pub(super) struct Client {
    pub(super) source: SocketSource,
    pub(super) link: Arc<Link>,
    pub(super) arrivals: SyncSender<Arrival>,
    pub(super) notifier: Notifier,
}

impl Client {
    /// Starts the thread. It ends with the connection, or when the link is cut, which the reader
    /// does when it is closed.
    pub(super) fn start(self) -> std::io::Result<()> {
        let name = "socket-source".to_owned();
        thread::Builder::new().name(name).spawn(move || self.run())?;
        Ok(())
    }

    fn run(self) {
        let mut retries = 0;
        loop {
            let outcome = self.connect().and_then(|stream| self.read(stream, &mut retries));
            if self.link.is_cut() {
                break;
            }
            let may_retry = match self.source.retries {
                Retries::AtMost(most) => retries < most,
                Retries::Always => true,
            };
            match outcome {
                Err(error) if !may_retry => {
                    self.send(Arrival::Failed(error));
                    break;
                }
                Ok(()) if !may_retry => break,
                Err(error) => tracing::warn!("{error}; trying again"),
                Ok(()) => {
                    let SocketSource { host, port, .. } = &self.source;
                    tracing::info!("{host}:{port} closed the connection; connecting again");
                }
            }
            retries += 1;
            self.link.pause(RETRY_DELAY);
        }
        let Self { arrivals, notifier, .. } = self;
        // The task learns of the end by the queue's, and is woken when that has come.
        drop(arrivals);
        notifier.notify();
    }

    fn connect(&self) -> Result<TcpStream, SocketError> {
        let SocketSource { host, port, .. } = &self.source;
        let failed = |error| SocketError::Connect { host: host.clone(), port: *port, error };
        let mut last = std::io::Error::new(ErrorKind::NotFound, "the name has no address");
        for address in (host.as_str(), *port).to_socket_addrs().map_err(failed)? {
            match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
                Ok(stream) => {
                    self.link.keep(&stream).map_err(failed)?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(failed(last))
    }

    /// Reads until the server closes the connection; what arrives starts the retries anew.
    fn read(&self, mut stream: TcpStream, retries: &mut u32) -> Result<(), SocketError> {
        let mut bytes = vec![0; READ_BYTES];
        loop {
            match stream.read(&mut bytes) {
                Ok(0) => return Ok(()),
                Ok(read) => {
                    *retries = 0;
                    if !self.send(Arrival::Bytes(bytes[..read].to_vec())) {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    let SocketSource { host, port, .. } = &self.source;
                    return Err(SocketError::Read { host: host.clone(), port: *port, error });
                }
            }
        }
    }

    /// Hands something to the task; returns `false` where it is gone.
    fn send(&self, arrival: Arrival) -> bool {
        let sent = self.arrivals.send(arrival).is_ok();
        self.notifier.notify();
        sent
    }
}

//! Connections of TaskManagers, before they have shown that they speak HTTP/2.
//!
//! The gRPC server has no limit of its own for clients that connect and say nothing: each would keep
//! a file descriptor for ever.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tokio_stream::Stream;
use tonic::transport::server::{Connected, TcpConnectInfo};

/// What every client of HTTP/2 sends first: its preface, and a frame of settings, which may be
/// empty (RFC 9113, section 3.4).
const GREETING_BYTES: usize = 24 + 9;

/// How long the server waits after it couldn't accept a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long connections may take until they have sent their greeting, and how many of them there may
/// be that haven't.
#[derive(Clone, Copy, Debug)]
pub struct GreetingLimits {
    /// From the connection to the greeting's last byte.
    pub timeout: Duration,
    /// Others wait to be accepted.
    pub connections: usize,
}

impl Default for GreetingLimits {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(10), connections: 512 }
    }
}

/// Accepts connections for ever. One that can't be accepted, for want of file descriptors say, is
/// no end: the gRPC server would take it for one.
pub fn incoming(
    listener: TcpListener,
    limits: GreetingLimits,
) -> impl Stream<Item = io::Result<Connection>> {
    let newcomers = Arc::new(Semaphore::new(limits.connections));
    futures_util::stream::unfold((listener, newcomers), move |(listener, newcomers)| async move {
        let connection = accept(&listener, &newcomers, limits.timeout).await;
        Some((Ok(connection), (listener, newcomers)))
    })
}

async fn accept(
    listener: &TcpListener,
    newcomers: &Arc<Semaphore>,
    timeout: Duration,
) -> Connection {
    loop {
        let error = match newcomers.clone().acquire_owned().await {
            Ok(place) => match listener.accept().await {
                Ok((stream, _)) => return Connection::new(stream, timeout, place),
                Err(error) => error,
            },
            Err(closed) => io::Error::other(closed),
        };
        tracing::warn!(%error, "a connection of a TaskManager can't be accepted");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

/// A connection that ends if it doesn't begin as HTTP/2 does in time.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    greeting: Option<Greeting>,
}

/// What is still to come of a greeting.
#[derive(Debug)]
struct Greeting {
    missing_bytes: usize,
    timeout: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    fn new(stream: TcpStream, timeout: Duration, place: OwnedSemaphorePermit) -> Self {
        // Messages are small and are waited for.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection can't be told to send at once");
        }
        let timeout = Box::pin(tokio::time::sleep(timeout));
        let greeting = Greeting { missing_bytes: GREETING_BYTES, timeout, _place: place };
        Self { stream, greeting: Some(greeting) }
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let Some(greeting) = &mut self.greeting else { return polled };
        let read = buffer.filled().len() - before;
        greeting.missing_bytes = greeting.missing_bytes.saturating_sub(read);
        if greeting.missing_bytes == 0 {
            self.greeting = None;
        } else if polled.is_pending() && greeting.timeout.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        polled
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;
    use tokio_stream::StreamExt;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    async fn listener() -> (TcpListener, std::net::SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn who_says_nothing_or_not_enough_is_cut_off() {
        let (listener, address) = listener().await;
        let limits = GreetingLimits { timeout: Duration::from_millis(100), connections: 9 };
        let mut connections = pin!(incoming(listener, limits));
        for sent in [&b""[..], b"PRI * HTTP/2.0\r\n\r\n"] {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(sent).await.unwrap();
            let mut connection = connections.next().await.unwrap().unwrap();
            let mut read = Vec::new();
            let end = timeout(PATIENCE, connection.read_to_end(&mut read)).await.unwrap();
            assert_eq!(end.unwrap_err().kind(), io::ErrorKind::TimedOut);
            assert_eq!(read, sent);
        }
    }

    #[tokio::test]
    async fn who_has_greeted_may_be_silent() {
        let (listener, address) = listener().await;
        let limits = GreetingLimits { timeout: Duration::from_millis(50), connections: 9 };
        let mut connections = pin!(incoming(listener, limits));
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(&[1; GREETING_BYTES]).await.unwrap();
        let mut connection = connections.next().await.unwrap().unwrap();
        connection.read_exact(&mut [0; GREETING_BYTES]).await.unwrap();
        let mut byte = [0];
        let more = timeout(Duration::from_millis(200), connection.read_exact(&mut byte)).await;
        assert!(more.is_err(), "{more:?}");
        client.write_all(&[7]).await.unwrap();
        timeout(PATIENCE, connection.read_exact(&mut byte)).await.unwrap().unwrap();
        assert_eq!(byte, [7]);
    }

    #[tokio::test]
    async fn only_so_many_are_waited_for_at_once() {
        let (listener, address) = listener().await;
        let limits = GreetingLimits { timeout: PATIENCE, connections: 1 };
        let mut connections = pin!(incoming(listener, limits));
        let _clients = [
            TcpStream::connect(address).await.unwrap(),
            TcpStream::connect(address).await.unwrap(),
        ];
        let first = connections.next().await.unwrap().unwrap();
        let second = timeout(Duration::from_millis(100), connections.next()).await;
        assert!(second.is_err(), "two wait at once");
        drop(first);
        timeout(PATIENCE, connections.next()).await.unwrap().unwrap().unwrap();
    }
}

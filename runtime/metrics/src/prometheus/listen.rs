//! Answers Prometheus: `GET /metrics`, plain HTTP.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use sciurus_core::config::Ports;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How many connections there may be; others wait.
const MAX_CONNECTIONS: usize = 16;

/// How long a connection may last: Prometheus keeps one, and makes another when it is closed.
const MAX_CONNECTION_AGE: Duration = Duration::from_secs(600);

/// How long a request may take to come in.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(65);

/// How long to wait where connections can't be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What Prometheus expects to be told.
const TEXT_FORMAT: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Says why metrics can't be exposed.
#[derive(Debug, thiserror::Error)]
#[error(
    "can't listen for Prometheus on {host}, port {ports}: {source}; set metrics.reporter.prom.port \
     to a free port or a range of them"
)]
pub struct ListenError {
    /// The address.
    pub host: String,
    /// The ports that were tried.
    pub ports: Ports,
    /// What became of the last one.
    pub source: io::Error,
}

/// Listens on the first of the ports that is free until it is stopped, and returns where that is.
/// `text` makes an answer.
///
/// # Errors
/// [`ListenError`] where no port is free.
pub async fn serve(
    host: &str,
    ports: &Ports,
    text: Arc<dyn Fn() -> String + Send + Sync>,
    stop: CancellationToken,
) -> Result<SocketAddr, ListenError> {
    let (listener, address) = bind(host, ports).await?;
    // Owned by the manager whose metrics these are: it ends with the token.
    tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                Some(_) = connections.join_next() => continue,
                accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => accepted,
            };
            match accepted {
                Ok((stream, _)) => drop(connections.spawn(answer(stream, text.clone()))),
                Err(error) => {
                    tracing::warn!(%error, "can't accept a connection of Prometheus");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    });
    Ok(address)
}

async fn bind(host: &str, ports: &Ports) -> Result<(TcpListener, SocketAddr), ListenError> {
    let mut source = io::Error::other("no port is named");
    for port in ports.iter() {
        let bound = TcpListener::bind((host, port)).await;
        match bound.and_then(|listener| listener.local_addr().map(|address| (listener, address))) {
            Ok(bound) => return Ok(bound),
            Err(error) => source = error,
        }
    }
    Err(ListenError { host: host.to_owned(), ports: ports.clone(), source })
}

async fn answer(stream: TcpStream, text: Arc<dyn Fn() -> String + Send + Sync>) {
    let service = service_fn(|request: Request<Incoming>| {
        let answer = answer_to(&request, &*text);
        async move { Ok::<_, Infallible>(answer) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(MAX_CONNECTION_AGE, connection).await {
        Ok(Ok(())) | Err(_) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection of Prometheus broke off"),
    }
}

/// As Flink's reporter, answers the same on every path.
fn answer_to<B>(request: &Request<B>, text: &dyn Fn() -> String) -> Response<Full<Bytes>> {
    let body = match *request.method() {
        Method::GET => text().into(),
        Method::HEAD => Bytes::new(),
        _ => {
            let mut response = Response::new(Full::new(Bytes::from_static(b"GET /metrics\n")));
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            return response;
        }
    };
    let mut response = Response::new(Full::new(body));
    response.headers_mut().insert(CONTENT_TYPE, TEXT_FORMAT);
    response
}

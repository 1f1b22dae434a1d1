//! The HTTP server: connections, limits and what is the same for all answers.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tower_http::timeout::TimeoutBody;

use super::Rest;
use super::connections::{Connections, Place};
use super::error::RestError;
use super::health;
use super::options::RestOptions;
use super::reply::WithoutCors;

/// How long the server waits after it couldn't accept a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Says why the REST API can't be served.
#[derive(Debug, Error)]
pub enum RestStartError {
    /// The address to listen on isn't one of this host.
    #[error("the REST server can't listen on '{address}' ('rest.bind-address'): {source}")]
    Address {
        /// The address.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// None of the ports can be had.
    #[error(
        "the REST server can't listen on any of the ports {ports} of '{address}' ('rest.bind-port'): \
         {source}"
    )]
    Ports {
        /// The address.
        address: String,
        /// The ports.
        ports: String,
        /// Why the last one can't be had.
        source: io::Error,
    },
}

/// Listens on the first port that can be had.
pub(super) async fn listen(options: &RestOptions) -> Result<TcpListener, RestStartError> {
    let address = &options.bind_address;
    let no_address = |source| RestStartError::Address { address: address.clone(), source };
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, "there are none");
    for port in options.ports.iter() {
        let candidates = lookup_host((address.as_str(), port)).await.map_err(no_address)?;
        for candidate in candidates {
            match TcpListener::bind(candidate).await {
                Ok(listener) => return Ok(listener),
                Err(error) => last = error,
            }
        }
    }
    let ports = options.ports.to_string();
    Err(RestStartError::Ports { address: address.clone(), ports, source: last })
}

/// Serves connections until it is told to stop; then waits for requests that are being answered.
pub(super) async fn serve(
    listener: TcpListener,
    rest: Rest,
    router: Router,
    stop: CancellationToken,
) {
    let connections = Connections::new(rest.options().max_connections);
    let mut tasks = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &connections) => accepted,
            Some(_) = tasks.join_next() => continue,
        };
        match accepted {
            Ok((stream, peer, place)) => {
                let (rest, router, stop) = (rest.clone(), router.clone(), stop.clone());
                tasks.spawn(serve_connection(stream, peer, place, rest, router, stop));
            }
            Err(error) => {
                tracing::warn!(%error, "the REST server can't accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    while tasks.join_next().await.is_some() {}
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Connections>,
) -> io::Result<(TcpStream, SocketAddr, Arc<Place>)> {
    let place = connections.place().await;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

async fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    place: Arc<Place>,
    rest: Rest,
    router: Router,
    stop: CancellationToken,
) {
    place.set_idle();
    // Answers are small and clients wait for them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "a connection can't be told to send at once");
    }
    limit_stalls(&stream, rest.options().idleness_timeout);
    let head_timeout = rest.options().head_timeout;
    let answering = place.clone();
    let service = tower::service_fn(move |request: Request<Incoming>| {
        let (rest, router, busy) = (rest.clone(), router.clone(), answering.busy());
        async move {
            let response = answer(rest, router, request.map(Body::new)).await;
            Ok::<_, Infallible>(response.map(|body| busy.until_sent(body)))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        is_busy = place.given_up() => {
            if !is_busy {
                tracing::debug!(%peer, "a connection makes room for another");
                return;
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%peer, %error, "a connection to the REST server ended");
    }
}

/// Ends a connection whose client takes no answer: it would keep the connection from others.
#[cfg(target_os = "linux")]
fn limit_stalls(stream: &TcpStream, limit: Duration) {
    let millis = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX);
    if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(stream, millis) {
        tracing::debug!(%error, "a connection has no limit for answers that aren't taken");
    }
}

/// Other systems have no such limit.
#[cfg(not(target_os = "linux"))]
fn limit_stalls(_: &TcpStream, _: Duration) {}

/// Answers one request: what is the same for all of them.
async fn answer(rest: Rest, router: Router, request: Request) -> Response {
    let origin = rest.options().allow_origin.clone();
    let mut response = match rest.admit() {
        Some(_permit) => answer_in_time(&rest, router, request).await,
        None if health::is_asked(&request) => answer_in_time(&rest, router, request).await,
        None => RestError::unavailable(format!(
            "More than {} requests are being answered; try again later.",
            rest.options().max_requests
        ))
        .into_response(),
    };
    if response.extensions().get::<WithoutCors>().is_none() {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response
}

async fn answer_in_time(rest: &Rest, router: Router, mut request: Request) -> Response {
    if request.method() == Method::HEAD {
        return not_found(&request);
    }
    let asked = AskedPath(request.uri().path().to_owned());
    if let Some(uri) = endpoint_uri(request.uri()) {
        *request.uri_mut() = uri;
    }
    request.extensions_mut().insert(asked);
    let (idleness, limit) = (rest.options().idleness_timeout, rest.options().request_timeout);
    let request = request.map(|body| Body::new(TimeoutBody::new(idleness, body)));
    match tokio::time::timeout(limit, router.oneshot(request)).await {
        Ok(Ok(response)) => response,
        Err(_) => RestError::new(
            StatusCode::GATEWAY_TIMEOUT,
            format!("The answer took longer than {} s ('web.timeout').", limit.as_secs()),
        )
        .into_response(),
    }
}

/// The path as the client wrote it.
#[derive(Clone, Debug)]
pub(super) struct AskedPath(pub(super) String);

/// Takes the version away from the front and slashes from the end: Flink answers `/v1/jobs/` as it
/// does `/jobs`. `None` if there is nothing to be taken away.
fn endpoint_uri(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    let unversioned = path.strip_prefix("/v1").filter(|rest| rest.starts_with('/'));
    let shorter = unversioned.unwrap_or(path).trim_end_matches('/');
    if shorter.len() == path.len() || shorter.is_empty() {
        return None;
    }
    match uri.query() {
        Some(query) => format!("{shorter}?{query}").parse().ok(),
        None => shorter.parse().ok(),
    }
}

/// Answers what no endpoint takes, as Flink does: reading goes on to its file server.
pub(super) fn not_found(request: &Request) -> Response {
    let asked = request.extensions().get::<AskedPath>().map(|AskedPath(path)| path.as_str());
    let path = super::params::decoded(asked.unwrap_or(request.uri().path()));
    if request.method() == Method::GET {
        return RestError::no_such_file(&path).into_response();
    }
    RestError::not_found(format!("Not found: {path}")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_in_front_and_slashes_at_the_end_don_t_count() {
        let shorter = |uri: &str| endpoint_uri(&uri.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(shorter("/jobs/").as_deref(), Some("/jobs"));
        assert_eq!(shorter("/v1/jobs//?a=/").as_deref(), Some("/jobs?a=/"));
        assert_eq!(shorter("/v1/jobs").as_deref(), Some("/jobs"));
        for same in ["/", "/v1/", "/v1", "/v12/jobs", "/jobs"] {
            assert_eq!(shorter(same), None, "{same}");
        }
    }
}

//! Answers who asks whether the TaskManager is well: `GET /livez` and `GET /readyz`, plain HTTP.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::error::StartError;

/// How many are answered at once; others wait.
const MAX_CONNECTIONS: usize = 16;

/// How long a connection may last: it is for one question.
const MAX_CONNECTION_AGE: Duration = Duration::from_secs(5);

/// Where it is asked whether the TaskManager is ready.
const READY: &str = "/readyz";

/// How long it may take to be ready once it is asked. A kubelet that hears that it isn't asks again
/// a second later, although registering takes some hundredths of one.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long to wait where connections can't be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Listens until it is stopped. `registered` says whether there is a JobManager.
pub(crate) async fn serve(
    host: &str,
    port: u16,
    registered: watch::Receiver<bool>,
    stop: CancellationToken,
) -> Result<(), StartError> {
    let failed = |source| StartError::Health { host: host.to_owned(), port, source };
    let listener = TcpListener::bind((host, port)).await.map_err(failed)?;
    // Owned by the TaskManager: it ends with the token.
    tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                Some(_) = connections.join_next() => continue,
                accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    connections.spawn(answer_one(stream, registered.clone()));
                }
                Err(error) => {
                    warn!(%error, "can't accept a question for the TaskManager's health");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    });
    Ok(())
}

async fn answer_one(stream: TcpStream, registered: watch::Receiver<bool>) {
    let service = service_fn(|request: Request<Incoming>| {
        let mut registered = registered.clone();
        async move {
            if request.uri().path() == READY {
                let _ = timeout(PATIENCE, registered.wait_for(|registered| *registered)).await;
            }
            let is_registered = *registered.borrow();
            Ok::<_, Infallible>(answer(&request, is_registered))
        }
    });
    let connection =
        http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
    match timeout(MAX_CONNECTION_AGE, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "a question for the TaskManager's health broke off"),
        Err(_) => debug!("a question for the TaskManager's health took too long"),
    }
}

fn answer<B>(request: &Request<B>, is_registered: bool) -> Response<Full<Bytes>> {
    let (status, text) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/livez") => (StatusCode::OK, "ok\n"),
        (&Method::GET, READY) if is_registered => (StatusCode::OK, "ok\n"),
        (&Method::GET, READY) => {
            (StatusCode::SERVICE_UNAVAILABLE, "not registered with a JobManager\n")
        }
        _ => (StatusCode::NOT_FOUND, "there are GET /livez and GET /readyz\n"),
    };
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn ask(port: u16, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn a_task_manager_is_ready_while_it_is_registered() {
        let port = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap().port();
        let (registered, receiver) = watch::channel(false);
        let stop = CancellationToken::new();
        serve("127.0.0.1", port, receiver, stop.clone()).await.unwrap();
        let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        for (is_registered, path, expected) in [
            (false, "/livez", "HTTP/1.1 200 OK"),
            (false, "/readyz", "HTTP/1.1 503 Service Unavailable"),
            (true, "/readyz", "HTTP/1.1 200 OK"),
            (true, "/", "HTTP/1.1 404 Not Found"),
            (false, "/readyz", "HTTP/1.1 503 Service Unavailable"),
        ] {
            registered.send_replace(is_registered);
            let answer = ask(port, &get(path)).await;
            assert!(answer.starts_with(expected), "{path}: {answer}");
        }
        let answer = ask(port, "nonsense\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        let taken = serve("127.0.0.1", port, watch::channel(true).1, stop.clone()).await;
        let error = taken.unwrap_err().to_string();
        assert!(error.contains(&format!("127.0.0.1:{port} (health.port)")), "{error}");
        stop.cancel();
    }
}

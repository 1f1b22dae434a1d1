//! HTTP requests to `JobManager`s and hooks.

use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// The largest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 4 << 20;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a connection is kept that nothing goes over.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Says why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// It can't be made.
    #[error("the request to {url} can't be made: {reason}")]
    Request {
        /// Where to.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// It took too long.
    #[error("{url} doesn't answer within {seconds} s")]
    Timeout {
        /// Where to.
        url: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The connection broke, or there was none.
    #[error("{url} can't be reached: {reason}")]
    Unreachable {
        /// Where to.
        url: String,
        /// Why.
        reason: String,
    },
}

/// A request.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: &'a str,
    /// Headers.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: Vec<u8>,
    /// How long the answer may take.
    pub timeout: Duration,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

/// Makes requests; clones share connections.
#[derive(Clone, Debug)]
pub struct Http(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Http {
    /// Reads the system's certificates.
    ///
    /// # Errors
    /// Where none can be read.
    pub fn new() -> std::io::Result<Self> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(hyper_rustls_provider())?
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_timer(hyper_util::rt::TokioTimer::new())
            .pool_max_idle_per_host(1)
            .build(connector);
        Ok(Self(client))
    }

    /// Makes a request and reads the whole answer.
    ///
    /// # Errors
    /// [`HttpError`] where there is none; an answer of any status is one.
    pub async fn send(&self, call: Call<'_>) -> Result<Answer, HttpError> {
        let url = call.url.to_owned();
        let bad = |reason: String| HttpError::Request { url: url.clone(), reason };
        let mut request = Request::builder().method(call.method).uri(call.url);
        for (name, value) in call.headers {
            request = request.header(name, value);
        }
        let request = request
            .body(Full::new(Bytes::from(call.body)))
            .map_err(|error| bad(error.to_string()))?;
        let unreachable = |reason: String| HttpError::Unreachable { url: url.clone(), reason };
        let answered = async {
            let answer =
                self.0.request(request).await.map_err(|error| unreachable(with_causes(&error)))?;
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await;
            let body = body.map_err(|error| unreachable(error.to_string()))?.to_bytes();
            Ok(Answer { status, body })
        };
        match tokio::time::timeout(call.timeout, answered).await {
            Ok(answer) => answer,
            Err(_) => Err(HttpError::Timeout { url, seconds: call.timeout.as_secs() }),
        }
    }
}

fn hyper_rustls_provider() -> rustls::crypto::CryptoProvider {
    rustls::crypto::ring::default_provider()
}

/// Returns what an error says and what it says it comes from.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

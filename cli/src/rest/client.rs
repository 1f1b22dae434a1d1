//! Asking and telling the `JobManager`.

use std::io::Read;
use std::time::Duration;

use sciurus_core::config::Configuration;
use sciurus_core::config::options::{client, rest};
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::Response;
use ureq::{Agent, Body, SendBody};

use super::answers::Errors;
use super::multipart::Upload;
use super::{Address, RestError};
use crate::Error;

/// Longest text of a refusal that is shown, in bytes.
const REFUSAL_BYTES_MAX: u64 = 64 << 10;

/// How much longer than the JobManager this side waits, so that it can say itself what it waited for
/// in vain: both have `client.timeout`.
const PATIENCE: Duration = Duration::from_secs(5);

/// Speaks with one `JobManager`.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    address: Address,
    answer_bytes_max: u64,
    timeout: Duration,
}

impl Client {
    /// Creates a client with the deadlines and limits of the configuration.
    ///
    /// # Errors
    /// The setting that can't be used.
    pub fn new(address: Address, configuration: &Configuration) -> Result<Self, Error> {
        let timeout = configuration.get(&client::TIMEOUT)?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .max_redirects(0)
            .timeout_connect(Some(configuration.get(&rest::CONNECTION_TIMEOUT)?.min(timeout)))
            .timeout_recv_response(Some(timeout + PATIENCE))
            .timeout_per_read(Some(timeout))
            .timeout_per_write(Some(timeout))
            .user_agent(concat!("sciurus/", env!("CARGO_PKG_VERSION")))
            .build();
        let answer_bytes_max = configuration.get(&rest::CLIENT_MAX_CONTENT_LENGTH)?;
        Ok(Self { agent: config.new_agent(), address, answer_bytes_max, timeout })
    }

    /// Returns where the `JobManager` is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Returns the longest time that an answer may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Asks for what is at a path.
    ///
    /// # Errors
    /// [`RestError`] if there is no answer, or not one of this form.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, RestError> {
        let answer = self.agent.get(self.url(path)).call();
        self.json("GET", path, answer)
    }

    /// Sends a body to a path.
    ///
    /// # Errors
    /// [`RestError`] if there is no answer, or not one of this form.
    pub fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, RestError> {
        let answer = self.agent.post(self.url(path)).send_json(body);
        self.json("POST", path, answer)
    }

    /// Puts a body in the place of what is at a path.
    ///
    /// # Errors
    /// [`RestError`] if there is no answer, or not one of this form.
    pub fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, RestError> {
        let answer = self.agent.put(self.url(path)).send_json(body);
        self.json("PUT", path, answer)
    }

    /// Changes what is at a path, without a body.
    ///
    /// # Errors
    /// [`RestError`] if there is no answer, or a refusal.
    pub fn patch(&self, path: &str) -> Result<(), RestError> {
        let answer = self.agent.patch(self.url(path)).send_empty();
        self.accepted("PATCH", path, answer).map(drop)
    }

    /// Deletes what is at a path.
    ///
    /// # Errors
    /// [`RestError`] if there is no answer, or a refusal.
    pub fn delete(&self, path: &str) -> Result<(), RestError> {
        let answer = self.agent.delete(self.url(path)).call();
        self.accepted("DELETE", path, answer).map(drop)
    }

    /// Sends a file to a path.
    ///
    /// # Errors
    /// [`RestError`] if there is no answer, or not one of this form.
    pub fn upload<T: DeserializeOwned>(
        &self,
        path: &str,
        mut upload: Upload,
    ) -> Result<T, RestError> {
        let request = self
            .agent
            .post(self.url(path))
            .header("Content-Type", upload.content_type())
            .header("Content-Length", upload.body_bytes());
        let answer = request.send(SendBody::from_reader(&mut upload));
        self.json("POST", path, answer)
    }

    /// Opens the text at a path for reading.
    ///
    /// # Errors
    /// [`RestError`] if there is no answer, or a refusal.
    pub fn open(&self, path: &str) -> Result<impl Read + use<>, RestError> {
        let answer = self.agent.get(self.url(path)).call();
        Ok(self.accepted("GET", path, answer)?.into_body().into_reader())
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/v1{path}", self.address)
    }

    fn json<T: DeserializeOwned>(
        &self,
        method: &'static str,
        path: &str,
        answer: Result<Response<Body>, ureq::Error>,
    ) -> Result<T, RestError> {
        let mut answer = self.accepted(method, path, answer)?;
        let body = answer.body_mut().with_config().limit(self.answer_bytes_max).read_to_vec();
        let body = body.map_err(|error| self.failed(method, path, &error))?;
        serde_json::from_slice(&body).map_err(|error| RestError::NotUnderstood {
            address: self.address.clone(),
            method,
            path: path.to_owned(),
            reason: error.to_string(),
        })
    }

    fn accepted(
        &self,
        method: &'static str,
        path: &str,
        answer: Result<Response<Body>, ureq::Error>,
    ) -> Result<Response<Body>, RestError> {
        let mut answer = answer.map_err(|error| self.failed(method, path, &error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let body = answer.body_mut().with_config().limit(REFUSAL_BYTES_MAX).lossy_utf8(true);
        let text = body.read_to_string().unwrap_or_default();
        let message = Errors::message(&text)
            .unwrap_or_else(|| format!("the JobManager answers {method} {path} with {status}"));
        Err(RestError::Refused { status: status.as_u16(), message })
    }

    fn failed(&self, method: &'static str, path: &str, error: &ureq::Error) -> RestError {
        use std::io::ErrorKind::{
            AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkUnreachable,
        };

        let address = self.address.clone();
        match error {
            ureq::Error::Io(error)
                if matches!(
                    error.kind(),
                    ConnectionRefused | HostUnreachable | NetworkUnreachable | AddrNotAvailable
                ) =>
            {
                RestError::Unreachable { address, reason: error.to_string() }
            }
            // What the system's resolver says comes as an error without a kind or number.
            ureq::Error::Io(error) if error.to_string().contains("lookup address") => {
                RestError::Unreachable { address, reason: error.to_string() }
            }
            ureq::Error::HostNotFound
            | ureq::Error::ConnectionFailed
            | ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
                RestError::Unreachable { address, reason: error.to_string() }
            }
            _ => RestError::Broken {
                address,
                method,
                path: path.to_owned(),
                reason: error.to_string(),
            },
        }
    }
}

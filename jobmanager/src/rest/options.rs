//! How the REST API is served.

use std::time::Duration;

use axum::http::HeaderValue;
use sciurus_core::config::options::{rest, web};
use sciurus_core::config::{ConfigError, Configuration, Ports};

/// Says how the REST API is served.
#[derive(Clone, Debug)]
pub struct RestOptions {
    /// The address to listen on (`rest.bind-address`).
    pub bind_address: String,
    /// The ports to try (`rest.bind-port`).
    pub ports: Ports,
    /// The host under which clients find the API (`rest.address`).
    pub host: String,
    /// How many bytes a body may have (`rest.server.max-content-length`).
    pub max_content_length: u64,
    /// How many bytes an uploaded package may have.
    pub max_upload_bytes: u64,
    /// How long a client may take to send the head of a request, or to send nothing between two.
    pub head_timeout: Duration,
    /// How long nothing may arrive in the middle of a body (`rest.idleness-timeout`).
    pub idleness_timeout: Duration,
    /// How long an answer may take (`web.timeout`).
    pub request_timeout: Duration,
    /// How many connections are served at once; who asks nothing makes room for others.
    pub max_connections: usize,
    /// How many requests are served at once; others are refused.
    pub max_requests: usize,
    /// Whether jobs may be submitted (`web.submit.enable`).
    pub submit_enabled: bool,
    /// Whether jobs may be cancelled (`web.cancel.enable`).
    pub cancel_enabled: bool,
    /// How often a user interface is to ask again (`web.refresh-interval`).
    pub refresh_interval: Duration,
    /// `access-control-allow-origin` (`web.access-control-allow-origin`).
    pub allow_origin: HeaderValue,
    /// How long the result of a triggered operation is kept (`rest.async.store-duration`).
    pub operation_store_duration: Duration,
}

impl RestOptions {
    /// How long the head of a request may take to arrive.
    const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
    const MAX_CONNECTIONS: usize = 1_024;
    const MAX_REQUESTS: usize = 256;
    /// Packages hold executables for several platforms, and debug builds are large.
    const MAX_UPLOAD_BYTES: u64 = 2 << 30;

    /// Reads the options.
    pub fn from_configuration(configuration: &Configuration) -> Result<Self, ConfigError> {
        let bind_address = configuration.get_optional(&rest::BIND_ADDRESS)?;
        let origin = configuration.get(&web::ACCESS_CONTROL_ALLOW_ORIGIN)?;
        let max_content_length = configuration.get(&rest::SERVER_MAX_CONTENT_LENGTH)?;
        Ok(Self {
            bind_address: bind_address.unwrap_or_else(|| "0.0.0.0".to_owned()),
            ports: configuration.get(&rest::BIND_PORT)?,
            host: configuration
                .get_optional(&rest::ADDRESS)?
                .unwrap_or_else(|| "localhost".to_owned()),
            max_content_length,
            max_upload_bytes: max_content_length.max(Self::MAX_UPLOAD_BYTES),
            head_timeout: Self::HEAD_TIMEOUT,
            idleness_timeout: configuration.get(&rest::IDLENESS_TIMEOUT)?,
            request_timeout: configuration.get(&web::TIMEOUT)?,
            max_connections: Self::MAX_CONNECTIONS,
            max_requests: Self::MAX_REQUESTS,
            submit_enabled: configuration.get(&web::SUBMIT_ENABLE)?,
            cancel_enabled: configuration.get(&web::CANCEL_ENABLE)?,
            refresh_interval: configuration.get(&web::REFRESH_INTERVAL)?,
            allow_origin: HeaderValue::from_str(&origin).unwrap_or(HeaderValue::from_static("*")),
            operation_store_duration: configuration.get(&rest::ASYNC_STORE_DURATION)?,
        })
    }
}

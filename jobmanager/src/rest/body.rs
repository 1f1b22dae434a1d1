//! Bodies of requests.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;

use super::Rest;
use super::error::{RestError, RestResult};

/// How long a client may take to send a body in JSON.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// A body in JSON.
pub trait JsonRequest: DeserializeOwned {
    /// What Flink calls the form of the body.
    const FORMAT: &str;
}

/// Reads a body in JSON; no body at all counts as `{}`, whatever its content type is said to be.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: JsonRequest> FromRequest<Rest> for Json<T> {
    type Rejection = RestError;

    async fn from_request(request: Request, rest: &Rest) -> RestResult<Self> {
        let limit = rest.options().max_content_length;
        let bytes = read(request.into_body(), limit).await?;
        let text = if bytes.iter().all(u8::is_ascii_whitespace) { b"{}" } else { &bytes[..] };
        serde_json::from_slice(text).map(Self).map_err(|error| mismatch(T::FORMAT, error))
    }
}

/// Says in Flink's words that a body doesn't have the expected form.
pub fn mismatch(format: &str, reason: impl std::fmt::Display) -> RestError {
    RestError::bad_request(format!("Request did not match expected format {format}. {reason}"))
}

/// Reads a whole body, within a time and up to a size.
pub async fn read(body: Body, limit: u64) -> RestResult<Bytes> {
    match tokio::time::timeout(READ_TIMEOUT, collect(body, limit)).await {
        Ok(result) => result,
        Err(_) => Err(RestError::new(
            axum::http::StatusCode::REQUEST_TIMEOUT,
            format!("The body didn't arrive within {} s.", READ_TIMEOUT.as_secs()),
        )),
    }
}

async fn collect(mut body: Body, limit: u64) -> RestResult<Bytes> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame
            .map_err(|error| RestError::bad_request(format!("The body can't be read: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() as u64 + data.len() as u64 > limit {
            return Err(too_large(limit));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// Says that a body is larger than allowed.
pub fn too_large(limit: u64) -> RestError {
    RestError::new(
        axum::http::StatusCode::PAYLOAD_TOO_LARGE,
        format!(
            "The body has more than {limit} bytes. Raise 'rest.server.max-content-length' if it \
             has to be so large."
        ),
    )
}

//! Answers in JSON.

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, Response as HttpResponse, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Flink's content type of everything that is no file.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=UTF-8");

/// Marks an answer that gets no `access-control-allow-origin`.
#[derive(Clone, Copy, Debug)]
pub struct WithoutCors;

/// An answer in JSON with its status.
#[derive(Clone, Copy, Debug)]
pub struct Reply<T>(pub StatusCode, pub T);

/// The answer `{}`.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Empty {}

/// Answers 200.
pub fn ok<T>(body: T) -> Reply<T> {
    Reply(StatusCode::OK, body)
}

/// Answers 202.
pub fn accepted<T>(body: T) -> Reply<T> {
    Reply(StatusCode::ACCEPTED, body)
}

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        let (status, json) = match serde_json::to_vec(&self.1) {
            Ok(json) => (self.0, json),
            Err(error) => {
                tracing::error!(%error, "an answer can't be written as JSON");
                let text = br#"{"errors":["Internal server error."]}"#;
                (StatusCode::INTERNAL_SERVER_ERROR, text.to_vec())
            }
        };
        let length = json.len();
        let mut response = HttpResponse::new(Body::from(json));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        response
    }
}

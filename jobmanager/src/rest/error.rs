//! Errors as Flink's clients expect them: a status and `{"errors":["…"]}`.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::reply::{Reply, WithoutCors};

/// An answer that refuses a request.
///
/// Where Flink answers with a Java stack trace, one readable message stands; statuses are Flink's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestError {
    status: StatusCode,
    errors: Vec<String>,
    without_cors: bool,
}

/// A result of a handler.
pub type RestResult<T> = Result<T, RestError>;

#[derive(Serialize)]
struct ErrorBody<'a> {
    errors: &'a [String],
}

impl RestError {
    /// Answers with a status and one message.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, errors: vec![message.into()], without_cors: false }
    }

    /// Says that what was asked for isn't there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// Says that the request is wrong.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// Says that the state of things doesn't allow it.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// Says that the cluster can't do it now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    /// Says that the settings of the cluster forbid it.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// Answers as Flink does where a handler threw: status 500 and two texts, of which the second
    /// tells what went wrong.
    pub fn internal(message: impl AsRef<str>) -> Self {
        let message = message.as_ref();
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            errors: vec![
                "Internal server error.".to_owned(),
                format!("<Exception on server side:\n{message}\nEnd of exception on server side>"),
            ],
            without_cors: false,
        }
    }

    /// Answers as Flink's file server does, which gets what no endpoint takes.
    pub fn no_such_file(path: &str) -> Self {
        let mut error = Self::not_found(format!("Unable to load requested file {path}."));
        error.without_cors = true;
        error
    }

    /// Leaves out the header that lets pages of other servers read the answer, as Flink does for
    /// what it sends as a file.
    #[must_use]
    pub fn without_cors(mut self) -> Self {
        self.without_cors = true;
        self
    }

    /// Returns the status.
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl IntoResponse for RestError {
    fn into_response(self) -> Response {
        let mut response = Reply(self.status, ErrorBody { errors: &self.errors }).into_response();
        if self.without_cors {
            response.extensions_mut().insert(WithoutCors);
        }
        response
    }
}

//! `/livez` and `/readyz`: whether the JobManager works, and whether it takes jobs and TaskManagers.

use axum::extract::State;
use axum::http::{Method, Request, StatusCode};

use super::Rest;

/// Answers that requests are answered.
pub async fn live() -> &'static str {
    "ok\n"
}

/// Answers whether jobs and TaskManagers are taken: until the JobManager stops. Those that were
/// accepted before are known by the time that anything is answered.
pub async fn ready(State(rest): State<Rest>) -> (StatusCode, &'static str) {
    if rest.dispatcher().is_closing() {
        (StatusCode::SERVICE_UNAVAILABLE, "the JobManager stops\n")
    } else {
        (StatusCode::OK, "ok\n")
    }
}

/// Tells whether a request is one of these, which are answered however many others there are: a
/// busy JobManager is not a dead one.
pub fn is_asked<B>(request: &Request<B>) -> bool {
    request.method() == Method::GET && matches!(request.uri().path(), "/livez" | "/readyz")
}

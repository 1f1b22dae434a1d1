//! The operator's own endpoints: health and metrics.

use std::net::Ipv6Addr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use super::OperatorError;
use super::context::Context;

/// Serves `/livez` and `/readyz`. The operator is ready once it listens: one that doesn't lead
/// waits to.
///
/// # Errors
/// [`OperatorError::Listen`].
pub async fn health(port: u16) -> Result<(), OperatorError> {
    let router = Router::new().route("/livez", get(ok)).route("/readyz", get(ok));
    serve(port, "--health-port", router).await
}

/// Serves `/metrics`.
///
/// # Errors
/// [`OperatorError::Listen`].
pub async fn metrics(port: u16, context: Arc<Context>) -> Result<(), OperatorError> {
    let router = Router::new().route("/metrics", get(text)).with_state(context);
    serve(port, "--metrics-port", router).await
}

async fn ok() -> &'static str {
    "ok\n"
}

async fn text(State(context): State<Arc<Context>>) -> impl IntoResponse {
    let text = context.metrics.text(&context.states());
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

async fn serve(port: u16, option: &'static str, router: Router) -> Result<(), OperatorError> {
    if port == 0 {
        return Ok(());
    }
    let refused = |source| OperatorError::Listen { port, option, source };
    let listener = match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await {
        Ok(listener) => listener,
        // There are machines without IPv6.
        Err(_) => TcpListener::bind(("0.0.0.0", port)).await.map_err(refused)?,
    };
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!("port {port} isn't served any more: {error}");
        }
    });
    Ok(())
}

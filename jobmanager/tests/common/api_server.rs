//! An API server of Kubernetes, played: it knows EndpointSlices, and can fail in all the ways that
//! matter to who watches them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::StreamExt;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::task::{JoinHandle, JoinSet};
use tokio_stream::wrappers::BroadcastStream;

pub const NAMESPACE: &str = "flink";
pub const SERVICE: &str = "tm";

/// An API server; it is gone once this is dropped.
pub struct ApiServer {
    pub address: SocketAddr,
    answers: Arc<Answers>,
    server: JoinHandle<()>,
}

struct Answers {
    slices: Mutex<Vec<Value>>,
    is_forbidden: Mutex<bool>,
    events: broadcast::Sender<Value>,
}

impl ApiServer {
    /// Starts one that lists these EndpointSlices.
    pub async fn start(slices: Vec<Value>) -> Self {
        Self::start_at(([127, 0, 0, 1], 0).into(), slices).await
    }

    pub async fn start_at(address: SocketAddr, slices: Vec<Value>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let answers = Arc::new(Answers {
            slices: Mutex::new(slices),
            is_forbidden: Mutex::new(false),
            events: broadcast::Sender::new(16),
        });
        let path = format!("/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices");
        let router = Router::new().route(&path, get(answer)).with_state(answers.clone());
        let server = tokio::spawn(serve(listener, router));
        Self { address, answers, server }
    }

    /// Returns a client of it.
    pub fn client(&self) -> kube::Client {
        let uri = format!("http://{}", self.address).parse().unwrap();
        kube::Client::try_from(kube::Config::new(uri)).unwrap()
    }

    /// Sets what is listed from now on.
    pub fn list(&self, slices: Vec<Value>) {
        *self.answers.slices.lock() = slices;
    }

    pub fn forbid(&self, is_forbidden: bool) {
        *self.answers.is_forbidden.lock() = is_forbidden;
    }

    /// Waits until somebody watches.
    pub async fn is_watched(&self) {
        super::eventually(|| self.answers.events.receiver_count() > 0).await;
    }

    /// Tells those who watch of an event.
    pub fn tell(&self, kind: &str, object: &Value) {
        self.answers.events.send(json!({"type": kind, "object": object})).unwrap();
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Serves until it is aborted; all connections end with it.
async fn serve(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let service = TowerToHyperService::new(router.clone());
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        connections.spawn(connection);
    }
}

/// Returns an EndpointSlice of the Service; each pod is a name and an address.
pub fn slice(name: &str, pods: &[(&str, &str)], port: u16) -> Value {
    let endpoints: Vec<_> = pods
        .iter()
        .map(|(pod, address)| {
            json!({"addresses": [address], "targetRef": {"kind": "Pod", "name": pod}})
        })
        .collect();
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": NAMESPACE, "resourceVersion": "2"},
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [{"name": "rpc", "port": port}],
    })
}

/// Returns an answer that refuses.
pub fn failure(code: u16, reason: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Status", "status": "Failure",
        "code": code, "reason": reason, "message": reason, "metadata": {},
    })
}

async fn answer(
    State(answers): State<Arc<Answers>>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    assert_eq!(query["labelSelector"], format!("kubernetes.io/service-name={SERVICE}"));
    if *answers.is_forbidden.lock() {
        return (StatusCode::FORBIDDEN, failure(403, "Forbidden").to_string()).into_response();
    }
    if query.contains_key("watch") {
        let events = BroadcastStream::new(answers.events.subscribe());
        let lines = events.map(|event| Ok::<_, Infallible>(format!("{}\n", event.unwrap())));
        return Body::from_stream(lines).into_response();
    }
    let items = answers.slices.lock().clone();
    let list = json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSliceList",
        "metadata": {"resourceVersion": "1"},
        "items": items,
    });
    list.to_string().into_response()
}

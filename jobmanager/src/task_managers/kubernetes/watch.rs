//! Watches the EndpointSlices of a Service.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fmt::Display;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Config};
use tokio::sync::watch;
use tokio::time::sleep;

use super::TaskManagerService;
use crate::task_managers::addresses::Addresses;

/// How long the API server is watched by one request. A connection that has died without a sign is
/// noticed after that.
const WATCH_SECONDS: u32 = 60;

/// How long a connection to the API server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait after a failure: the first time, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The status with which the API server denies what a service account may not do.
const FORBIDDEN: u16 = 403;

/// The addresses of the pods behind a Service.
///
/// It needs to list and watch `endpointslices` of the group `discovery.k8s.io` in the Service's
/// namespace, and nothing else. While the API server is away the addresses that were known last
/// hold.
pub struct EndpointSliceAddresses {
    service: TaskManagerService,
    client: Option<(Client, String)>,
}

impl EndpointSliceAddresses {
    /// Watches a Service through the API server that the environment names: that of the pod, or of
    /// a kubeconfig.
    pub fn new(service: TaskManagerService) -> Self {
        Self { service, client: None }
    }

    /// Watches a Service of a namespace through a client of one's own.
    pub fn with_client(service: TaskManagerService, client: Client, namespace: &str) -> Self {
        Self { service, client: Some((client, namespace.to_owned())) }
    }
}

impl Addresses for EndpointSliceAddresses {
    async fn follow(self, known: watch::Sender<BTreeSet<String>>) -> Infallible {
        let Self { service, client } = self;
        let mut trouble = Trouble::new(&service.name);
        let (client, own_namespace) = match client {
            Some(given) => given,
            None => loop {
                match connect().await {
                    Ok(found) => break found,
                    Err(error) => trouble.pause_after(&error).await,
                }
            },
        };
        let namespace = service.namespace.clone().unwrap_or(own_namespace);
        tracing::info!(
            "watches the EndpointSlices of Service {} in namespace {namespace} for TaskManagers",
            service.name
        );
        let slices: Api<EndpointSlice> = Api::namespaced(client, &namespace);
        let selection =
            watcher::Config::default().labels(&service.selector()).timeout(WATCH_SECONDS);
        let mut events = pin!(watcher(slices, selection));
        let mut store = Slices::default();
        loop {
            match events.next().await {
                Some(Ok(event)) => {
                    if store.apply(event) {
                        trouble.is_over();
                        publish(&known, service.addresses(store.all()));
                    }
                }
                Some(Err(error)) if is_forbidden(&error) => {
                    let reason = format!(
                        "the pod's service account may not: grant it list and watch on \
                         endpointslices.discovery.k8s.io in namespace {namespace} ({error})"
                    );
                    trouble.pause_after(&reason).await;
                }
                // The watcher lists and watches anew when it is polled again.
                Some(Err(error)) => trouble.pause_after(&root(&error)).await,
                // A watcher never ends.
                None => std::future::pending().await,
            }
        }
    }
}

async fn connect() -> Result<(Client, String), String> {
    let mut config = Config::infer().await.map_err(|error| root(&error))?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    let namespace = config.default_namespace.clone();
    let client = Client::try_from(config).map_err(|error| root(&error))?;
    Ok((client, namespace))
}

fn publish(known: &watch::Sender<BTreeSet<String>>, found: BTreeSet<String>) {
    known.send_if_modified(|known| {
        if *known == found {
            return false;
        }
        tracing::info!("Kubernetes knows of {} TaskManagers: {found:?}", found.len());
        *known = found;
        true
    });
}

fn is_forbidden(error: &watcher::Error) -> bool {
    use watcher::Error::{InitialListFailed, WatchError, WatchStartFailed};
    let (InitialListFailed(kube::Error::Api(status))
    | WatchStartFailed(kube::Error::Api(status))
    | WatchError(status)) = error
    else {
        return false;
    };
    status.code == FORBIDDEN
}

/// Writes an error with all its causes, none of them twice.
fn root(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let said = next.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = next.source();
    }
    text
}

/// The EndpointSlices that there are.
#[derive(Default)]
struct Slices {
    known: BTreeMap<String, EndpointSlice>,
    /// Those of a list that has begun and not ended.
    listed: BTreeMap<String, EndpointSlice>,
}

impl Slices {
    /// Follows an event; says whether all slices are known after it, which a list that has only
    /// begun doesn't make so.
    fn apply(&mut self, event: Event<EndpointSlice>) -> bool {
        let named = |slice: EndpointSlice| (slice.metadata.name.clone().unwrap_or_default(), slice);
        match event {
            Event::Init => {
                self.listed.clear();
                return false;
            }
            Event::InitApply(slice) => {
                self.listed.extend([named(slice)]);
                return false;
            }
            Event::InitDone => self.known = std::mem::take(&mut self.listed),
            Event::Apply(slice) => self.known.extend([named(slice)]),
            Event::Delete(slice) => {
                self.known.remove(&named(slice).0);
            }
        }
        true
    }

    fn all(&self) -> impl Iterator<Item = &EndpointSlice> {
        self.known.values()
    }
}

/// A failure that goes on: it is logged once, and tries become rarer.
struct Trouble<'a> {
    service: &'a str,
    pause: Duration,
    last: Option<String>,
}

impl<'a> Trouble<'a> {
    fn new(service: &'a str) -> Self {
        Self { service, pause: FIRST_PAUSE, last: None }
    }

    async fn pause_after(&mut self, reason: &(impl Display + ?Sized)) {
        let reason = reason.to_string();
        if self.last.as_ref() != Some(&reason) {
            tracing::warn!(
                "can't watch the EndpointSlices of Service {}: {reason}; trying on. TaskManagers \
                 that find the JobManager by themselves are not concerned",
                self.service
            );
            self.last = Some(reason);
        }
        sleep(self.pause).await;
        self.pause = (2 * self.pause).min(LONGEST_PAUSE);
    }

    fn is_over(&mut self) {
        if self.last.take().is_some() {
            tracing::info!("watches the EndpointSlices of Service {} again", self.service);
        }
        self.pause = FIRST_PAUSE;
    }
}

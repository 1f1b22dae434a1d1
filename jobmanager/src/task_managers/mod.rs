//! The JobManager's side of TaskManagers: their sessions, heartbeats, files.
//!
//! A TaskManager keeps one session open (`session`): while it is, the TaskManager's slots are
//! there. However it ends — the connection breaks, heartbeats stay away, the TaskManager registers
//! anew or doesn't read what it is sent — the way is the same one, [`TaskManagers::lose`].

mod addresses;
mod connections;
mod dial;
mod files;
mod heartbeat;
mod info;
mod kubernetes;
mod outbound;
mod service;
mod session;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use sciurus_core::clock::{Clock, SystemClock};
use sciurus_core::ids::{LeaderId, TaskManagerId};
use sciurus_core::time::Timestamp;
use sciurus_job_master::failure::{FailureCause, Fault};
use sciurus_job_master::slots::TaskManagerLocation;
use sciurus_rpc::convert::bytes_of;
use sciurus_rpc::proto::job_manager_message::Message;
use sciurus_rpc::proto::{self, JobManagerMessage};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::inbox::JobPorts;
use crate::resource_manager::ResourceManager;
use files::OpenRequests;
use outbound::Outbound;

pub use addresses::{Addresses, StaticAddresses};
pub use connections::{GreetingLimits, incoming};
pub use dial::dial_task_managers;
pub use files::{FileError, FileRequest, FileStream, LogFile, NamedFile};
pub use heartbeat::watch_heartbeats;
pub use info::{Hardware, MemoryConfiguration, Registration, RegistrationError, TaskManagerInfo};
pub use kubernetes::{EndpointSliceAddresses, TaskManagerService};
pub(crate) use service::JobManagerService;
pub(crate) use session::bounded;

/// When heartbeats are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeartbeatSettings {
    /// How long between two of them (`heartbeat.interval`).
    pub interval: Duration,
    /// How long a TaskManager may be silent (`heartbeat.timeout`).
    pub timeout: Duration,
}

/// All TaskManagers that are registered. Clones are the same.
#[derive(Clone)]
pub struct TaskManagers(Arc<Inner>);

struct Inner {
    leader: LeaderId,
    heartbeat: HeartbeatSettings,
    sessions: RwLock<BTreeMap<TaskManagerId, Arc<Session>>>,
    /// Held while a session comes or goes, until the slots are there or gone as well: of two that
    /// come at once, or one that goes while its successor comes, all is done before the other.
    /// Nothing is sent meanwhile.
    membership: Mutex<()>,
    generations: AtomicU64,
    resources: Arc<ResourceManager>,
    jobs: JobPorts,
    requests: OpenRequests,
    /// Counts registrations and losses, for those who wait for one.
    changes: watch::Sender<u64>,
    /// What is logged, since somebody has changed it.
    log_level: watch::Sender<Option<String>>,
}

/// A TaskManager that is registered.
pub(crate) struct Session {
    registration: Arc<Registration>,
    /// Numbers the sessions of all TaskManagers.
    generation: u64,
    /// Whom it talks to.
    peer: Option<SocketAddr>,
    registered_at: Timestamp,
    last_heartbeat: AtomicI64,
    gauges: Mutex<Arc<BTreeMap<String, f64>>>,
    outbound: Outbound,
    /// Cancelled once the TaskManager is lost.
    lost: CancellationToken,
}

impl TaskManagers {
    /// Makes a registry without TaskManagers.
    pub fn new(
        leader: LeaderId,
        heartbeat: HeartbeatSettings,
        resources: Arc<ResourceManager>,
        jobs: JobPorts,
    ) -> Self {
        Self(Arc::new(Inner {
            leader,
            heartbeat,
            sessions: RwLock::default(),
            membership: Mutex::default(),
            generations: AtomicU64::new(1),
            resources,
            jobs,
            requests: OpenRequests::default(),
            changes: watch::Sender::new(0),
            log_level: watch::Sender::new(None),
        }))
    }

    /// Returns the id of this life of the JobManager.
    pub fn leader(&self) -> LeaderId {
        self.0.leader
    }

    /// Returns all TaskManagers, by their ids.
    pub fn list(&self) -> Vec<TaskManagerInfo> {
        let sessions: Vec<_> = self.0.sessions.read().values().cloned().collect();
        sessions.iter().map(|session| self.describe(session)).collect()
    }

    /// Returns one TaskManager.
    pub fn get(&self, id: &TaskManagerId) -> Option<TaskManagerInfo> {
        let session = self.session(id)?;
        Some(self.describe(&session))
    }

    /// Returns how many TaskManagers there are.
    pub fn len(&self) -> usize {
        self.0.sessions.read().len()
    }

    /// Says whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns a receiver that hears of each registration and each loss.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Lists a TaskManager's files.
    ///
    /// # Errors
    /// [`FileError`] where it is lost or doesn't answer.
    pub async fn list_files(&self, id: &TaskManagerId) -> Result<Vec<LogFile>, FileError> {
        let unknown = || FileError::UnknownTaskManager(id.clone());
        let generation = self.session(id).ok_or_else(unknown)?.generation;
        let send =
            |request| self.send(id, generation, Message::ListFiles(proto::ListFiles { request }));
        self.0.requests.list(id, generation, send).await
    }

    /// Reads a TaskManager's file.
    ///
    /// # Errors
    /// [`FileError`] where it is lost, doesn't answer or has no such file.
    pub async fn read_file(
        &self,
        id: &TaskManagerId,
        file: &FileRequest,
    ) -> Result<FileStream, FileError> {
        let unknown = || FileError::UnknownTaskManager(id.clone());
        let generation = self.session(id).ok_or_else(unknown)?.generation;
        let send = |request| self.send(id, generation, Message::ReadFile(file.to_message(request)));
        self.0.requests.read(id, generation, send).await
    }

    /// Sends a message to the session with this number; says whether there still is one. A
    /// TaskManager that doesn't read what it is sent is lost.
    pub(crate) fn send(&self, id: &TaskManagerId, generation: u64, message: Message) -> bool {
        let Some(session) = self.session(id).filter(|found| found.generation == generation) else {
            return false;
        };
        self.send_to(&session, message)
    }

    fn send_to(&self, session: &Session, message: Message) -> bool {
        let leader = bytes_of(self.0.leader.to_bytes());
        let is_sent =
            session.outbound.send(JobManagerMessage { leader, message: Some(message) }).is_ok();
        if !is_sent {
            self.lose(session, "it doesn't read what it is sent");
        }
        is_sent
    }

    /// Returns what is logged, since somebody has changed it, and each further change.
    pub(crate) fn log_level(&self) -> watch::Receiver<Option<String>> {
        self.0.log_level.subscribe()
    }

    /// Tells all TaskManagers to change what they log, those that come later, and whoever follows
    /// [`log_level`](Self::log_level).
    pub fn set_log_level(&self, directives: &str) {
        self.0.log_level.send_replace(Some(directives.to_owned()));
        for session in self.sessions() {
            let directives = directives.to_owned();
            let message = Message::SetLogLevel(proto::SetLogLevel { directives });
            self.send_to(&session, message);
        }
    }

    /// Ends all sessions: the JobManager stops.
    pub(crate) fn close(&self) {
        for session in self.sessions() {
            self.end_session(&session, "the JobManager stops");
        }
    }

    /// Adds a TaskManager. One with the same id that is there already is lost by that.
    fn register(
        &self,
        registration: Registration,
        peer: Option<SocketAddr>,
        outbound: Outbound,
    ) -> Arc<Session> {
        let now = SystemClock.now();
        let session = Arc::new(Session {
            registration: Arc::new(registration),
            generation: self.0.generations.fetch_add(1, Ordering::Relaxed),
            peer,
            registered_at: now,
            last_heartbeat: AtomicI64::new(now),
            gauges: Mutex::default(),
            outbound,
            lost: CancellationToken::new(),
        });
        let registration = &session.registration;
        let HeartbeatSettings { interval, timeout } = self.0.heartbeat;
        let accepted = proto::Registered {
            protocol: sciurus_rpc::PROTOCOL_VERSION,
            version: crate::VERSION.to_owned(),
            heartbeat_interval_ms: millis(interval),
            heartbeat_timeout_ms: millis(timeout),
        };
        // The first message, before any job may send one.
        self.send_to(&session, Message::Registered(accepted));
        let location = TaskManagerLocation {
            id: registration.id.clone(),
            endpoint: registration.host.clone(),
        };
        {
            let _membership = self.0.membership.lock();
            if let Some(earlier) = self.session(&registration.id) {
                let reason = "it has registered anew";
                tracing::warn!("TaskManager {} is lost: {reason}", registration.id);
                self.remove(&earlier, reason);
            }
            self.0.sessions.write().insert(registration.id.clone(), session.clone());
            let (generation, slots) = (session.generation, registration.slots);
            self.0.resources.task_manager_joined(location, generation, slots);
        }
        tracing::info!(
            "TaskManager {} on {} has registered with {} slots",
            registration.id,
            registration.host,
            registration.slots
        );
        // After the session is known: a change meanwhile reaches it at least once.
        let level = self.0.log_level.borrow().clone();
        if let Some(directives) = level {
            self.send_to(&session, Message::SetLogLevel(proto::SetLogLevel { directives }));
        }
        self.0.changes.send_modify(|count| *count += 1);
        session
    }

    /// Gives a TaskManager up: its session ends, its slots are gone, jobs hear of it. Whatever
    /// happens to a TaskManager, this is what follows; doing it again changes nothing.
    fn lose(&self, session: &Session, reason: &str) {
        if self.end_session(session, reason) {
            tracing::warn!("TaskManager {} is lost: {reason}", session.registration.id);
        }
    }

    /// Does what follows from a loss; says whether this was the first to notice.
    fn end_session(&self, session: &Session, reason: &str) -> bool {
        let _membership = self.0.membership.lock();
        self.remove(session, reason)
    }

    /// Does so while `membership` is held.
    fn remove(&self, session: &Session, reason: &str) -> bool {
        let id = &session.registration.id;
        {
            let mut sessions = self.0.sessions.write();
            if sessions.get(id).is_none_or(|found| found.generation != session.generation) {
                // Another has noticed first, or it never got so far.
                session.end();
                return false;
            }
            sessions.remove(id);
        }
        session.end();
        self.0.requests.lose(session.generation);
        let message = format!(
            "TaskManager {id} on {} is no longer reachable: {reason}",
            session.registration.host
        );
        let cause = FailureCause::new(Fault::Environment, "TaskManagerLost", message);
        self.0.resources.task_manager_lost(id, &cause);
        self.0.changes.send_modify(|count| *count += 1);
        true
    }

    fn session(&self, id: &TaskManagerId) -> Option<Arc<Session>> {
        self.0.sessions.read().get(id).cloned()
    }

    fn sessions(&self) -> Vec<Arc<Session>> {
        self.0.sessions.read().values().cloned().collect()
    }

    /// Says whether the TaskManager that takes invitations there is registered: by the host that it
    /// names, or the address that it comes from.
    fn is_registered_at(&self, host: &str, port: u16) -> bool {
        let address = host.parse::<IpAddr>().ok();
        self.0.sessions.read().values().any(|session| {
            session.registration.rpc_port == port
                && (session.registration.host == host
                    || address.is_some_and(|address| session.comes_from(address)))
        })
    }

    fn describe(&self, session: &Session) -> TaskManagerInfo {
        TaskManagerInfo {
            registration: session.registration.clone(),
            registered_at: session.registered_at,
            last_heartbeat: session.last_heartbeat.load(Ordering::Relaxed),
            allocated: self.0.resources.allocated(&session.registration.id),
            gauges: session.gauges.lock().clone(),
        }
    }
}

impl Session {
    fn touch(&self, now: Timestamp) {
        self.last_heartbeat.store(now, Ordering::Relaxed);
    }

    fn comes_from(&self, address: IpAddr) -> bool {
        self.peer.is_some_and(|peer| peer.ip().to_canonical() == address)
    }

    fn end(&self) {
        self.outbound.close();
        self.lost.cancel();
    }
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// Makes a message for a TaskManager that isn't registered.
fn message_of(leader: LeaderId, message: Message) -> JobManagerMessage {
    let leader: Bytes = bytes_of(leader.to_bytes());
    JobManagerMessage { leader, message: Some(message) }
}

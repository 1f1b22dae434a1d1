//! The session with the JobManager: reaching it, registering, and how long to wait in between.

mod backoff;
mod dial;
mod invite;

use std::time::Duration;

use sciurus_core::ids::LeaderId;
use sciurus_rpc::proto;
use sciurus_rpc::proto::job_manager_client::JobManagerClient;
use tokio::sync::mpsc;
use tonic::transport::Channel;

pub(crate) use backoff::Backoff;
pub(crate) use dial::{DialError, Registration, reach};
pub(crate) use invite::{Invitations, serve_invitations};

/// A session that has begun: the JobManager has taken the TaskManager.
pub(crate) struct Session {
    /// For calls beside the session.
    pub(crate) client: JobManagerClient<Channel>,
    pub(crate) inbound: tonic::Streaming<proto::JobManagerMessage>,
    pub(crate) outbox: mpsc::Sender<proto::TaskManagerMessage>,
    pub(crate) leader: LeaderId,
    /// The host under which workers are found.
    pub(crate) host: String,
    pub(crate) heartbeat_interval: Duration,
    pub(crate) heartbeat_timeout: Duration,
}

//! Asks TaskManagers to register: those whose addresses the JobManager was given.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use sciurus_rpc::convert::bytes_of;
use sciurus_rpc::proto::Invitation;
use sciurus_rpc::proto::task_manager_client::TaskManagerClient;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tonic::transport::Endpoint;

use super::TaskManagers;
use super::addresses::Addresses;

/// How long an invitation may take.
const INVITATION_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait after an invitation that failed: the first time, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long to wait after an invitation that was taken and not followed: it may follow another's.
const PATIENCE: Duration = Duration::from_secs(10);

/// Invites TaskManagers to the JobManager at `job_manager` (host:port), as long as they aren't
/// registered: those whose addresses are known, for as long as this is polled.
pub async fn dial_task_managers(
    task_managers: TaskManagers,
    addresses: impl Addresses,
    job_manager: String,
) {
    let (sender, receiver) = watch::channel(BTreeSet::new());
    tokio::select! {
        never = addresses.follow(sender) => match never {},
        () = dial(task_managers, receiver, job_manager) => {}
    }
}

async fn dial(
    task_managers: TaskManagers,
    mut addresses: watch::Receiver<BTreeSet<String>>,
    job_manager: String,
) {
    let mut tasks = JoinSet::new();
    let mut running: HashMap<String, AbortHandle> = HashMap::new();
    loop {
        let wanted = addresses.borrow_and_update().clone();
        running.retain(|address, task| {
            let is_wanted = wanted.contains(address);
            if !is_wanted {
                task.abort();
            }
            is_wanted
        });
        for address in wanted {
            running.entry(address).or_insert_with_key(|address| {
                let (task_managers, job_manager) = (task_managers.clone(), job_manager.clone());
                tasks.spawn(invite(task_managers, address.clone(), job_manager))
            });
        }
        if addresses.changed().await.is_err() {
            return;
        }
        // Those that were aborted.
        while tasks.try_join_next().is_some() {}
    }
}

async fn invite(task_managers: TaskManagers, address: String, job_manager: String) {
    let mut changes = task_managers.changes();
    let mut pause = FIRST_PAUSE;
    let mut has_complained = false;
    loop {
        changes.borrow_and_update();
        if is_registered(&task_managers, &address).await {
            (pause, has_complained) = (FIRST_PAUSE, false);
            if changes.changed().await.is_err() {
                return;
            }
            continue;
        }
        match timeout(INVITATION_TIMEOUT, send(&task_managers, &address, &job_manager)).await {
            Ok(Ok(())) => {
                (pause, has_complained) = (FIRST_PAUSE, false);
                let _ = timeout(PATIENCE, changes.changed()).await;
            }
            failed => {
                if !has_complained {
                    has_complained = true;
                    let reason = match failed {
                        Ok(Err(error)) => error,
                        _ => format!("no answer within {INVITATION_TIMEOUT:?}"),
                    };
                    tracing::warn!("can't invite the TaskManager at {address} yet: {reason}");
                }
                sleep(pause).await;
                pause = (2 * pause).min(LONGEST_PAUSE);
            }
        }
    }
}

/// Says whether the TaskManager at an address is known to be registered.
async fn is_registered(task_managers: &TaskManagers, address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else { return false };
    let Ok(port) = port.parse::<u16>() else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if task_managers.is_registered_at(host, port) {
        return true;
    }
    if host.parse::<IpAddr>().is_ok() {
        return false;
    }
    match timeout(INVITATION_TIMEOUT, tokio::net::lookup_host(address)).await {
        Ok(Ok(mut found)) => {
            found.any(|found| task_managers.is_registered_at(&found.ip().to_string(), port))
        }
        _ => false,
    }
}

async fn send(
    task_managers: &TaskManagers,
    address: &str,
    job_manager: &str,
) -> Result<(), String> {
    let describe = |error: &dyn std::error::Error| {
        let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        format!("{error}{source}")
    };
    let endpoint =
        Endpoint::from_shared(format!("http://{address}")).map_err(|error| describe(&error))?;
    let channel = endpoint.connect().await.map_err(|error| describe(&error))?;
    let invitation = Invitation {
        job_manager: job_manager.to_owned(),
        leader: bytes_of(task_managers.leader().to_bytes()),
    };
    let invited = TaskManagerClient::new(channel).invite(invitation).await;
    invited.map(drop).map_err(|status| status.message().to_owned())
}

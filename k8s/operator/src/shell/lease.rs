//! Of several operators one leads: the one that holds a Lease.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease as LeaseObject, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use tokio::time::{Instant, sleep};

use super::context::OPERATOR;

/// How long a leader leads that isn't heard of.
const LEASE_SECONDS: i32 = 15;

/// How often it is heard of.
const RENEW: Duration = Duration::from_secs(5);

/// How long before the end of its lease a leader that can't renew it stops to lead.
const MARGIN: Duration = Duration::from_secs(3);

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(4);

/// What follows from a lease as it is.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// It is taken, or renewed, by writing this.
    Write(LeaseSpec),
    /// Somebody else holds it.
    Wait,
}

/// Says what a contender does about a lease. A holder counts as gone when its lease has not changed
/// for as long as it says, by the contender's own clock: clocks of machines differ.
fn step(found: Option<&LeaseSpec>, identity: &str, now: Timestamp, unchanged: Duration) -> Step {
    let holder = found.and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default();
    let is_mine = holder == identity;
    let seconds = found.and_then(|spec| spec.lease_duration_seconds).unwrap_or(LEASE_SECONDS);
    let is_over =
        holder.is_empty() || unchanged >= Duration::from_secs(u64::from(seconds.unsigned_abs()));
    if !is_mine && !is_over {
        return Step::Wait;
    }
    let transitions = found.and_then(|spec| spec.lease_transitions).unwrap_or_default();
    let acquired = found.and_then(|spec| spec.acquire_time.clone()).filter(|_| is_mine);
    Step::Write(LeaseSpec {
        holder_identity: Some(identity.to_owned()),
        lease_duration_seconds: Some(LEASE_SECONDS),
        acquire_time: Some(acquired.unwrap_or(MicroTime(now))),
        renew_time: Some(MicroTime(now)),
        lease_transitions: Some(if is_mine { transitions } else { transitions + 1 }),
        ..LeaseSpec::default()
    })
}

/// The lease of all operators of a cluster.
pub struct Lease {
    api: Api<LeaseObject>,
    identity: String,
}

impl Lease {
    /// Uses the lease in a namespace.
    pub fn new(client: Client, namespace: &str, identity: &str) -> Self {
        Self { api: Api::namespaced(client, namespace), identity: identity.to_owned() }
    }

    /// Waits until this process holds the lease.
    pub async fn acquire(&self) {
        let mut last: Option<(Option<String>, Instant)> = None;
        loop {
            match self.read().await {
                Ok(found) => {
                    let version = found.as_ref().and_then(|l| l.metadata.resource_version.clone());
                    let since = match &last {
                        Some((known, since)) if *known == version => *since,
                        _ => Instant::now(),
                    };
                    last = Some((version, since));
                    if self.try_to_write(found, since.elapsed()).await {
                        return;
                    }
                }
                Err(error) => tracing::warn!("the lease {OPERATOR} can't be read: {error}"),
            }
            sleep(RENEW / 2).await;
        }
    }

    /// Keeps the lease; ends when it is lost.
    pub async fn keep(&self) {
        let life = Duration::from_secs(u64::from(LEASE_SECONDS.unsigned_abs()));
        let mut renewed = Instant::now();
        loop {
            sleep(RENEW).await;
            match self.read().await {
                Ok(found) => {
                    let holder = found.as_ref().and_then(|lease| lease.spec.as_ref());
                    let holder = holder.and_then(|spec| spec.holder_identity.clone());
                    if holder.as_deref() != Some(&self.identity) {
                        return;
                    }
                    let asked = Instant::now();
                    if self.try_to_write(found, Duration::ZERO).await {
                        renewed = asked;
                    }
                }
                Err(error) => tracing::warn!("the lease {OPERATOR} can't be renewed: {error}"),
            }
            if renewed.elapsed() + MARGIN >= life {
                return;
            }
        }
    }

    /// Gives the lease up, so that the next leader need not wait.
    pub async fn release(&self) {
        let Ok(Some(mut lease)) = self.read().await else { return };
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() == Some(&self.identity) {
            spec.holder_identity = Some(String::new());
            let parameters = PostParams::default();
            let written = self.api.replace(OPERATOR, &parameters, &lease);
            let _ = tokio::time::timeout(TIMEOUT, written).await;
        }
    }

    async fn read(&self) -> Result<Option<LeaseObject>, String> {
        match tokio::time::timeout(TIMEOUT, self.api.get_opt(OPERATOR)).await {
            Ok(found) => found.map_err(|error| error.to_string()),
            Err(_) => Err("the API server doesn't answer".to_owned()),
        }
    }

    async fn try_to_write(&self, found: Option<LeaseObject>, unchanged: Duration) -> bool {
        let spec = found.as_ref().and_then(|lease| lease.spec.as_ref());
        let Step::Write(spec) = step(spec, &self.identity, Timestamp::now(), unchanged) else {
            return false;
        };
        // That nobody else writes it at the same time, the API server sees to by its version.
        let written = async {
            #[expect(clippy::single_match_else, reason = "both are ways to write")]
            match found {
                Some(mut lease) => {
                    lease.spec = Some(spec);
                    self.api.replace(OPERATOR, &PostParams::default(), &lease).await
                }
                None => {
                    let metadata =
                        ObjectMeta { name: Some(OPERATOR.to_owned()), ..ObjectMeta::default() };
                    let lease = LeaseObject { metadata, spec: Some(spec) };
                    self.api.create(&PostParams::default(), &lease).await
                }
            }
        };
        match tokio::time::timeout(TIMEOUT, written).await {
            Ok(Ok(_)) => true,
            Ok(Err(kube::Error::Api(status))) if status.is_conflict() => false,
            Ok(Err(error)) => {
                tracing::warn!("the lease {OPERATOR} can't be written: {error}");
                false
            }
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held_by(holder: &str) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(15),
            lease_transitions: Some(3),
            acquire_time: Some(MicroTime(Timestamp::UNIX_EPOCH)),
            ..LeaseSpec::default()
        }
    }

    fn written(found: Option<&LeaseSpec>, unchanged: u64) -> Option<LeaseSpec> {
        let now = Timestamp::UNIX_EPOCH + Duration::from_secs(100);
        match step(found, "me", now, Duration::from_secs(unchanged)) {
            Step::Write(spec) => Some(spec),
            Step::Wait => None,
        }
    }

    #[test]
    fn a_lease_that_nobody_holds_is_taken() {
        assert_eq!(written(None, 0).unwrap().lease_transitions, Some(1));
        assert_eq!(written(Some(&held_by("")), 0).unwrap().lease_transitions, Some(4));
    }

    #[test]
    fn another_s_lease_is_taken_only_when_it_has_been_silent_for_long_enough() {
        assert_eq!(written(Some(&held_by("you")), 14), None);
        let taken = written(Some(&held_by("you")), 15).unwrap();
        assert_eq!(taken.holder_identity.as_deref(), Some("me"));
        assert_eq!(taken.lease_transitions, Some(4));
    }

    #[test]
    fn one_s_own_lease_is_renewed() {
        let renewed = written(Some(&held_by("me")), 0).unwrap();
        assert_eq!(renewed.lease_transitions, Some(3));
        assert_eq!(renewed.acquire_time, held_by("me").acquire_time);
    }
}

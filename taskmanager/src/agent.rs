//! The TaskManager's heart: registers, serves a session until it ends, cleans up, registers anew.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::error::TaskManagerError;
use crate::files::LogFiles;
use crate::metrics::Metrics;
use crate::scratch::Scratch;
use crate::serve::{Serving, SessionEnd};
use crate::session::{Backoff, DialError, Invitations, Registration, Session, reach};
use crate::settings::Settings;
use crate::workers::Workers;

/// How long workers may take to end when the TaskManager does, at most.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// All that a TaskManager is.
pub(crate) struct Agent {
    pub(crate) settings: Arc<Settings>,
    pub(crate) registration: Registration,
    pub(crate) invitations: Invitations,
    pub(crate) workers: Workers,
    pub(crate) metrics: Metrics,
    pub(crate) files: LogFiles,
    /// What workers find in their environment.
    pub(crate) environment: Arc<BTreeMap<String, String>>,
    pub(crate) log_directory: PathBuf,
    pub(crate) scratch: Scratch,
    pub(crate) stop: CancellationToken,
    /// Whether it is registered.
    pub(crate) registered: watch::Sender<bool>,
}

impl Agent {
    /// Runs until it is stopped, by its owner or the JobManager, or can't go on.
    pub(crate) async fn run(mut self) -> Result<(), TaskManagerError> {
        loop {
            let Some(session) = self.register().await? else { return Ok(()) };
            let job_manager = session.leader;
            info!(leader = %job_manager, host = session.host, "registered with the JobManager");
            self.invitations.set_leader(Some(job_manager));
            self.metrics.set_host(&session.host);
            self.registered.send_replace(true);
            let end = Serving::new(&mut self, session).run().await;
            // The session is closed by now: the JobManager need not wait for what follows.
            self.registered.send_replace(false);
            match end {
                SessionEnd::Lost(reason) => {
                    warn!(leader = %job_manager, reason, "lost the JobManager; ending all workers");
                    self.workers.kill_all().await;
                    self.metrics.reset();
                }
                SessionEnd::Rejected { reason, retriable } => {
                    warn!(leader = %job_manager, reason, "the JobManager ends the session");
                    self.workers.kill_all().await;
                    self.metrics.reset();
                    if !retriable {
                        return Err(TaskManagerError::Rejected { reason });
                    }
                    tokio::select! {
                        () = self.stop.cancelled() => return Ok(()),
                        () = sleep(Backoff::new().pause()) => {}
                    }
                }
                SessionEnd::ShutDown => {
                    info!("the JobManager shuts the TaskManager down");
                    return self.end().await;
                }
                SessionEnd::Stopped => return self.end().await,
            }
            // Only now: whoever invites it must not find a worker of the last session.
            self.invitations.set_leader(None);
        }
    }

    async fn end(&mut self) -> Result<(), TaskManagerError> {
        self.workers.stop_all(STOP_GRACE.min(self.settings.shutdown_timeout / 2)).await;
        Ok(())
    }

    /// Tries until a JobManager takes it; `None` where it is stopped before.
    async fn register(&mut self) -> Result<Option<Session>, TaskManagerError> {
        let timeout = self.settings.registration_timeout;
        let deadline = Instant::now().checked_add(timeout);
        let expired = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let mut expired = std::pin::pin!(expired);
        let mut tries = Tries::new(self.settings.job_manager.clone());
        loop {
            let pause = match tries.next() {
                Some(address) => tokio::select! {
                    () = self.stop.cancelled() => return Ok(None),
                    () = &mut expired => return Err(tries.give_up(timeout)),
                    invited = self.invitations.addresses.recv() => {
                        tries.invite(invited);
                        continue;
                    }
                    reached = reach(&address, self.registration.host.as_deref()) => {
                        // An invitation waits until this is answered: the JobManager may have
                        // deployed tasks by then.
                        let session = match reached {
                            Ok(reached) => tokio::select! {
                                () = self.stop.cancelled() => return Ok(None),
                                () = &mut expired => return Err(tries.give_up(timeout)),
                                session = reached.register(&self.registration) => session,
                            },
                            Err(error) => Err(error),
                        };
                        match session {
                            Ok(session) => return Ok(Some(session)),
                            Err(DialError::Rejected { reason, retriable: false }) => {
                                return Err(TaskManagerError::Rejected { reason });
                            }
                            Err(error) => tries.failed(&error),
                        }
                    }
                },
                None => Duration::from_secs(3600),
            };
            tokio::select! {
                () = self.stop.cancelled() => return Ok(None),
                () = &mut expired => return Err(tries.give_up(timeout)),
                invited = self.invitations.addresses.recv() => tries.invite(invited),
                () = sleep(pause) => {}
            }
        }
    }
}

/// Whom to try next, and what came of it.
struct Tries {
    configured: Option<String>,
    invited: Option<String>,
    /// Whether it is the turn of the one that has invited it.
    turn_of_invited: bool,
    backoff: Backoff,
    /// What was logged last: the same is not logged again.
    last: Option<String>,
}

impl Tries {
    fn new(configured: Option<String>) -> Self {
        if configured.is_none() {
            info!("no jobmanager.rpc.address is set; waiting for a JobManager's invitation");
        }
        let backoff = Backoff::new();
        Self { configured, invited: None, turn_of_invited: false, backoff, last: None }
    }

    fn next(&mut self) -> Option<String> {
        let turn_of_invited = self.turn_of_invited || self.configured.is_none();
        self.turn_of_invited = !turn_of_invited;
        let (mut first, mut second) = (&self.configured, &self.invited);
        if turn_of_invited {
            std::mem::swap(&mut first, &mut second);
        }
        first.as_ref().or(second.as_ref()).cloned()
    }

    fn invite(&mut self, address: Option<String>) {
        if let Some(address) = address {
            info!(address, "a JobManager invites the TaskManager");
            self.invited = Some(address);
            self.turn_of_invited = true;
            self.backoff = Backoff::new();
        }
    }

    fn failed(&mut self, error: &DialError) -> Duration {
        let text = error.to_string();
        if self.last.as_ref() != Some(&text) {
            warn!("{text}; trying on");
            self.last = Some(text);
        }
        self.backoff.pause()
    }

    fn give_up(&self, waited: Duration) -> TaskManagerError {
        let reason = self.last.clone().unwrap_or_else(|| {
            "no jobmanager.rpc.address is set, and no JobManager has invited it".to_owned()
        });
        TaskManagerError::NotRegistered { waited, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configured_and_the_inviting_job_manager_take_turns() {
        let mut tries = Tries::new(Some("a:1".to_owned()));
        assert_eq!(tries.next().as_deref(), Some("a:1"));
        assert_eq!(tries.next().as_deref(), Some("a:1"));
        tries.invite(Some("b:1".to_owned()));
        let order: Vec<_> = (0..4).filter_map(|_| tries.next()).collect();
        assert_eq!(order, ["b:1", "a:1", "b:1", "a:1"]);
        let mut tries = Tries::new(None);
        assert_eq!(tries.next(), None);
        tries.invite(Some("b:1".to_owned()));
        assert_eq!((tries.next(), tries.next()), (Some("b:1".to_owned()), Some("b:1".to_owned())));
    }

    #[test]
    fn giving_up_says_what_came_of_the_last_try() {
        let mut tries = Tries::new(Some("a:1".to_owned()));
        let error =
            DialError::Unreachable { address: "a:1".to_owned(), reason: "refused".to_owned() };
        let first = tries.failed(&error);
        assert!(tries.failed(&error) > first);
        let text = tries.give_up(Duration::from_secs(300)).to_string();
        assert!(text.contains("300 s") && text.contains("a:1: refused"), "{text}");
    }
}

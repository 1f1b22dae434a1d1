//! The states of a job.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::State;

/// Says how a job stands: Flink's `JobStatus`.
///
/// One difference: a job that has none of its slots yet is [`JobStatus::Created`], where Flink
/// calls it running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum JobStatus {
    /// It was accepted, its master hasn't started.
    Initializing,
    /// Its master has started, no task was deployed yet.
    Created,
    /// Its tasks are deployed or running.
    Running,
    /// It failed for good and its tasks are being stopped.
    Failing,
    /// It failed for good.
    Failed,
    /// It was cancelled and its tasks are being stopped.
    Cancelling,
    /// It was cancelled.
    Canceled,
    /// All of its tasks have finished.
    Finished,
    /// Some of its tasks failed and will be run again.
    Restarting,
    /// Its master gave it up without an end; another may go on with it.
    Suspended,
    /// A new master is looking for its running tasks.
    Reconciling,
}

impl JobStatus {
    /// Every status.
    pub const ALL: [Self; 11] = [
        Self::Initializing,
        Self::Created,
        Self::Running,
        Self::Failing,
        Self::Failed,
        Self::Cancelling,
        Self::Canceled,
        Self::Finished,
        Self::Restarting,
        Self::Suspended,
        Self::Reconciling,
    ];

    /// Says whether the job has ended, wherever its master runs.
    pub const fn is_globally_terminal(self) -> bool {
        matches!(self, Self::Failed | Self::Canceled | Self::Finished)
    }

    /// Says whether this master does nothing more for the job.
    pub const fn is_terminal(self) -> bool {
        self.is_globally_terminal() || matches!(self, Self::Suspended)
    }

    /// Returns Flink's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Initializing => "INITIALIZING",
            Self::Created => "CREATED",
            Self::Running => "RUNNING",
            Self::Failing => "FAILING",
            Self::Failed => "FAILED",
            Self::Cancelling => "CANCELLING",
            Self::Canceled => "CANCELED",
            Self::Finished => "FINISHED",
            Self::Restarting => "RESTARTING",
            Self::Suspended => "SUSPENDED",
            Self::Reconciling => "RECONCILING",
        }
    }
}

impl State for JobStatus {
    fn may_become(self, next: Self) -> bool {
        if self.is_terminal() {
            return false;
        }
        let is_up = matches!(
            self,
            Self::Initializing
                | Self::Created
                | Self::Running
                | Self::Restarting
                | Self::Reconciling
        );
        match next {
            Self::Initializing => false,
            Self::Suspended => true,
            Self::Created | Self::Reconciling => self == Self::Initializing,
            Self::Running => {
                matches!(self, Self::Created | Self::Restarting | Self::Reconciling)
            }
            Self::Restarting => matches!(self, Self::Created | Self::Running),
            Self::Failing => is_up,
            // Whoever cancels a job that is failing wants it cancelled.
            Self::Cancelling => is_up || self == Self::Failing,
            Self::Failed => matches!(self, Self::Failing | Self::Initializing),
            Self::Canceled => self == Self::Cancelling,
            Self::Finished => self == Self::Running,
        }
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use JobStatus::{
        Canceled, Cancelling, Created, Failed, Failing, Finished, Initializing, Reconciling,
        Restarting, Running, Suspended,
    };

    #[test]
    fn legal_transitions_are_these() {
        let legal: [(JobStatus, &[JobStatus]); 11] = [
            (Initializing, &[Created, Reconciling, Failing, Failed, Cancelling, Suspended]),
            (Created, &[Running, Restarting, Failing, Cancelling, Suspended]),
            (Running, &[Restarting, Failing, Cancelling, Finished, Suspended]),
            (Restarting, &[Running, Failing, Cancelling, Suspended]),
            (Reconciling, &[Running, Failing, Cancelling, Suspended]),
            (Failing, &[Failed, Cancelling, Suspended]),
            (Cancelling, &[Canceled, Suspended]),
            (Failed, &[]),
            (Canceled, &[]),
            (Finished, &[]),
            (Suspended, &[]),
        ];
        for (from, next) in legal {
            for to in JobStatus::ALL {
                assert_eq!(from.may_become(to), next.contains(&to), "{from} to {to}");
            }
        }
    }

    #[test]
    fn json_holds_flink_s_name() {
        for status in JobStatus::ALL {
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{status}\""));
        }
    }
}

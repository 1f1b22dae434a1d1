//! How clients submit and follow jobs, and what becomes of the cluster of one job.

use std::time::Duration;

use crate::config::choice::choice;

choice! {
    /// Chooses who owns the files of a snapshot that a job was started from.
    pub enum RecoveryClaimMode {
        /// The job: it may delete them.
        Claim = "CLAIM",
        /// Whoever owned them: the job's first checkpoint refers to none of them.
        NoClaim = "NO_CLAIM",
        /// Whoever owned them, yet the job's checkpoints may refer to them.
        Legacy = "LEGACY",
    }
}

super::options! {
    title: "Clients and applications";

    /// Longest time that a client waits for an answer.
    TIMEOUT: Duration = "client.timeout"
        .default(|| Duration::from_secs(60));

    /// Time between two questions of a client for the end of a job.
    RETRY_PERIOD: Duration = "client.retry-period"
        .default(|| Duration::from_secs(2));

    /// Whether a client waits for the end of the job that it submitted.
    ATTACHED: bool = "execution.attached"
        .default(|| false);

    /// Whether a job that a client waits for is cancelled when the client is interrupted.
    SHUTDOWN_ON_ATTACHED_EXIT: bool = "execution.shutdown-on-attached-exit"
        .default(|| false)
        .deprecated_keys(&["execution.shutdown-on-client-exit"]);

    /// Whether the cluster of one application ends with it.
    SHUTDOWN_ON_APPLICATION_FINISH: bool = "execution.shutdown-on-application-finish"
        .default(|| true);

    /// Whether an application that fails before it has a job is shown as a failed job.
    SUBMIT_FAILED_JOB_ON_APPLICATION_ERROR: bool =
        "execution.submit-failed-job-on-application-error"
        .default(|| false);

    /// Snapshot that a job is started from.
    STATE_RECOVERY_PATH: String = "execution.state-recovery.path"
        .deprecated_keys(&["execution.savepoint.path"])
        .example("file:///savepoints/savepoint-1");

    /// Whether state of operators that the job no longer has is left out without an error.
    STATE_RECOVERY_IGNORE_UNCLAIMED_STATE: bool = "execution.state-recovery.ignore-unclaimed-state"
        .default(|| false)
        .deprecated_keys(&["execution.savepoint.ignore-unclaimed-state"]);

    /// Who owns the files of the snapshot that a job is started from.
    STATE_RECOVERY_CLAIM_MODE: RecoveryClaimMode = "execution.state-recovery.claim-mode"
        .default(|| RecoveryClaimMode::NoClaim)
        .deprecated_keys(&["execution.savepoint-restore-mode"]);

    /// Packages of the job: `standalone-job` takes the first.
    PIPELINE_JARS: Vec<String> = "pipeline.jars"
        .example("file:///opt/flink/usrlib/job.jar");

    /// Further places of packages; `standalone-job` looks there for one that has the entry wanted.
    PIPELINE_CLASSPATHS: Vec<String> = "pipeline.classpaths"
        .example("file:///opt/flink/usrlib/job.jar");
}

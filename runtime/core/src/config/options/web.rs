//! What users may do over the REST API, and what it shows.

use std::time::Duration;

super::options! {
    title: "Web";

    /// Whether jobs may be submitted over the REST API.
    SUBMIT_ENABLE: bool = "web.submit.enable"
        .default(|| true)
        .deprecated_keys(&["jobmanager.web.submit.enable"]);

    /// Whether jobs may be cancelled over the REST API.
    CANCEL_ENABLE: bool = "web.cancel.enable"
        .default(|| true);

    /// Time between two refreshes of the web interface.
    REFRESH_INTERVAL: Duration = "web.refresh-interval"
        .default(|| Duration::from_secs(3))
        .deprecated_keys(&["jobmanager.web.refresh-interval"]);

    /// Directory for uploaded packages. Without it they lie in a temporary directory and are gone
    /// with the JobManager.
    UPLOAD_DIR: String = "web.upload.dir"
        .deprecated_keys(&["jobmanager.web.upload.dir"])
        .example("/var/lib/sciurus/packages");

    /// Directory for what the REST server keeps for a while. Without it the first directory for
    /// temporary files is taken.
    TMP_DIR: String = "web.tmpdir"
        .deprecated_keys(&["jobmanager.web.tmpdir"])
        .example("/tmp");

    /// Number of failures of a job that its exceptions show.
    EXCEPTION_HISTORY_SIZE: usize = "web.exception-history-size"
        .default(|| 16)
        .rule("at least 1", |failures| *failures >= 1);

    /// Number of checkpoints of a job that are shown.
    CHECKPOINTS_HISTORY_SIZE: usize = "web.checkpoints.history"
        .default(|| 10)
        .deprecated_keys(&["jobmanager.web.checkpoints.history"]);

    /// Number of changes of a job's parallelism that are shown, with the adaptive scheduler.
    ADAPTIVE_SCHEDULER_RESCALE_HISTORY_SIZE: usize = "web.adaptive-scheduler.rescale-history.size"
        .default(|| 0);

    /// Value of the header `Access-Control-Allow-Origin` of each answer.
    ACCESS_CONTROL_ALLOW_ORIGIN: String = "web.access-control-allow-origin"
        .default(|| "*".to_owned())
        .deprecated_keys(&["jobmanager.web.access-control-allow-origin"]);

    /// Log file of the JobManager that the REST API shows; set by `sciurus` where it writes one.
    LOG_PATH: String = "web.log.path"
        .deprecated_keys(&["jobmanager.web.log.path"])
        .example("/opt/flink/log/jobmanager.log");

    /// Longest time that an operation triggered over the REST API may take.
    TIMEOUT: Duration = "web.timeout"
        .default(|| Duration::from_secs(600));
}

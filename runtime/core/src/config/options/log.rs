//! Where the log goes, how much of it, and in which form.

use crate::config::MemorySize;
use crate::config::choice::choice;

choice! {
    /// Chooses the form of a log's lines.
    pub enum LogFormat {
        /// JSON for what a process prints in a pod, else text.
        Auto = "auto",
        /// For people.
        Text = "text",
        /// For programs: one JSON object a line.
        Json = "json",
    }
}

super::options! {
    title: "Log";

    /// Directory of the log files of a process. Without it: the environment's `FLINK_LOG_DIR`, else
    /// `log` below `FLINK_HOME`.
    DIR: String = "env.log.dir"
        .example("/opt/flink/log");

    /// Number of full log files that are kept beside the current one.
    MAX: u32 = "env.log.max"
        .default(|| 10)
        .example("10");

    /// Size from which a log file is put aside and a new one begun.
    MAX_FILE_SIZE: MemorySize = "sciurus.log.max-file-size"
        .default(|| MemorySize::from_mib(10))
        .rule("at least 64 kb", |size| size.bytes() >= 64 << 10)
        .example("10 mb");

    /// What is logged: a level (`error`, `warn`, `info`, `debug`, `trace`), also for parts of the
    /// program, as in `info,sciurus_jobmanager=debug`. The environment's `RUST_LOG` comes first.
    LEVEL: String = "sciurus.log.level"
        .fallback_keys(&["env.log.level"])
        .default(|| "info".to_owned())
        .example("info");

    /// What is logged, in Flink's words.
    FLINK_LEVEL: String = "env.log.level"
        .default(|| "INFO".to_owned())
        .example("INFO");

    /// Form of the log's lines: `text` for people, `json` for one JSON object a line; `auto` is `json`
    /// for what a process in a Kubernetes pod prints, and else `text`.
    FORMAT: LogFormat = "log.format"
        .deprecated_keys(&["sciurus.log.format"])
        .default(|| LogFormat::Auto);
}

//! Where a process of a cluster's job logs to.

use std::env;

use sciurus_core::config::Configuration;
use sciurus_core::config::options::log;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

/// Sends logs to standard error, which the manager keeps in a file, unless the program has a
/// subscriber of its own.
pub(super) fn install(configuration: &Configuration) {
    let setting = env::var("RUST_LOG").ok().or_else(|| configuration.get(&log::LEVEL).ok());
    let filter = setting.and_then(|setting| filter(&setting));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_thread_names(true)
        .with_ansi(false);
    let filter = filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let _ = tracing_subscriber::registry().with(lines).with(filter).try_init();
}

/// Reads what is logged: a level, and levels of parts of the program.
fn filter(setting: &str) -> Option<Targets> {
    // Flink's word for nothing is OFF, as here; its FATAL has no other than ERROR.
    let setting = if setting.eq_ignore_ascii_case("fatal") { "error" } else { setting };
    setting.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn levels_may_differ_by_part_of_the_program() {
        let targets = filter("WARN,sciurus_engine=debug").unwrap();
        assert!(targets.would_enable("sciurus_engine::task", &Level::DEBUG));
        assert!(!targets.would_enable("sciurus", &Level::INFO));
        assert!(filter("FATAL").unwrap().would_enable("x", &Level::ERROR));
        assert!(filter("a=b=c").is_none());
    }
}

//! Where a process of a cluster's job logs to.

use std::sync::OnceLock;

use sciurus_core::config::Configuration;
use sciurus_core::config::options::log::{self, LogFormat};
use sciurus_logging::{Form, Levels, configured_levels, lines};
use tracing_subscriber::prelude::*;

/// What this process logs, if its subscriber is ours.
static LEVELS: OnceLock<Levels> = OnceLock::new();

/// Sends logs to standard error, which the manager keeps in a file, unless the program has a
/// subscriber of its own.
pub(super) fn install(configuration: &Configuration) {
    let setting = configured_levels(configuration).ok();
    let given = setting.as_deref().map(Levels::new);
    let refused = given.as_ref().and_then(|given| given.as_ref().err().cloned());
    let Some((filter, levels)) = given.and_then(Result::ok).or_else(|| Levels::new("info").ok())
    else {
        return;
    };
    let form = Form::of_output(configuration.get(&log::FORMAT).unwrap_or(LogFormat::Auto));
    let lines = lines(form, false, std::io::stderr);
    if tracing_subscriber::registry().with(filter).with(lines).try_init().is_ok() {
        let _ = LEVELS.set(levels);
    }
    if let Some(error) = refused {
        tracing::warn!("{error}");
    }
}

/// Changes what this process logs; a program with a subscriber of its own knows better.
pub(super) fn set_level(directives: &str) {
    match LEVELS.get().map(|levels| levels.set(directives)) {
        Some(Ok(())) => tracing::info!("changed what is logged to {directives}"),
        Some(Err(error)) => tracing::warn!("{error}"),
        None => {}
    }
}

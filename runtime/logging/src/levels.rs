//! How much is logged: a level, also for parts of the program.

use std::env;
use std::sync::{Arc, Mutex, PoisonError};

use sciurus_core::config::options::log;
use sciurus_core::config::{ConfigError, Configuration};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::{Registry, reload};

/// The environment's name for what is logged, which comes before the configuration's.
pub const LEVEL_VARIABLE: &str = "RUST_LOG";

/// Says why a text isn't levels.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{given}' does not say what to log: {reason}; it is a level (error, warn, info, debug, trace, \
     off), also of parts of the program, as in info,sciurus_jobmanager=debug"
)]
pub struct LevelError {
    /// The text.
    pub given: String,
    /// What is wrong with it.
    pub reason: String,
}

/// What a process logs. Clones are the same.
#[derive(Clone, Debug)]
pub struct Levels {
    filter: reload::Handle<Targets, Registry>,
    current: Arc<Mutex<String>>,
}

impl Levels {
    /// Makes the layer that keeps back what isn't logged, the lowest one, and what changes it.
    ///
    /// # Errors
    /// [`LevelError`] if the text makes no sense.
    pub fn new(directives: &str) -> Result<(reload::Layer<Targets, Registry>, Self), LevelError> {
        let (layer, filter) = reload::Layer::new(parse_levels(directives)?);
        Ok((layer, Self { filter, current: Arc::new(Mutex::new(directives.to_owned())) }))
    }

    /// Returns what is logged.
    pub fn current(&self) -> String {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes what is logged.
    ///
    /// # Errors
    /// [`LevelError`] if the text makes no sense. Nothing changes then.
    pub fn set(&self, directives: &str) -> Result<(), LevelError> {
        let new = parse_levels(directives)?;
        self.filter.reload(new).map_err(|error| LevelError {
            given: directives.to_owned(),
            reason: error.to_string(),
        })?;
        directives.clone_into(&mut self.current.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }
}

/// Returns what the environment says is to be logged, else the configuration.
///
/// # Errors
/// [`ConfigError`] if the configuration's value can't be read.
pub fn configured_levels(configuration: &Configuration) -> Result<String, ConfigError> {
    match env::var(LEVEL_VARIABLE) {
        Ok(directives) if !directives.trim().is_empty() => Ok(directives),
        _ => configuration.get(&log::LEVEL),
    }
}

/// Reads levels: one, and others for parts of the program.
///
/// # Errors
/// [`LevelError`] if the text makes no sense.
pub fn parse_levels(directives: &str) -> Result<Targets, LevelError> {
    let refused = |reason: String| LevelError { given: directives.to_owned(), reason };
    // Flink's word for nothing is OFF, as here; its FATAL has no other than ERROR.
    let directives = directives.trim();
    let directives = if directives.eq_ignore_ascii_case("fatal") { "error" } else { directives };
    // A part of the program without a level would mean all of it and of nothing else: more likely
    // a level is misspelt.
    let is_level = |part: &&str| {
        part.contains('=') || (!part.is_empty() && part.parse::<LevelFilter>().is_ok())
    };
    if let Some(part) = directives.split(',').map(str::trim).find(|part| !is_level(part)) {
        return Err(refused(format!("there is no level '{part}'")));
    }
    directives.parse::<Targets>().map_err(|error| refused(error.to_string()))
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn levels_are_read_in_our_words_and_in_flinks() {
        for directives in ["info", "INFO", " debug ", "warn,sciurus_jobmanager=trace", "OFF"] {
            parse_levels(directives).unwrap();
        }
        for wrong in ["a=b=c", "inof", "warn,a=loud", ""] {
            let error = parse_levels(wrong).unwrap_err().to_string();
            assert!(error.starts_with(&format!("'{wrong}' does not say what to log: ")), "{error}");
        }
    }

    #[test]
    fn levels_may_differ_by_part_of_the_program() {
        let targets = parse_levels("WARN,sciurus_engine=debug").unwrap();
        assert!(targets.would_enable("sciurus_engine::task", &Level::DEBUG));
        assert!(!targets.would_enable("sciurus", &Level::INFO));
        assert!(parse_levels("FATAL").unwrap().would_enable("x", &Level::ERROR));
    }

    #[test]
    fn what_makes_no_sense_changes_nothing() {
        let (_layer, levels) = Levels::new("info").unwrap();
        levels.set("loud").unwrap_err();
        assert_eq!(levels.current(), "info");
        levels.set("debug").unwrap();
        assert_eq!(levels.current(), "debug");
    }
}

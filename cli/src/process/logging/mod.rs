//! Logs of a manager: to the console for whoever looks on, and to a file for the REST API.

mod directory;
mod rolling_file;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use sciurus_core::config::Configuration;
use sciurus_core::config::options::log::{self, LogFormat};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt, reload};

use super::ProcessError;
use directory::file_name;
pub use directory::log_directory;
use rolling_file::{OpenError, RollingFile};

/// Most processes of a kind that log to one directory.
const FILES_MAX: u32 = 1000;

/// The environment's name for what is logged.
const LEVEL_VARIABLE: &str = "RUST_LOG";

type BoxedLayer = Box<dyn Layer<reloadable::Filtered> + Send + Sync>;

/// Names the layers in the order in which they lie.
mod reloadable {
    use tracing_subscriber::filter::Targets;
    use tracing_subscriber::layer::Layered;
    use tracing_subscriber::{Registry, reload};

    pub type Filtered = Layered<reload::Layer<Targets, Registry>, Registry>;
}

/// Gives access to the log of this process.
#[derive(Clone)]
pub struct Logging {
    /// The log file, where there is one.
    pub file: Option<PathBuf>,
    filter: reload::Handle<Targets, Registry>,
}

impl Logging {
    /// Begins to log: to the console unless in the background, and to a file of the process where
    /// the configuration or the environment knows a directory. Where no file can be written the
    /// console has to do.
    ///
    /// # Errors
    /// [`ProcessError::LogLevel`] if what is to be logged makes no sense, [`ProcessError::Setting`].
    pub fn start(
        configuration: &Configuration,
        process: &str,
        background: bool,
    ) -> Result<Self, ProcessError> {
        let (filter, handle) = reload::Layer::new(filter(configuration)?);
        let format = configuration.get(&log::FORMAT)?;
        let mut layers: Vec<BoxedLayer> = Vec::new();
        let mut path = None;
        let mut complaint = None;
        if let Some(directory) = log_directory(configuration)? {
            let max_bytes = configuration.get(&log::MAX_FILE_SIZE)?.bytes();
            match open(&directory, process, max_bytes, configuration.get(&log::MAX)?) {
                Ok((at, file)) => {
                    layers.push(layer(format, false, Mutex::new(file)));
                    path = Some(at);
                }
                Err(error) => complaint = Some((directory, error)),
            }
        }
        if !background || path.is_none() {
            layers.push(layer(format, io::stdout().is_terminal(), io::stdout));
        }
        let subscriber = tracing_subscriber::registry().with(filter).with(layers);
        // Fails if there is one already, as in tests that start two managers in one process.
        let _ = subscriber.try_init();
        if let Some((directory, error)) = complaint {
            tracing::warn!("cannot write a log file in {}: {error}", directory.display());
        }
        Ok(Self { file: path, filter: handle })
    }

    /// Changes what is logged: a level, also for parts of the program.
    ///
    /// # Errors
    /// [`ProcessError::LogLevel`] if the text makes no sense.
    pub fn set_level(&self, directives: &str) -> Result<(), ProcessError> {
        let new = parse_filter(directives)?;
        self.filter.reload(new).map_err(|error| ProcessError::LogLevel {
            given: directives.to_owned(),
            reason: error.to_string(),
        })
    }
}

/// Opens the first log file of the process' kind that no other process writes to.
fn open(
    directory: &Path,
    process: &str,
    max_bytes: u64,
    keep: u32,
) -> Result<(PathBuf, RollingFile), OpenError> {
    let mut number = 0;
    loop {
        let path = directory.join(file_name(process, number));
        match RollingFile::open(&path, max_bytes, keep) {
            Err(OpenError::Taken) if number < FILES_MAX => number += 1,
            opened => return opened.map(|file| (path, file)),
        }
    }
}

fn layer<W>(format: LogFormat, ansi: bool, writer: W) -> BoxedLayer
where
    W: for<'a> fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = fmt::layer().with_writer(writer);
    match format {
        LogFormat::Text => layer.with_ansi(ansi).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_ansi(false).boxed(),
    }
}

fn filter(configuration: &Configuration) -> Result<Targets, ProcessError> {
    match std::env::var(LEVEL_VARIABLE) {
        Ok(directives) if !directives.trim().is_empty() => parse_filter(&directives),
        _ => parse_filter(&configuration.get(&log::LEVEL)?),
    }
}

fn parse_filter(directives: &str) -> Result<Targets, ProcessError> {
    let refused = |reason: String| ProcessError::LogLevel { given: directives.to_owned(), reason };
    // A part of the program without a level would mean all of it and of nothing else: more likely
    // a level is misspelt.
    let is_level = |part: &&str| part.contains('=') || part.parse::<LevelFilter>().is_ok();
    if let Some(part) = directives.split(',').map(str::trim).find(|part| !is_level(part)) {
        return Err(refused(format!("there is no level '{part}'")));
    }
    directives.trim().parse::<Targets>().map_err(|error| refused(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_in_our_words_and_in_flinks() {
        for directives in ["info", "INFO", " debug ", "warn,sciurus_jobmanager=trace", "OFF"] {
            parse_filter(directives).unwrap();
        }
        for wrong in ["a=b=c", "inof", "warn,a=loud"] {
            let error = parse_filter(wrong).unwrap_err().to_string();
            assert!(error.starts_with(&format!("'{wrong}' does not say what to log: ")), "{error}");
        }
    }
}

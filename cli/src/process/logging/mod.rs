//! Logs of a manager: to the console for whoever looks on, and to a file for the REST API.

mod directory;
mod rolling_file;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use sciurus_core::config::Configuration;
use sciurus_core::config::options::log;
use sciurus_logging::{Form, Levels, Lines, configured_levels, lines};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layered, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, reload};

use super::ProcessError;
use directory::file_name;
pub use directory::log_directory;
use rolling_file::{OpenError, RollingFile};

/// Most processes of a kind that log to one directory.
const FILES_MAX: u32 = 1000;

/// What the layers that write lines lie on.
type Filtered = Layered<reload::Layer<Targets, Registry>, Registry>;

/// Gives access to the log of this process.
#[derive(Clone)]
pub struct Logging {
    /// The log file, where there is one.
    pub file: Option<PathBuf>,
    /// What is logged.
    pub levels: Levels,
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
        let (filter, levels) = Levels::new(&configured_levels(configuration)?)?;
        let format = configuration.get(&log::FORMAT)?;
        let mut layers: Vec<Lines<Filtered>> = Vec::new();
        let mut path = None;
        let mut complaint = None;
        if let Some(directory) = log_directory(configuration)? {
            let max_bytes = configuration.get(&log::MAX_FILE_SIZE)?.bytes();
            match open(&directory, process, max_bytes, configuration.get(&log::MAX)?) {
                Ok((at, file)) => {
                    layers.push(lines(Form::of_file(format), false, Mutex::new(file)));
                    path = Some(at);
                }
                Err(error) => complaint = Some((directory, error)),
            }
        }
        if !background || path.is_none() {
            let form = Form::of_output(format);
            layers.push(lines(form, io::stdout().is_terminal(), io::stdout));
        }
        let subscriber = tracing_subscriber::registry().with(filter).with(layers);
        // Fails if there is one already, as in tests that start two managers in one process.
        let _ = subscriber.try_init();
        if let Some((directory, error)) = complaint {
            tracing::warn!("cannot write a log file in {}: {error}", directory.display());
        }
        Ok(Self { file: path, levels })
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

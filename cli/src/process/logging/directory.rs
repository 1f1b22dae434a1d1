//! Where log files lie and what they are called: as with Flink.

use std::path::{Path, PathBuf};

use sciurus_core::config::Configuration;
use sciurus_core::config::load::HOME;
use sciurus_core::config::options::log;

use crate::process::ProcessError;

/// The environment's name for the directory of log files.
const LOG_DIR: &str = "FLINK_LOG_DIR";

/// Returns the directory of log files: the configuration's, else the environment's, else `log`
/// below the home, if there is one.
///
/// # Errors
/// [`ProcessError::Setting`].
pub fn log_directory(configuration: &Configuration) -> Result<Option<PathBuf>, ProcessError> {
    let environment = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(directory) = configuration.get_optional(&log::DIR)? {
        return Ok(Some(directory.into()));
    }
    if let Some(directory) = environment(LOG_DIR) {
        return Ok(Some(directory.into()));
    }
    let home = environment(HOME).map(|home| Path::new(&home).join("log"));
    Ok(home.filter(|directory| directory.is_dir()))
}

/// Returns the name of a log file: `flink-USER-jobmanager-0-HOST.log`. The number tells processes
/// apart that share a host and a directory.
pub fn file_name(process: &str, number: u32) -> String {
    let user = std::env::var("USER").ok().filter(|user| !user.is_empty());
    let user = user.unwrap_or_else(|| rustix::process::getuid().as_raw().to_string());
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy().into_owned();
    let clean = |text: String| text.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "-");
    format!("flink-{}-{process}-{number}-{}.log", clean(user), clean(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_files_name_tells_the_process() {
        let name = file_name("jobmanager", 3);
        assert!(name.starts_with("flink-") && name.contains("-jobmanager-3-"), "{name}");
        assert_eq!(Path::new(&name).extension().unwrap(), "log");
        assert!(!name.contains('/'), "{name}");
    }

    #[test]
    fn the_configuration_names_the_directory() {
        let configuration = Configuration::from_pairs([("env.log.dir", "/x")]);
        assert_eq!(log_directory(&configuration).unwrap(), Some("/x".into()));
    }
}

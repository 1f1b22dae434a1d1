//! `standalone-job`: a cluster for one job.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sciurus_core::config::Configuration;
use sciurus_core::config::load::HOME;
use sciurus_core::config::options::client::{self, RecoveryClaimMode};
use sciurus_jobmanager::{Application, ApplicationSource};

use super::jobmanager;
use super::manager::{self, Kind};
use crate::Error;
use crate::arguments::{ClaimMode, StandaloneJob, local_path};

/// Where Flink's images have packages, below the home.
const PACKAGE_DIRECTORIES: [&str; 4] = ["usrlib", "lib", "examples", "examples/streaming"];

/// The home where the environment names none: that of Flink's images.
const USUAL_HOME: &str = "/opt/flink";

/// Runs a `JobManager` for one job.
pub fn run(arguments: StandaloneJob) -> Result<ExitCode, Error> {
    let prepared = manager::prepare(Kind::JobManager, &arguments.manager, &settings(&arguments))?;
    let source = source(&arguments.jars, &prepared.configuration, &home())?;
    let application = Application {
        source,
        entry: arguments.entry,
        arguments: arguments.job_arguments,
        job_id: arguments.job_id,
    };
    jobmanager::serve(prepared, Some(application))
}

/// Returns the settings that arguments of their own stand for.
fn settings(arguments: &StandaloneJob) -> Configuration {
    let mut settings = Configuration::new();
    if let Some(path) = &arguments.recovery.from_savepoint {
        settings.set(&client::STATE_RECOVERY_PATH, path);
    }
    if arguments.recovery.allow_non_restored_state {
        settings.set(&client::STATE_RECOVERY_IGNORE_UNCLAIMED_STATE, &true);
    }
    if let Some(mode) = arguments.recovery.claim_mode {
        let mode = match mode {
            ClaimMode::Claim => RecoveryClaimMode::Claim,
            ClaimMode::NoClaim => RecoveryClaimMode::NoClaim,
            ClaimMode::Legacy => RecoveryClaimMode::Legacy,
        };
        settings.set(&client::STATE_RECOVERY_CLAIM_MODE, &mode);
    }
    settings
}

fn home() -> PathBuf {
    std::env::var_os(HOME).map_or_else(|| PathBuf::from(USUAL_HOME), PathBuf::from)
}

/// Says where the job's package is: the one that the arguments or the configuration name, else the
/// one that Flink's directories for packages hold.
fn source(
    jars: &[String],
    configuration: &Configuration,
    home: &Path,
) -> Result<ApplicationSource, Error> {
    let configured = configuration.get_optional(&client::PIPELINE_JARS)?.unwrap_or_default();
    let classpaths = configuration.get_optional(&client::PIPELINE_CLASSPATHS)?.unwrap_or_default();
    let named = [jars, &configured, &classpaths].into_iter().flatten().next();
    let directories = || PACKAGE_DIRECTORIES.map(|name| home.join(name)).to_vec();
    Ok(named.map_or_else(
        || ApplicationSource::Directories(directories()),
        |path| ApplicationSource::Path(local_path(path)),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_is_named_by_arguments_configuration_or_directories() {
        let configuration =
            |pairs: &[(&str, &str)]| Configuration::from_pairs(pairs.iter().copied());
        let find = |jars: &[&str], pairs: &[(&str, &str)]| {
            let jars: Vec<_> = jars.iter().map(|&jar| jar.to_owned()).collect();
            source(&jars, &configuration(pairs), Path::new("/home")).unwrap()
        };
        let path = |path: &str| ApplicationSource::Path(path.into());
        let settings = [("pipeline.jars", "file:///a.jar"), ("pipeline.classpaths", "/b.jar")];
        assert_eq!(find(&["c.jar", "d.jar"], &settings), path("c.jar"));
        assert_eq!(find(&[], &settings), path("/a.jar"));
        assert_eq!(find(&[], &settings[1..]), path("/b.jar"));
        let directories = PACKAGE_DIRECTORIES.map(|name| Path::new("/home").join(name));
        assert_eq!(find(&[], &[]), ApplicationSource::Directories(directories.to_vec()));
    }
}

//! What `run` and `info` have in common: a package on its way to the `JobManager`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sciurus_core::config::Configuration;
use sciurus_core::config::options::pipeline;

use crate::Error;
use crate::arguments::{Submission, Target};
use crate::rest::answers::Uploaded;
use crate::rest::{Client, Upload};

/// Settings that concern the command itself and not the job.
const OWN_SETTINGS: [&str; 2] = ["rest.", "client."];

/// Sends the package and returns the id that the `JobManager` gives it.
pub fn upload(client: &Client, submission: &Submission) -> Result<String, Error> {
    if !submission.classpaths.is_empty() {
        eprintln!("warning: --classpath has no effect: a job's executable is all that it needs");
    }
    let path = submission.package();
    if path.is_dir() {
        return Err(Error::NotAFile { path });
    }
    if !path.is_file() {
        return Err(Error::NoPackage { path });
    }
    let boundary = format!("sciurus-{:032x}", fastrand::u128(..));
    let name = upload_name(&path);
    let upload = Upload::of(&path, &name, boundary);
    let upload = upload.map_err(|source| Error::File { path: PathBuf::from(&path), source })?;
    let uploaded: Uploaded = client.upload("/jars/upload", upload)?;
    Ok(uploaded.id().to_owned())
}

/// Returns the file's name with `.jar` at its end, without which Flink's API takes nothing.
fn upload_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_jar = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("jar"));
    if is_jar { name.into_owned() } else { format!("{name}.jar") }
}

/// Returns the settings that go with the job: those of the command line.
pub fn job_settings(target: &Target) -> Result<BTreeMap<String, String>, Error> {
    let mut settings = Configuration::new();
    for property in &target.properties {
        settings.merge(&Configuration::from_property(property)?);
    }
    let concerns_job = |key: &str| !OWN_SETTINGS.iter().any(|prefix| key.starts_with(prefix));
    let settings = settings.iter().filter(|(key, _)| concerns_job(key));
    Ok(settings.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
}

/// Returns the parallelism that the command line or, like Flink's client, the configuration names.
pub fn parallelism(
    submission: &Submission,
    configuration: &Configuration,
) -> Result<Option<u32>, Error> {
    match submission.parallelism {
        Some(parallelism) => Ok(Some(parallelism)),
        None => Ok(configuration.get_optional(&pipeline::DEFAULT_PARALLELISM)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_executable_is_uploaded_under_a_name_that_flink_takes() {
        assert_eq!(upload_name(Path::new("/x/word_count")), "word_count.jar");
        assert_eq!(upload_name(Path::new("job.jar")), "job.jar");
        assert_eq!(upload_name(Path::new("job.JAR")), "job.JAR");
    }

    #[test]
    fn settings_of_the_command_itself_stay_here() {
        let properties = ["rest.port=1", "a=b", "client.timeout=1 s"].map(str::to_owned).to_vec();
        let settings = job_settings(&Target { properties, ..Target::default() }).unwrap();
        assert_eq!(settings.into_iter().collect::<Vec<_>>(), [("a".into(), "b".into())]);
    }
}

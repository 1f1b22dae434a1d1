//! JVM Flink: gets it from the Python package index, and compiles our jobs for it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sha2::{Digest, Sha256};

/// The version that is compared with.
pub const VERSION: &str = "2.3.0";

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/java");

/// What Flink's own configuration opens of Java's modules.
const MODULES: [&str; 15] = [
    "--add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED",
    "--add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "--add-opens=java.base/java.net=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/java.lang.reflect=ALL-UNNAMED",
    "--add-opens=java.base/java.text=ALL-UNNAMED",
    "--add-opens=java.base/java.time=ALL-UNNAMED",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent.locks=ALL-UNNAMED",
    "-XX:+IgnoreUnrecognizedVMOptions",
];

/// Flink, and our jobs compiled for it.
#[derive(Debug, Clone)]
pub struct Flink {
    /// Where its jars are, and other parts of it.
    home: PathBuf,
    /// Our jobs.
    pub jobs: PathBuf,
}

impl Flink {
    /// Gets what isn't in the cache yet.
    ///
    /// # Errors
    /// Says why Flink can't be had.
    pub fn get(cache: &Path) -> Result<Self, String> {
        ended_well(Command::new("javac").arg("-version"))?;
        let home = download(cache)?;
        let jobs = compile(cache, &home)?;
        Ok(Self { home, jobs })
    }

    /// The command that starts a manager's process, as Flink's own scripts start it.
    pub fn manager(&self, is_job_manager: bool, folder: &Path) -> Command {
        let (class, parameters, name) = if is_job_manager {
            let class = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint";
            (class, "GET_JM_RESOURCE_PARAMS", "jobmanager")
        } else {
            let class = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner";
            (class, "GET_TM_RESOURCE_PARAMS", "taskmanager")
        };
        let (memory, settings) = self.parameters(parameters, folder);
        let log = folder.join("log4j.properties");
        fs::write(&log, LOGGING).unwrap();
        let mut java = Command::new("java");
        java.args(memory).arg("-XX:+UseG1GC").args(MODULES);
        java.arg(format!("-Dlog.file={}", folder.join(format!("{name}.log")).display()));
        java.arg(format!("-Dlog4j.configurationFile={}", log.display()));
        java.arg("-cp").arg(self.home.join("lib/*")).arg(class);
        java.arg("--configDir").arg(folder).args(settings);
        java
    }

    /// The options of the JVM and the settings that follow from the configured memory, which Flink's
    /// own tool computes.
    fn parameters(&self, what: &str, folder: &Path) -> (Vec<String>, Vec<String>) {
        let mut java = Command::new("java");
        let jars = [self.home.join("bin/bash-java-utils.jar"), self.home.join("lib/*")];
        java.arg("-cp").arg(std::env::join_paths(jars).unwrap());
        java.args(["org.apache.flink.runtime.util.bash.BashJavaUtils", what, "--configDir"]);
        let output = ended_well(java.arg(folder)).unwrap_or_else(|reason| panic!("{reason}"));
        let output = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines = output.lines().filter_map(|line| {
            let words = line.strip_prefix("BASH_JAVA_UTILS_EXEC_RESULT:")?;
            Some(words.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        });
        (lines.next().unwrap_or_default(), lines.next().unwrap_or_default())
    }
}

const LOGGING: &str = "\
rootLogger.level = INFO
rootLogger.appenderRef.file.ref = File
appender.file.name = File
appender.file.type = File
appender.file.fileName = ${sys:log.file}
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{HH:mm:ss,SSS} %-5p %-60c %x - %m%n
";

/// Runs a command that is to succeed.
fn ended_well(command: &mut Command) -> Result<Output, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{name} can't be started: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let told = String::from_utf8_lossy(&output.stderr);
    Err(format!("{name} ended with {}: {}", output.status, told.trim()))
}

/// Installs Flink into the cache, unless it is there.
fn download(cache: &Path) -> Result<PathBuf, String> {
    let folder = cache.join(format!("flink-{VERSION}"));
    let home = folder.join("pyflink");
    if home.join("lib").is_dir() {
        return Ok(home);
    }
    eprintln!("getting Flink {VERSION} (once)");
    fs::create_dir_all(cache).map_err(|error| error.to_string())?;
    let partial = tempfile::tempdir_in(cache).map_err(|error| error.to_string())?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target"]);
    ended_well(pip.arg(partial.path()).arg(format!("apache-flink-libraries=={VERSION}")))?;
    match fs::rename(partial.path(), &folder) {
        // Another process may have been faster.
        Err(error) if !home.is_dir() => Err(error.to_string()),
        _ => Ok(home),
    }
}

/// Compiles our jobs into a jar in the cache, unless there is one of these sources.
fn compile(cache: &Path, home: &Path) -> Result<PathBuf, String> {
    let mut sources: Vec<PathBuf> = fs::read_dir(SOURCES)
        .map_err(|error| format!("{SOURCES}: {error}"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "java"))
        .collect();
    sources.sort();
    let mut hash = Sha256::new();
    for source in &sources {
        hash.update(fs::read(source).map_err(|error| format!("{}: {error}", source.display()))?);
    }
    let name = hash.finalize().iter().take(8).fold(String::new(), |mut name, byte| {
        let _ = write!(name, "{byte:02x}");
        name
    });
    let jar = cache.join(format!("flink-jobs/{VERSION}-{name}.jar"));
    if jar.is_file() {
        return Ok(jar);
    }
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let classes = folder.path().join("classes");
    let mut javac = Command::new("javac");
    javac.arg("-nowarn").arg("-d").arg(&classes).arg("-cp").arg(home.join("lib/*"));
    ended_well(javac.args(&sources))?;
    let made = folder.path().join("jobs.jar");
    let mut archive = Command::new("jar");
    archive.arg("--create").arg("--file").arg(&made).args(["--main-class", "Jobs", "-C"]);
    ended_well(archive.arg(&classes).arg("."))?;
    fs::create_dir_all(cache.join("flink-jobs")).map_err(|error| error.to_string())?;
    // Not a rename: the cache may be on another file system.
    let partial = jar.with_extension("partial");
    fs::copy(&made, &partial).map_err(|error| error.to_string())?;
    fs::rename(&partial, &jar).map_err(|error| error.to_string())?;
    Ok(jar)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_compile_against_flink_once() {
        let cache = crate::cluster::cache();
        match Flink::get(&cache) {
            Ok(flink) => {
                let made = fs::metadata(&flink.jobs).unwrap().modified().unwrap();
                let again = Flink::get(&cache).unwrap();
                assert_eq!(fs::metadata(again.jobs).unwrap().modified().unwrap(), made);
            }
            // What is there, but doesn't compile, is no reason to skip.
            Err(reason) if reason.contains("error:") && reason.contains(".java") => {
                panic!("{reason}")
            }
            Err(reason) => eprintln!("skipped: no Flink to be had: {reason}"),
        }
    }
}

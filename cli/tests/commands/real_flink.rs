//! The real command `flink` of Flink 2.3.0 against a cluster of ours.
//!
//! It comes from the Python package index as `apache-flink-libraries` and needs Java. Where one of them can't be
//! had these tests say so and test nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::support::{Ended, LocalCluster, local, run};

const PACKAGE: &str = "apache-flink-libraries==2.3.0";
const JVM_JOB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/testdata/jvm-job.jar");

/// What Flink's own script opens of Java's modules.
const OPENED: [&str; 9] = [
    "java.lang",
    "java.net",
    "java.io",
    "java.nio",
    "java.lang.reflect",
    "java.text",
    "java.time",
    "java.util",
    "java.util.concurrent",
];

/// Flink's jars; why there are none otherwise.
fn jars() -> Result<&'static Path, &'static str> {
    static JARS: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let jars = JARS.get_or_init(|| {
        let java = Command::new("java").arg("-version").stderr(Stdio::null()).status();
        if !java.is_ok_and(|status| status.success()) {
            return Err("there is no java".to_owned());
        }
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
        let cache = cache.or_else(home).ok_or("there is no home directory")?;
        download(&cache.join("sciurus"))
    });
    jars.as_deref().map_err(String::as_str)
}

/// Installs the package below the folder, unless it is there.
fn download(cache: &Path) -> Result<PathBuf, String> {
    let folder = cache.join("flink-2.3.0");
    let jars = folder.join("pyflink/lib");
    if jars.is_dir() {
        return Ok(jars);
    }
    fs::create_dir_all(cache).map_err(|error| error.to_string())?;
    let partial = tempfile::tempdir_in(cache).map_err(|error| error.to_string())?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target"]);
    let pip = pip.arg(partial.path()).arg(PACKAGE).output().map_err(|error| error.to_string())?;
    if !pip.status.success() {
        return Err(format!("pip can't install {PACKAGE}: {}", Ended::from(pip).stderr.trim()));
    }
    match fs::rename(partial.path(), &folder) {
        // Another test process may have been faster.
        Err(error) if !jars.is_dir() => Err(error.to_string()),
        _ => Ok(jars),
    }
}

/// Runs `flink VERB -m ADDRESS ARGUMENTS…`; `None` where there is no Flink.
fn flink(cluster: &LocalCluster, verb: &str, arguments: &[&str]) -> Option<Ended> {
    let jars = match jars() {
        Ok(jars) => jars,
        Err(reason) => {
            eprintln!("skipped: no real flink to be had: {reason}");
            return None;
        }
    };
    let conf = cluster.directory().join("flink-conf");
    fs::create_dir_all(&conf).unwrap();
    fs::write(conf.join("config.yaml"), "rest.address: localhost\n").unwrap();
    let mut java = Command::new("java");
    java.args(OPENED.map(|package| format!("--add-opens=java.base/{package}=ALL-UNNAMED")));
    java.args(["-XX:TieredStopAtLevel=1", "-cp"]).arg(jars.join("*"));
    java.args(["org.apache.flink.client.cli.CliFrontend", verb, "-m", &cluster.address]);
    java.args(arguments).env("FLINK_CONF_DIR", conf).stdin(Stdio::null());
    Some(run(&mut java))
}

#[test]
fn flink_lists_jobs_and_cancels_them() {
    let cluster = LocalCluster::start(1, 1, &[]);
    let Some(empty) = flink(&cluster, "list", &[]) else { return };
    assert_eq!(empty.code, Some(0), "{empty:?}");
    assert!(empty.stdout.contains("No running jobs.\nNo scheduled jobs.\n"), "{empty:?}");

    let job = cluster.submit_endless(&[]);
    cluster.wait_for_state(&job, "RUNNING");
    // It can't get a slot as long as the first one runs.
    let waiting = cluster.submit_endless(&[]);
    for arguments in [&[][..], &["-r"], &["-a"], &["-s"]] {
        let theirs = flink(&cluster, "list", arguments).unwrap();
        let ours = cluster.run("list", arguments);
        assert_eq!(theirs.code, Some(0), "{theirs:?}");
        assert_eq!(theirs.stdout, ours.stdout, "{arguments:?}");
        assert_eq!(theirs.stdout.contains(&job), arguments != ["-s"], "{theirs:?}");
    }
    for job in [&waiting, &job] {
        let theirs = flink(&cluster, "cancel", &[job]).unwrap();
        assert_eq!(theirs.code, Some(0), "{theirs:?}");
        let expected = format!("Cancelling job {job}.\nCancelled job {job}.\n");
        assert_eq!(theirs.stdout, expected);
        cluster.wait_for_state(job, "CANCELED");
    }
    let all = flink(&cluster, "list", &["-a"]).unwrap();
    assert!(all.stdout.contains("Terminated Jobs"), "{all:?}");
    assert_eq!(all.stdout, cluster.run("list", &["-a"]).stdout);
    let unknown = flink(&cluster, "cancel", &["ffffffffffffffffffffffffffffffff"]).unwrap();
    assert_eq!(unknown.code, Some(1));
    let told = unknown.stdout + &unknown.stderr;
    assert!(told.contains("Job could not be found"), "{told}");
}

#[test]
fn flink_shows_why_a_job_for_the_jvm_is_refused() {
    let cluster = LocalCluster::start(1, 1, &[]);
    let Some(refused) = flink(&cluster, "run", &[JVM_JOB]) else { return };
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let told = refused.stdout + &refused.stderr;
    assert!(told.contains("Failed to submit"), "{told}");
    assert!(told.contains("JVM") && told.contains("sciurus"), "{told}");
}

/// What follows a text in what a command has printed, up to the end of the line.
fn told<'a>(ended: &'a Ended, text: &str) -> &'a str {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (_, rest) = ended.stdout.split_once(text).unwrap_or_else(|| panic!("{ended:?}"));
    rest.lines().next().unwrap_or_default()
}

#[test]
fn flink_takes_savepoints_and_checkpoints_and_disposes_of_them() {
    let cluster = LocalCluster::with_checkpoints(1);
    let job = cluster.submit_endless(&[]);
    cluster.wait_for_tasks(&job);
    let target = cluster.directory_url("savepoints");
    let Some(taken) = flink(&cluster, "savepoint", &[&job, &target]) else { return };
    let path = told(&taken, "Savepoint completed. Path: ");
    let resume = "You can resume your program from this savepoint with the run command.\n";
    let expected = format!(
        "Triggering savepoint for job {job}.\nWaiting for response...\n\
         Savepoint completed. Path: {path}\n{resume}"
    );
    assert_eq!(taken.stdout, expected);
    let folder = local(path);
    assert!(folder.join("_metadata").is_file(), "{path}");
    let name = folder.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with(&format!("savepoint-{}-", &job[..6])), "{name}");

    let native = ["-detached", "-type", "native", &job, &target];
    let detached = flink(&cluster, "savepoint", &native).unwrap();
    assert_eq!(told(&detached, "Successfully trigger manual savepoint, triggerId: ").len(), 32);

    let checkpoint = flink(&cluster, "checkpoint", &[&job]).unwrap();
    assert!(told(&checkpoint, "Checkpoint ").ends_with(&format!(" for job {job} completed.")));
    let full = flink(&cluster, "checkpoint", &["-full", &job]).unwrap();
    assert!(told(&full, "Checkpoint(FULL) ").ends_with(" completed."), "{full:?}");

    let disposed = flink(&cluster, "savepoint", &["-dispose", path]).unwrap();
    assert_eq!(told(&disposed, "Savepoint '"), format!("{path}' disposed."));
    assert!(!folder.exists(), "{path}");
    let again = flink(&cluster, "savepoint", &["-dispose", path]).unwrap();
    assert_eq!(again.code, Some(1), "{again:?}");
    let text = again.stdout + &again.stderr;
    assert!(text.contains("Could not dispose savepoint"), "{text}");
}

#[test]
fn flink_stops_jobs_with_savepoints_from_which_they_go_on() {
    let cluster = LocalCluster::with_checkpoints(1);
    let job = cluster.submit_endless(&[]);
    cluster.wait_for_tasks(&job);
    let target = cluster.directory_url("savepoints");
    let Some(stopped) = flink(&cluster, "stop", &["-p", &target, &job]) else { return };
    let path = told(&stopped, "Savepoint completed. Path: ").to_owned();
    let suspends = format!("Suspending job \"{job}\" with a CANONICAL savepoint.\n");
    assert!(stopped.stdout.starts_with(&suspends), "{stopped:?}");
    cluster.wait_for_state(&job, "FINISHED");

    let resumed = cluster.submit_endless(&["-s", &path, "-rm", "no_claim"]);
    cluster.wait_for_tasks(&resumed);
    let restored =
        cluster.get(&format!("/jobs/{resumed}/checkpoints"))["latest"]["restored"].clone();
    assert_eq!(restored["is_savepoint"], true, "{restored}");
    assert_eq!(restored["external_path"], path);

    let drained = flink(&cluster, "stop", &["--drain", "-p", &target, &resumed]).unwrap();
    let expected = format!("Draining job \"{resumed}\" with a CANONICAL savepoint.\n");
    assert!(drained.stdout.starts_with(&expected), "{drained:?}");
    cluster.wait_for_state(&resumed, "FINISHED");

    let third = cluster.submit_endless(&["-s", &path]);
    cluster.wait_for_tasks(&third);
    let cancelled = flink(&cluster, "cancel", &["-s", &target, &third]).unwrap();
    let path = told(&cancelled, &format!("Cancelled job {third}. Savepoint stored in "));
    assert!(local(path.trim_end_matches('.')).join("_metadata").is_file(), "{path}");
    cluster.wait_for_state(&third, "CANCELED");
}

#[test]
fn flink_shows_why_there_is_no_savepoint() {
    let cluster = LocalCluster::start(1, 1, &[]);
    let job = cluster.submit_endless(&[]);
    cluster.wait_for_tasks(&job);
    let Some(refused) = flink(&cluster, "savepoint", &[&job, "file:///proc/none"]) else { return };
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let told = refused.stdout + &refused.stderr;
    assert!(told.contains("Failed to trigger a savepoint for the job"), "{told}");
    assert!(told.contains("/proc/none"), "{told}");
}

//! `jobmanager` and `taskmanager` by themselves: settings, logs, signals.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{examples, run, sciurus, wait_for};

/// A manager in the foreground.
struct Foreground {
    child: Child,
}

impl Foreground {
    fn start(command: &mut Command) -> Self {
        Self { child: command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap() }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn wait(&mut self) -> Option<i32> {
        wait_for("the manager to end", || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A JobManager on ports that are free, which logs below the directory.
fn jobmanager(directory: &Path) -> Command {
    let mut command = jobmanager_like("jobmanager", directory);
    command.arg("-Djobmanager.rpc.port=0");
    command
}

fn jobmanager_like(verb: &str, directory: &Path) -> Command {
    let mut command = sciurus();
    command.arg(verb);
    let (log, tmp) = (directory.join("log"), directory.join("tmp"));
    fs::create_dir_all(&tmp).unwrap();
    command.arg(format!("-Denv.log.dir={}", log.display()));
    command.arg(format!("-Dio.tmp.dirs={}", tmp.display()));
    command.arg("-Drest.bind-port=0");
    command.args(["-Drest.bind-address=localhost", "-Djobmanager.bind-host=localhost"]);
    command
}

fn logs(directory: &Path) -> String {
    let files = fs::read_dir(directory.join("log")).into_iter().flatten();
    files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

#[test]
fn a_signal_stops_a_manager_in_order() {
    for signal in [Signal::TERM, Signal::INT] {
        let directory = tempfile::tempdir().unwrap();
        let mut manager = Foreground::start(&mut jobmanager(directory.path()));
        wait_for("the REST server", || logs(directory.path()).contains("REST").then_some(()));
        manager.signal(signal);
        assert_eq!(manager.wait(), Some(0), "{}", logs(directory.path()));
    }
}

#[test]
fn a_log_begins_with_the_settings_and_hides_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = jobmanager(directory.path());
    command.args(["-Dmy.password=hunter2", "-Drest.prot=1", "-Denv.java.home=/x"]);
    let _manager = Foreground::start(&mut command);
    let log = wait_for("the log", || {
        let log = logs(directory.path());
        log.contains("ignored configuration keys for the JVM").then_some(log)
    });
    assert!(log.contains("my.password: ******") && !log.contains("hunter2"), "{log}");
    assert!(log.contains("unknown configuration key 'rest.prot': did you mean 'rest.port'?"));
    assert_eq!(
        log.matches("env.java.home").count(),
        2,
        "once as a setting, once as ignored: {log}"
    );
}

#[test]
fn a_log_can_be_json() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = jobmanager(directory.path());
    command.arg("-Dlog.format=json");
    let _manager = Foreground::start(&mut command);
    let log = wait_for("the log", || Some(logs(directory.path())).filter(|log| log.contains('\n')));
    let line: serde_json::Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    assert!(line["message"].as_str().unwrap().starts_with("Sciurus "), "{line}");
    assert_eq!(line["level"], "INFO");
}

#[test]
fn settings_of_the_environment_come_before_the_files() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("config.yaml"), "jobmanager.rpc.address: file\n").unwrap();
    let mut command = jobmanager(directory.path());
    command.env("FLINK_CONF_DIR", directory.path());
    command.env("WHO", "environment");
    command.env("FLINK_PROPERTIES", "jobmanager.rpc.address: ${WHO}\n");
    let _manager = Foreground::start(&mut command);
    let expected = "jobmanager.rpc.address: environment";
    wait_for("the log", || logs(directory.path()).contains(expected).then_some(()));
}

#[test]
fn a_standalone_job_ends_with_its_job() {
    let directory = tempfile::tempdir().unwrap();
    let rpc = TcpListener::bind(("localhost", 0)).unwrap().local_addr().unwrap().port();
    let address = format!("-Djobmanager.rpc.port={rpc}");
    let input = directory.path().join("text");
    fs::write(&input, "to be or not to be\n").unwrap();
    let start = |input: &Path| {
        let mut command = jobmanager_like("standalone-job", directory.path());
        command.arg(&address).arg("--jars").arg(examples()).args(["-j", "word_count"]);
        command.arg("--input").arg(input).arg("--discard");
        Foreground::start(&mut command)
    };
    let mut taskmanager = sciurus();
    taskmanager.args(["taskmanager", &address, "-Djobmanager.rpc.address=localhost"]);
    taskmanager.arg(format!("-Dio.tmp.dirs={}", directory.path().join("tmp").display()));
    taskmanager.arg("-Dtaskmanager.memory.process.size=512m");
    let mut jobmanager = start(&input);
    let _taskmanager = Foreground::start(&mut taskmanager);
    assert_eq!(jobmanager.wait(), Some(0), "{}", logs(directory.path()));
    let mut jobmanager = start(Path::new("/no/such/input"));
    assert_eq!(jobmanager.wait(), Some(163), "{}", logs(directory.path()));
}

#[test]
fn what_cannot_be_used_stops_a_manager_at_its_start() {
    for verb in ["jobmanager", "taskmanager"] {
        let mut command = sciurus();
        command.args([verb, "-Dheartbeat.interval=soon", "-Drest.port=-1"]);
        let ended = run(&mut command);
        assert_eq!(ended.code, Some(1));
        for part in ["heartbeat.interval: 'soon'", "rest.port: '-1'"] {
            assert!(ended.stderr.contains(part), "{}", ended.stderr);
        }
    }
}

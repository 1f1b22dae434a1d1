//! Containers of the image.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use sciurus_harness::{Executables, LONG, wait_for};
use sciurus_image::{flink, system};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a pod has by default between being asked to end and being killed.
pub const GRACE: Duration = Duration::from_secs(30);

/// The variable that names the directory of other executables than those that are built for tests.
const EXECUTABLES: &str = "SCIURUS_EXECUTABLES";

fn built() -> PathBuf {
    let executables = Executables::beside(env!("CARGO_BIN_EXE_sciurus"));
    executables.sciurus.parent().unwrap().to_owned()
}

/// The image, unpacked once; it goes with the process that runs the tests.
pub struct Image {
    root: TempDir,
}

impl Image {
    /// Unpacks the image, or says why the test is skipped.
    pub fn get() -> Option<&'static Self> {
        static IMAGE: OnceLock<Result<Image, String>> = OnceLock::new();
        match IMAGE.get_or_init(Self::unpack) {
            Ok(image) => Some(image),
            Err(reason) => {
                println!("skipped: {reason}");
                None
            }
        }
    }

    fn unpack() -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("only root can run containers".to_owned());
        }
        let version = Command::new("runc").arg("--version").stdout(Stdio::null()).status();
        if !version.is_ok_and(|status| status.success()) {
            return Err("there is no runc on this machine".to_owned());
        }
        let root = tempfile::tempdir().unwrap();
        let directory = std::env::var_os(EXECUTABLES).map_or_else(built, PathBuf::from);
        let executables = flink::Executables::find(&directory, true).unwrap();
        system::tree(&executables.paths()).unwrap().write_to(root.path()).unwrap();
        flink::tree(&executables).unwrap().write_to(root.path()).unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Ok(Self { root })
    }

    /// Begins the description of a container.
    pub fn container<'a>(&'a self, arguments: &[&str]) -> Description<'a> {
        Description {
            image: self,
            arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
            user: (flink::USER.uid, flink::USER.gid),
            environment: Vec::new(),
            configuration: None,
            pod_of: None,
        }
    }
}

/// What a container is to be.
pub struct Description<'a> {
    image: &'a Image,
    arguments: Vec<String>,
    user: (u32, u32),
    environment: Vec<String>,
    configuration: Option<PathBuf>,
    pod_of: Option<u32>,
}

impl Description<'_> {
    pub fn user(mut self, uid: u32, gid: u32) -> Self {
        self.user = (uid, gid);
        self
    }

    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push(format!("{name}={value}"));
        self
    }

    /// Mounts a directory over that of the configuration, read-only as a `ConfigMap` is.
    pub fn configuration(mut self, directory: &Path) -> Self {
        self.configuration = Some(directory.to_owned());
        self
    }

    /// Puts it into the pod of another: they share the network.
    pub fn in_pod_of(mut self, other: &Container) -> Self {
        self.pod_of = Some(other.pid());
        self
    }

    pub fn start(self) -> Container {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let id = format!("sciurus-{}-{number}", std::process::id());
        let bundle = tempfile::tempdir().unwrap();
        let config = self.config().to_string();
        fs::write(bundle.path().join("config.json"), config).unwrap();
        let output = bundle.path().join("output");
        let file = File::create(&output).unwrap();
        let started = Instant::now();
        let child = runc(bundle.path())
            .args(["run", "--bundle"])
            .arg(bundle.path())
            .arg(&id)
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Container { id, bundle, output, child, started }
    }

    fn config(&self) -> Value {
        let home = flink::HOME;
        let mut environment = vec![format!("PATH={home}/bin"), format!("FLINK_HOME={home}")];
        environment.extend(self.environment.iter().cloned());
        let mut network = json!({ "type": "network" });
        if let Some(pid) = self.pod_of {
            network["path"] = format!("/proc/{pid}/ns/net").into();
        }
        let others = ["pid", "ipc", "uts", "mount"].map(|kind| json!({ "type": kind }));
        let namespaces: Vec<_> = others.into_iter().chain([network]).collect();
        let mount = |to: &str, kind: &str, options: &[&str]| json!({ "destination": to, "type": kind, "source": kind, "options": options });
        let mut mounts = vec![
            mount("/proc", "proc", &[]),
            mount("/dev", "tmpfs", &["nosuid", "mode=755"]),
            mount("/tmp", "tmpfs", &["nosuid", "nodev", "mode=1777"]),
        ];
        if let Some(directory) = &self.configuration {
            mounts.push(json!({
                "destination": format!("{home}/conf"),
                "type": "bind",
                "source": directory,
                "options": ["bind", "ro"],
            }));
        }
        let arguments = ["/docker-entrypoint.sh".to_owned()].into_iter();
        json!({
            "ociVersion": "1.0.2",
            "process": {
                "user": { "uid": self.user.0, "gid": self.user.1 },
                "args": arguments.chain(self.arguments.iter().cloned()).collect::<Vec<_>>(),
                "env": environment,
                "cwd": home,
                "noNewPrivileges": true,
            },
            "root": { "path": self.image.root.path(), "readonly": true },
            "hostname": "localhost",
            "mounts": mounts,
            "linux": { "namespaces": namespaces },
        })
    }
}

/// A container, gone with the test.
pub struct Container {
    id: String,
    bundle: TempDir,
    output: PathBuf,
    child: Child,
    started: Instant,
}

impl Container {
    /// What it has printed.
    pub fn output(&self) -> String {
        fs::read_to_string(&self.output).unwrap()
    }

    /// Waits until it has ended by itself, and says how.
    pub fn wait(&mut self, within: Duration) -> ExitStatus {
        wait_for("the container to end", within, || self.child.try_wait().unwrap())
    }

    /// Asks it to end as a kubelet does, and waits.
    pub fn terminate(&mut self) -> (ExitStatus, Duration) {
        let asked = Instant::now();
        let killed = runc(self.bundle.path()).args(["kill", &self.id, "TERM"]).status();
        assert!(killed.unwrap().success());
        (self.wait(LONG), asked.elapsed())
    }

    /// Its process outside.
    pub fn pid(&self) -> u32 {
        wait_for("the container to start", LONG, || {
            let output = runc(self.bundle.path()).args(["state", &self.id]).output().unwrap();
            let state: Value = serde_json::from_slice(&output.stdout).ok()?;
            let pid = state["pid"].as_u64().filter(|pid| *pid != 0)?;
            (state["status"] == "running").then(|| u32::try_from(pid).unwrap())
        })
    }

    /// Asks something over HTTP inside the pod, and returns the status and the body; `None` where
    /// nobody answers.
    pub fn get(&self, port: u16, path: &str) -> Option<(u16, String)> {
        let namespace = File::open(format!("/proc/{}/ns/net", self.pid())).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        // A thread of its own: it stays in the pod.
        let asking = std::thread::spawn(move || {
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(std::os::fd::AsFd::as_fd(&namespace), kind).unwrap();
            let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
            stream.set_read_timeout(Some(LONG)).unwrap();
            stream.write_all(request.as_bytes()).ok()?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).ok()?;
            let status = answer.split(' ').nth(1)?.parse().ok()?;
            Some((status, answer.split_once("\r\n\r\n")?.1.to_owned()))
        });
        asking.join().unwrap()
    }

    /// Waits until it says that it is ready, and prints how long after its start that was.
    pub fn wait_until_ready(&self, port: u16) {
        wait_for("the manager to be ready", LONG, || {
            self.get(port, "/readyz").filter(|(status, _)| *status == 200)
        });
        println!("ready {:?} after runc was started", self.started.elapsed());
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- {} ---\n{}", self.id, self.output());
        }
        let _ = runc(self.bundle.path())
            .args(["delete", "--force", &self.id])
            .stderr(Stdio::null())
            .status();
        let _ = self.child.wait();
    }
}

fn runc(bundle: &Path) -> Command {
    let mut command = Command::new("runc");
    command.arg("--root").arg(bundle.join("runc"));
    command
}

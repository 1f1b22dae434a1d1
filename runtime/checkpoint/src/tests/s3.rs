//! Object storage, served by a real server that speaks S3's protocol: `versitygw`, which is
//! installed into the cache where Go is there. Without it these tests print why they did nothing.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs};

use super::conformance::{self, Site};
use super::store;
use crate::storage::{
    RetryPolicy, S3Options, Secret, Storage, StorageErrorKind, StorageOptions, Waiter,
};

const PACKAGE: &str = "github.com/versity/versitygw/cmd/versitygw";
const VERSION: &str = "v1.8.0";

const ACCESS_KEY: &str = "squirrel";
const SECRET_KEY: &str = "a-hidden-nut";

/// How long the server may take to listen.
const START: Duration = Duration::from_secs(60);

/// A server with one empty bucket, `bucket`.
pub struct Server {
    process: Child,
    directory: tempfile::TempDir,
    port: u16,
}

/// Finds the server's executable, and installs it where it isn't there.
fn executable() -> Result<PathBuf, String> {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(Path::new(&env::var_os("HOME")?).join(".cache")));
    let folder = cache.ok_or("there is no HOME")?.join("sciurus/versitygw").join(VERSION);
    let executable = folder.join("versitygw");
    if executable.exists() {
        return Ok(executable);
    }
    // Into a folder of its own first: several tests may install it at the same time.
    let own = folder.join(std::process::id().to_string());
    let installed = Command::new("go")
        .args(["install", &format!("{PACKAGE}@{VERSION}")])
        .env("GOBIN", &own)
        .env("CGO_ENABLED", "0")
        .output();
    let installed = installed.map_err(|error| format!("'go' can't be run: {error}"))?;
    if !installed.status.success() {
        return Err(String::from_utf8_lossy(&installed.stderr).into_owned());
    }
    fs::rename(own.join("versitygw"), &executable).map_err(|error| error.to_string())?;
    let _ = fs::remove_dir(own);
    Ok(executable)
}

impl Server {
    /// Starts it; `None` where it can't be had, which is printed.
    pub fn start() -> Option<Self> {
        let executable = match executable() {
            Ok(executable) => executable,
            Err(reason) => {
                eprintln!("skipped: no server for S3: {reason}");
                return None;
            }
        };
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("data/bucket")).unwrap();
        fs::create_dir_all(directory.path().join("meta")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = spawn(&executable, directory.path(), port);
        let server = Self { process, directory, port };
        server.wait();
        Some(server)
    }

    fn wait(&self) {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(start.elapsed() < START, "the server doesn't listen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    fn start_again(&mut self) {
        self.process = spawn(&executable().unwrap(), self.directory.path(), self.port);
        self.wait();
    }

    pub fn options(&self) -> StorageOptions {
        let s3 = S3Options {
            access_key: Some(Secret::new(ACCESS_KEY)),
            secret_key: Some(Secret::new(SECRET_KEY)),
            endpoint: Some(format!("http://127.0.0.1:{}", self.port)),
            path_style: true,
            ..S3Options::default()
        };
        StorageOptions { s3, ..StorageOptions::default() }
    }

    fn site(&self) -> Site {
        let root = "s3://bucket/some/folder".to_owned();
        Site { storage: Storage::open(&root, &self.options()).unwrap(), root }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(executable: &Path, directory: &Path, port: u16) -> Child {
    Command::new(executable)
        .args(["--port", &format!("127.0.0.1:{port}"), "--quiet"])
        .args(["--access", ACCESS_KEY, "--secret", SECRET_KEY, "posix", "--sidecar"])
        .args([directory.join("meta"), directory.join("data")])
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn object_storage_does_what_a_disk_does() {
    let Some(server) = Server::start() else { return };
    conformance::suite(&server.site());
    store::suite(&server.site());
}

#[test]
fn what_is_wrong_is_told_apart_and_secrets_are_not_told() {
    let Some(mut server) = Server::start() else { return };
    let quick = RetryPolicy { deadline: Duration::ZERO, ..RetryPolicy::default() };
    let put = |options: StorageOptions, url: &str| {
        let error = Storage::new(&StorageOptions { retry: quick, ..options }).put(url, b"x");
        let error = error.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains(url), "{text}");
        assert!(!text.contains(SECRET_KEY) && !text.contains("wrong-nut"), "{text}");
        error.kind()
    };
    let mut wrong_key = server.options();
    wrong_key.s3.secret_key = Some(Secret::new("wrong-nut"));
    assert_eq!(put(wrong_key, "s3://bucket/x"), StorageErrorKind::Credentials);
    let mut wrong_user = server.options();
    wrong_user.s3.access_key = Some(Secret::new("nobody"));
    assert_eq!(put(wrong_user, "s3://bucket/x"), StorageErrorKind::Credentials);
    assert_eq!(put(server.options(), "s3://no-such-bucket/x"), StorageErrorKind::NotFound);
    server.stop();
    assert_eq!(put(server.options(), "s3://bucket/x"), StorageErrorKind::Unavailable);
}

/// Starts the server again instead of waiting the second time.
#[derive(Debug)]
struct Mender {
    server: Mutex<Option<std::sync::mpsc::Sender<()>>>,
    mended: Mutex<std::sync::mpsc::Receiver<()>>,
    waits: AtomicU64,
}

impl Waiter for Mender {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn wait(&self, _: Duration) {
        if self.waits.fetch_add(1, Ordering::SeqCst) == 1
            && let Some(server) = self.server.lock().unwrap().take()
        {
            server.send(()).unwrap();
            self.mended.lock().unwrap().recv().unwrap();
        }
    }

    fn jitter(&self) -> f64 {
        0.0
    }
}

#[test]
fn a_server_that_is_away_for_a_while_is_waited_for() {
    let Some(mut server) = Server::start() else { return };
    let options = server.options();
    let (broken, told) = std::sync::mpsc::channel();
    let (done, mended) = std::sync::mpsc::channel();
    let waiter = Mender {
        server: Mutex::new(Some(broken)),
        mended: Mutex::new(mended),
        waits: AtomicU64::new(0),
    };
    let storage = Storage::with_waiter(&options, Box::new(waiter));
    let first = storage.put("s3://bucket/first", b"nut").unwrap();
    server.stop();
    let mender = std::thread::spawn(move || {
        told.recv().unwrap();
        server.start_again();
        done.send(()).unwrap();
        server
    });
    storage.put("s3://bucket/second", b"hazel").unwrap();
    storage.verify(&first).unwrap();
    drop(mender.join().unwrap());
}

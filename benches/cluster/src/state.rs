//! What state costs: checkpoints and restores of much of it, and what a failure or a change of
//! parallelism keeps a job from writing.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use sciurus_harness::{Cluster, Executables, LONG, wait_for};
use serde_json::Value;
use tempfile::TempDir;

use crate::figure::{Figure, Figures};

/// How often a folder is looked at for new files.
const LOOK: Duration = Duration::from_millis(2);

/// For how long files are watched around a change.
const AROUND: Duration = Duration::from_secs(5);

const MB: f64 = 1e6;

/// Measures everything once.
pub fn measure(executables: &Executables, figures: &mut Figures) {
    failure_and_rescale(executables, figures);
    much_state(executables, figures);
    increments(executables, figures);
}

/// A cluster, and where its checkpoints lie as long as it is there.
struct Scene {
    cluster: Cluster,
    storage: TempDir,
}

fn start(executables: &Executables, backend: &str, interval: &str, more: &[&str]) -> Scene {
    let (backend, interval) = (
        format!("state.backend.type={backend}"),
        format!("execution.checkpointing.interval={interval}"),
    );
    let storage = tempfile::tempdir().unwrap();
    let folder = format!("execution.checkpointing.dir={}", url_of(&storage, "checkpoints"));
    let memory = "taskmanager.memory.process.size=12g";
    let settings =
        [&[&*backend, &*interval, &*folder, memory, "jobmanager.scheduler=adaptive"], more]
            .concat();
    Scene { cluster: Cluster::start(executables.clone(), 3, 2, &settings), storage }
}

fn url_of(storage: &TempDir, name: &str) -> String {
    format!("file://{}", storage.path().join(name).display())
}

/// 100 MB of state: a TaskManager is killed, then the parallelism doubled.
fn failure_and_rescale(executables: &Executables, figures: &mut Figures) {
    let Scene { mut cluster, storage: _storage } = start(
        executables,
        "hashmap",
        "200 ms",
        &["jobmanager.adaptive-scheduler.submission.resource-stabilization-timeout=100 ms"],
    );
    let output = cluster.folder().join("bills");
    let job = bill(&cluster, &output);
    wait_for_state_of(&cluster, &job, 100.0 * MB);

    let busy = (0..3).find(|&n| !cluster.workers_of(n).is_empty()).unwrap();
    let seen = files(&output);
    let started = Instant::now();
    cluster.task_managers[busy].kill();
    wait_for("new output after a failure", LONG, || {
        // What was committed before is seen at once.
        let recent = started.elapsed() < Duration::from_millis(100);
        (!recent && files(&output).difference(&seen).next().is_some()).then_some(())
    });
    figures.add(Figure::OutputAgain, ms(started));
    wait_for_state_of(&cluster, &job, 100.0 * MB);

    let watch = Watch::start(&output);
    let rescaled = cluster.command("rescale", &["--detached", &job, "4"]);
    assert!(rescaled.status.success(), "{}", String::from_utf8_lossy(&rescaled.stderr));
    thread::sleep(AROUND);
    figures.add(Figure::RescaleGap, watch.longest_gap());
    let job = cluster.get(&format!("/jobs/{job}"));
    assert_eq!(job["vertices"][0]["parallelism"], 4, "it was not rescaled: {job}");
}

/// 1 GB in memory: checkpoints, a savepoint, a restore at twice the parallelism.
fn much_state(executables: &Executables, figures: &mut Figures) {
    let Scene { cluster, storage } = start(executables, "hashmap", "3 s", &[]);
    let job = remember(&cluster, 1, &["--devices", "8000000"], &[]);
    wait_for_state_of(&cluster, &job, 1000.0 * MB);
    let (pause, written) = slowest_part(&cluster, &job);
    figures.add(Figure::Pause, pause);
    figures.add(Figure::Written, written);

    let savepoints = url_of(&storage, "savepoints");
    let stop = cluster.command("stop", &["-p", &savepoints, &job]);
    let stdout = String::from_utf8_lossy(&stop.stdout).into_owned();
    let (_, path) = stdout.split_once("Path: ").unwrap_or_else(|| panic!("no savepoint: {stdout}"));
    let path = path.split_whitespace().next().unwrap();
    let latest = cluster.get(&format!("/jobs/{job}/checkpoints"))["latest"]["savepoint"].clone();
    let bytes = latest["state_size"].as_f64().unwrap_or(f64::NAN);

    let started = Instant::now();
    let job = remember(&cluster, 2, &["--devices", "8000000"], &["-s", path]);
    cluster.wait_until_all_run(&job);
    figures.add(Figure::Restored, bytes / MB / started.elapsed().as_secs_f64());
    cluster.cancel(&job);
    cluster.wait_for_state(&job, "CANCELED");
}

/// In RocksDB: what of the state a checkpoint uploads.
fn increments(executables: &Executables, figures: &mut Figures) {
    let Scene { cluster, storage: _storage } =
        start(executables, "rocksdb", "1 s", &["execution.checkpointing.incremental=true"]);
    let rate = &["--devices", "8000000", "--rps", "100000"];
    let job = remember(&cluster, 2, rate, &[]);
    // Compressed, a fifth.
    wait_for_state_of(&cluster, &job, 150.0 * MB);
    let latest = cluster.get(&format!("/jobs/{job}/checkpoints"))["latest"]["completed"].clone();
    let part = |name: &str| latest[name].as_f64().unwrap_or(f64::NAN);
    figures.add(Figure::Uploaded, 100.0 * part("checkpointed_size") / part("state_size"));
}

/// Submits the job that bills clicks.
fn bill(cluster: &Cluster, output: &Path) -> String {
    let output = output.to_str().unwrap();
    let arguments = ["billing", "--users", "10000000", "--rps", "200000", "--output", output];
    cluster.submit(&["-p2"], &arguments)
}

/// Submits the job that remembers what devices sent.
fn remember(cluster: &Cluster, parallelism: u32, arguments: &[&str], options: &[&str]) -> String {
    let parallelism = format!("-p{parallelism}");
    cluster.submit(&[&[&*parallelism], options].concat(), &[&["last_seen"], arguments].concat())
}

/// Waits until a checkpoint with so many bytes is complete.
fn wait_for_state_of(cluster: &Cluster, job: &str, bytes: f64) {
    wait_for("a checkpoint of much state", 4 * LONG, || {
        let checkpoints = cluster.get(&format!("/jobs/{job}/checkpoints"));
        (checkpoints["latest"]["completed"]["state_size"].as_f64()? >= bytes).then_some(())
    });
}

/// Of the latest checkpoint's largest part: the milliseconds for which its task stood still, and the
/// MB a second at which it was written.
fn slowest_part(cluster: &Cluster, job: &str) -> (f64, f64) {
    let checkpoints = cluster.get(&format!("/jobs/{job}/checkpoints"));
    let id = checkpoints["latest"]["completed"]["id"].as_u64().unwrap();
    let job_now = cluster.get(&format!("/jobs/{job}"));
    let vertices = job_now["vertices"].as_array().unwrap();
    let parts = vertices.iter().filter_map(|vertex| {
        let vertex = vertex["id"].as_str()?;
        let path = format!("/jobs/{job}/checkpoints/details/{id}/subtasks/{vertex}");
        let part = cluster.get(&path)["subtasks"][0].clone();
        Some((part["state_size"].as_u64()?, part))
    });
    let (bytes, part): (u64, Value) = parts.max_by_key(|(bytes, _)| *bytes).unwrap();
    let duration = |name: &str| part["checkpoint"][name].as_f64().unwrap_or(f64::NAN);
    (duration("sync"), bytes as f64 / MB / (duration("async") / 1e3))
}

/// The files that readers of a folder see, in it and below.
fn files(folder: &Path) -> BTreeSet<OsString> {
    let mut found = BTreeSet::new();
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().map_while(Result::ok) {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                _ if entry.file_name().to_string_lossy().starts_with('.') => {}
                _ => {
                    found.insert(entry.path().into_os_string());
                }
            }
        }
    }
    found
}

/// Notes when new files come.
struct Watch {
    end: std::sync::mpsc::Sender<()>,
    thread: thread::JoinHandle<f64>,
}

impl Watch {
    fn start(folder: &Path) -> Self {
        let folder = folder.to_owned();
        let (end, ended) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            let (mut count, mut longest) = (files(&folder).len(), 0.0_f64);
            let mut last = Instant::now();
            while ended.recv_timeout(LOOK).is_err() {
                let now = files(&folder).len();
                if now > count {
                    longest = longest.max(ms(last));
                    (count, last) = (now, Instant::now());
                }
            }
            longest.max(ms(last))
        });
        Self { end, thread }
    }

    /// The longest time without a new file, milliseconds.
    fn longest_gap(self) -> f64 {
        self.end.send(()).unwrap();
        self.thread.join().unwrap()
    }
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

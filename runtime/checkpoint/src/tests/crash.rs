//! A process is ended before every step that changes storage; the next one finds all that was
//! acknowledged, and leaves nothing behind that nobody refers to.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use std::{env, fs};

use sciurus_core::checkpoint::{CheckpointId, SavepointFormat, SnapshotKind};

use super::conformance::Site;
use super::store::{make, store};
use crate::handle::StateFile;
use crate::layout::METADATA_FILE;
use crate::storage::{Storage, StorageOptions, StorageUrl};
use crate::store::{DisposeError, LoadError, LoadReason};
use crate::{CheckpointMetadata, KeyedStateHandle, RetainedCheckpoint, Verification};

/// In which directory the child works, and before which step it ends.
const DIRECTORY: &str = "SCIURUS_CRASH_DIRECTORY";
const STEP: &str = "SCIURUS_CRASH_STEP";

/// How many checkpoints the child takes.
const CHECKPOINTS: u64 = 4;

static STEPS: AtomicU64 = AtomicU64::new(0);

/// Ends the process if this is the step to end it at.
pub fn reach(step: &'static str) {
    static AT: OnceLock<Option<u64>> = OnceLock::new();
    let Some(at) = AT.get_or_init(|| env::var(STEP).ok()?.parse().ok()) else { return };
    if STEPS.fetch_add(1, Ordering::SeqCst) == *at {
        eprintln!("ended before step {at}: {step}");
        std::process::abort();
    }
}

fn site(directory: &Path) -> Site {
    let root = format!("file://{}", directory.display());
    Site { storage: Storage::new(&StorageOptions::default()), root }
}

/// What the job's master remembers durably.
#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Memory {
    retained: Vec<RetainedCheckpoint>,
    /// Savepoints that users were told of.
    savepoints: Vec<String>,
    /// Savepoints that were begun.
    begun: Vec<String>,
}

impl Memory {
    fn read(directory: &Path) -> Self {
        let bytes = fs::read(directory.join("memory"));
        bytes.map_or_else(|_| Self::default(), |bytes| serde_json::from_slice(&bytes).unwrap())
    }

    fn write(&self, directory: &Path) {
        reach("remember");
        fs::write(directory.join("memory.new"), serde_json::to_vec(self).unwrap()).unwrap();
        fs::rename(directory.join("memory.new"), directory.join("memory")).unwrap();
    }
}

fn shared(metadata: &CheckpointMetadata) -> Vec<StateFile> {
    let subtasks = metadata.operators.iter().flat_map(|operator| operator.subtasks.values());
    let keyed = subtasks.filter_map(|subtask| subtask.keyed.as_ref());
    keyed.flat_map(KeyedStateHandle::shared_files).cloned().collect()
}

/// Takes checkpoints, each of which refers to a file of the one before it, and a savepoint, which it
/// disposes of.
#[test]
fn child() {
    let Some(directory) = env::var_os(DIRECTORY) else { return };
    let directory = Path::new(&directory);
    let site = site(directory);
    let store = store(&site);
    let mut memory = Memory::default();
    store.prepare().unwrap();
    let mut previous: Option<CheckpointMetadata> = None;
    for id in 1..=CHECKPOINTS {
        let folder = store.layout().exclusive(CheckpointId(id));
        let mut metadata = make(&site, SnapshotKind::Checkpoint, id, &folder);
        let state = metadata.operators[1].subtasks.get_mut(&0).unwrap();
        if let (Some(previous), Some(KeyedStateHandle::Incremental { shared: files, .. })) =
            (&previous, &mut state.keyed)
        {
            files.insert("0.sst".to_owned(), shared(previous).pop().unwrap());
        }
        let pointer = store.write(&metadata).unwrap();
        memory.retained = vec![RetainedCheckpoint::new(&metadata, &pointer)];
        memory.write(directory);
        if let Some(old) = previous.replace(metadata) {
            let now: BTreeSet<_> = shared(previous.as_ref().unwrap()).into_iter().collect();
            let unused: Vec<_> = shared(&old).into_iter().filter(|f| !now.contains(f)).collect();
            store.discard(&old.exclusive, []).unwrap();
            store.delete_shared(&unused).unwrap();
        }
        if id == 2 {
            let kind = SnapshotKind::Savepoint { format: SavepointFormat::Canonical, ending: None };
            let folder = store.layout().savepoint(&site.url("savepoints")).unwrap();
            memory.begun.push(folder.clone());
            memory.write(directory);
            let savepoint = make(&site, kind, 99, &folder);
            store.write(&savepoint).unwrap();
            memory.begun.clear();
            memory.savepoints.push(folder.clone());
            memory.write(directory);
            site.storage.dispose_savepoint(&folder).unwrap();
            memory.savepoints.clear();
            memory.write(directory);
        }
    }
}

/// Does what the next process does, and checks what it finds.
fn recover(directory: &Path, step: u64) {
    let site = site(directory);
    let store = store(&site);
    let memory = Memory::read(directory);
    let found = store.load_retained(&memory.retained, Verification::Contents).unwrap();
    assert_eq!(found.whole.len(), memory.retained.len(), "step {step}: {:?}", found.passed_over);
    let retained: Vec<_> = found.whole.iter().map(|(_, metadata)| metadata).collect();
    let later = SystemTime::now() + Duration::from_secs(3600);
    store.remove_orphans(retained.iter().copied(), Some(later)).unwrap();
    for folder in &memory.begun {
        store.discard_incomplete(folder).unwrap();
    }
    let mut expected = BTreeSet::new();
    for metadata in &retained {
        let folder = StorageUrl::parse(&metadata.exclusive).unwrap();
        expected.insert(folder.join(METADATA_FILE).unwrap().to_string());
        expected.extend(metadata.files().map(|file| file.url.to_string()));
    }
    let left = site.storage.list(&site.url("ck")).unwrap();
    let left: BTreeSet<_> = left.iter().map(|listed| listed.url.to_string()).collect();
    assert_eq!(left, expected, "step {step}");
    // A savepoint that a user was told of is whole, or its disposal has begun and can be ended.
    for folder in memory.savepoints.iter().chain(&memory.begun) {
        match store.load(folder, Verification::Contents) {
            Ok(_) | Err(LoadError { reason: LoadReason::Incomplete, .. }) => {
                site.storage.dispose_savepoint(folder).unwrap();
            }
            Err(error) => {
                assert!(matches!(error.reason, LoadReason::Missing), "step {step}: {error}");
                let error = site.storage.dispose_savepoint(folder).unwrap_err();
                assert!(matches!(error, DisposeError::Load(_)), "step {step}: {error}");
            }
        }
    }
    assert_eq!(site.files("savepoints"), BTreeSet::new(), "step {step}");
    // The job ends.
    store.remove_orphans([], None).unwrap();
    assert!(!directory.join("ck").join(super::store::job().to_string()).exists());
}

#[test]
fn a_process_may_end_before_any_step() {
    let mut names = BTreeSet::new();
    for step in 0.. {
        let directory = tempfile::tempdir().unwrap();
        let child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "tests::crash::child", "--nocapture", "--test-threads=1"])
            .env(DIRECTORY, directory.path())
            .env(STEP, step.to_string())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&child.stderr).into_owned();
        let ended = errors.lines().find_map(|line| line.strip_prefix("ended before step "));
        assert!(child.status.success() != ended.is_some(), "step {step}: {errors}");
        recover(directory.path(), step);
        match ended {
            Some(name) => names.insert(name.split_once(": ").unwrap().1.to_owned()),
            None => break,
        };
    }
    // All kinds of steps were met.
    for name in [
        "create a file",
        "delete a file",
        "delete a file of a folder",
        "delete a folder",
        "delete an empty folder",
        "delete one of several files",
        "make a folder",
        "remember",
        "rename a file",
        "sync a file",
        "sync the folder of a file",
        "sync the folder of a folder",
        "write to a file",
    ] {
        assert!(names.contains(name), "{name} is not among {names:?}");
    }
}

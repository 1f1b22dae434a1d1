//! The rocksdb backend as a whole.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sciurus_core::clock::{Clock, ManualClock};
use sciurus_core::config::Configuration;
use sciurus_core::config::options::rocksdb as keys;
use sciurus_core::key::{KeyBytes, KeyGroupRange, hash_key};
use tempfile::TempDir;

use super::{RocksBackend, RocksShared};
use crate::backend::{BackendConfig, KeyedStateBackend};
use crate::conformance;
use crate::error::StateError;
use crate::handle::{ListState, MapState, StateAccess, ValueState};
use crate::keyed::{KeyedBackend, KeyedSnapshot};
use crate::namespace::Namespace;
use crate::settings::{BackendError, BackendResources, RestoreInput, StateBackendSettings};
use crate::snapshot::{SnapshotError, SnapshotFile, SnapshotFiles};
use crate::ttl::StateTtlConfig;

const MAX_PARALLELISM: u32 = 16;

/// A process's part in a test: a scratch folder and what its backends share.
struct Process {
    scratch: TempDir,
    settings: StateBackendSettings,
    clock: Arc<ManualClock>,
}

impl Process {
    /// Offers so many bytes to values in use.
    fn new(row_cache_bytes: u64) -> Self {
        let scratch = TempDir::new().unwrap();
        let resources = BackendResources {
            scratch: scratch.path().to_owned(),
            managed_bytes: 32 << 20,
            slots: 1,
        };
        let mut configuration = Configuration::default();
        configuration.set(&keys::ROW_CACHE_FRACTION, &0.0);
        let mut shared = RocksShared::new(&configuration, resources).unwrap();
        shared.least_row_cache_bytes = row_cache_bytes;
        let settings = StateBackendSettings::Rocks(Arc::new(shared));
        Self { scratch, settings, clock: Arc::new(ManualClock::new(0)) }
    }

    fn config(&self, subtask: u32, parallelism: u32) -> BackendConfig {
        let range = KeyGroupRange::of_subtask(subtask, parallelism, MAX_PARALLELISM);
        BackendConfig::new(MAX_PARALLELISM, range).clock(self.clock.clone())
    }

    fn start(
        &self,
        (subtask, parallelism): (u32, u32),
        inputs: Vec<RestoreInput>,
    ) -> Result<KeyedBackend, BackendError> {
        KeyedBackend::create(&self.settings, self.config(subtask, parallelism), inputs)
    }

    fn backend(&self) -> KeyedBackend {
        self.start((0, 1), Vec::new()).unwrap()
    }

    /// Copies files as if they came from checkpoint storage.
    fn download(&self, files: &[SnapshotFile]) -> PathBuf {
        static FOLDERS: AtomicUsize = AtomicUsize::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder = self.scratch.path().join(format!("download-{number}"));
        fs::create_dir(&folder).unwrap();
        for file in files {
            fs::copy(&file.path, folder.join(&file.name)).unwrap();
        }
        folder
    }

    fn input(&self, range: KeyGroupRange, files: &SnapshotFiles) -> RestoreInput {
        let folder = self.download(&files.files);
        RestoreInput::Files { range, metadata: files.metadata.clone(), folder }
    }

    fn restored(&self, files: &SnapshotFiles) -> Result<KeyedBackend, BackendError> {
        let range = KeyGroupRange::of_subtask(0, 1, MAX_PARALLELISM);
        self.start((0, 1), vec![self.input(range, files)])
    }

    /// Returns what lies in the folder of working files.
    fn leftovers(&self) -> Vec<String> {
        let folder = fs::read_dir(self.scratch.path().join("rocksdb")).unwrap();
        folder.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }
}

fn rocks(backend: &mut KeyedBackend) -> &mut RocksBackend {
    match backend {
        KeyedBackend::Rocks(rocks) => rocks,
        KeyedBackend::Heap(_) => panic!("another backend"),
    }
}

fn files(backend: &mut KeyedBackend) -> (KeyedSnapshot, SnapshotFiles) {
    let snapshot = backend.snapshot();
    let files = snapshot.files().unwrap().unwrap();
    (snapshot, files)
}

fn shared(files: &SnapshotFiles) -> BTreeMap<String, u64> {
    let shared = files.files.iter().filter(|file| file.shared);
    shared.map(|file| (file.name.clone(), file.bytes)).collect()
}

fn choose(ctx: &mut KeyedBackend, number: u32) {
    let key = number.to_be_bytes();
    ctx.set_current_key(hash_key(&key), &key);
}

fn count(ctx: &mut KeyedBackend) -> ValueState<i64> {
    let mut count = ValueState::new("count");
    ctx.register(&mut count).unwrap();
    count
}

/// Adds 1 to the counts of keys, batch-wise.
fn count_all(ctx: &mut KeyedBackend, count: &ValueState<i64>, numbers: std::ops::Range<u32>) {
    let mut builder = sciurus_core::key::KeyBytesBuilder::default();
    for chunk in numbers.collect::<Vec<_>>().chunks(1000) {
        for number in chunk {
            builder.push(&number.to_be_bytes());
        }
        let keys: KeyBytes = builder.finish();
        let mut slots = Vec::new();
        ctx.resolve(Namespace::VOID, &keys, &keys.hashes(), None, &mut slots).unwrap();
        let mut column = count.column(ctx, Namespace::VOID).unwrap();
        for slot in &slots {
            *column.slot_mut(*slot).get_or_insert(0) += 1;
        }
        ctx.finish_batch().unwrap();
    }
}

fn counts(ctx: &mut KeyedBackend, count: &ValueState<i64>) -> BTreeMap<Vec<u8>, i64> {
    let mut counts = BTreeMap::new();
    let visit = |key: &[u8], _, count: &i64| {
        assert_eq!(counts.insert(key.to_vec(), *count), None, "{key:?} twice");
    };
    count.for_each_entry(ctx, Namespace::VOID, visit).unwrap();
    counts
}

#[test]
fn rocksdb_conforms() {
    let process = Process::new(1 << 20);
    let make = |config: BackendConfig, inputs| {
        let config = config.clone();
        KeyedBackend::create(&process.settings, config, inputs)
    };
    conformance::run(process.scratch.path(), make, 12).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(process.leftovers(), Vec::<String>::new());
}

#[test]
fn rocksdb_conforms_where_hardly_anything_stays_in_memory() {
    let process = Process::new(300);
    let make = |config, inputs| KeyedBackend::create(&process.settings, config, inputs);
    conformance::run(process.scratch.path(), make, 12).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn state_moves_between_backends() {
    let process = Process::new(2000);
    let made = AtomicUsize::new(0);
    // Files are for one backend alone; what is in the form of all goes to either by turns.
    let make = |config, inputs: Vec<RestoreInput>| {
        let files = inputs.iter().any(|input| matches!(input, RestoreInput::Files { .. }));
        if files || made.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            KeyedBackend::create(&process.settings, config, inputs)
        } else {
            KeyedBackend::create(&StateBackendSettings::HashMap, config, inputs)
        }
    };
    conformance::run(process.scratch.path(), make, 12).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn state_may_be_larger_than_memory() {
    const KEYS: u32 = 20_000;
    let process = Process::new(64 << 10);
    let mut ctx = process.backend();
    let state = count(&mut ctx);
    for _ in 0..3 {
        count_all(&mut ctx, &state, 0..KEYS);
    }
    let cached = rocks(&mut ctx).heap.tables[0].keys.len();
    assert!(cached < KEYS as usize / 10, "{cached} keys are in memory");
    let counts = counts(&mut ctx, &state);
    assert_eq!(counts.len(), KEYS as usize);
    assert!(counts.values().all(|count| *count == 3));
    assert_eq!(ctx.key_count(Namespace::VOID), KEYS as usize);
}

#[test]
fn a_snapshot_holds_the_past_though_writing_goes_on() {
    let process = Process::new(16 << 10);
    let mut ctx = process.backend();
    let state = count(&mut ctx);
    count_all(&mut ctx, &state, 0..3000);
    let snapshot = ctx.snapshot();
    // More than there is room for, so that the database has to be told before.
    count_all(&mut ctx, &state, 0..6000);
    let files = snapshot.files().unwrap().unwrap();
    let mut restored = process.restored(&files).unwrap();
    let state = count(&mut restored);
    let counts = counts(&mut restored, &state);
    assert_eq!((counts.len(), counts.values().sum::<i64>()), (3000, 3000));
}

#[test]
fn the_next_checkpoint_uses_files_of_the_last_one_again() {
    let process = Process::new(1 << 20);
    let mut ctx = process.backend();
    let state = count(&mut ctx);
    count_all(&mut ctx, &state, 0..5000);
    let (_first, files_of_first) = files(&mut ctx);
    count_all(&mut ctx, &state, 0..10);
    let (_second, files_of_second) = files(&mut ctx);
    let (first, second) = (shared(&files_of_first), shared(&files_of_second));
    assert!(!first.is_empty());
    assert!(first.iter().all(|file| second.get(file.0) == Some(file.1)), "{first:?} {second:?}");
    let new: u64 =
        second.iter().filter(|file| !first.contains_key(file.0)).map(|file| file.1).sum();
    let all: u64 = second.values().sum();
    assert!(new * 5 < all, "{new} of {all} bytes are new");

    // So does that of whoever was restored from it, by the same names.
    let mut restored = process.restored(&files_of_second).unwrap();
    let state = count(&mut restored);
    count_all(&mut restored, &state, 0..10);
    let (_third, files_of_third) = files(&mut restored);
    let third = shared(&files_of_third);
    assert!(second.keys().all(|name| third.contains_key(name)), "{second:?} {third:?}");
    let new: Vec<_> = third.keys().filter(|name| !second.contains_key(*name)).collect();
    assert!(!new.is_empty());
    let counts = counts(&mut restored, &state);
    assert_eq!((counts.len(), counts.values().sum::<i64>()), (5000, 5020));
}

#[test]
fn states_that_nobody_registers_go_on_into_the_next_snapshot() {
    let process = Process::new(1 << 20);
    let mut ctx = process.backend();
    let state = count(&mut ctx);
    let mut map = MapState::<i64, String>::new("map");
    ctx.register(&mut map).unwrap();
    for namespace in [Namespace::VOID, Namespace(7)] {
        ctx.set_current_namespace(namespace);
        choose(&mut ctx, 1);
        state.update(&mut ctx, 5).unwrap();
        map.put(&mut ctx, 3, "oak".to_owned()).unwrap();
    }
    let (_snapshot, first) = files(&mut ctx);
    let mut second = process.restored(&first).unwrap();
    count(&mut second);
    let (_snapshot, second) = files(&mut second);
    let mut third = process.restored(&second).unwrap();
    third.register(&mut map).unwrap();
    for namespace in [Namespace::VOID, Namespace(7)] {
        third.set_current_namespace(namespace);
        choose(&mut third, 1);
        assert_eq!(map.get(&mut third, &3), Ok(Some("oak".to_owned())));
    }
}

#[test]
fn a_state_is_not_restored_as_another_kind_or_type() {
    let process = Process::new(1 << 20);
    let mut ctx = process.backend();
    let state = count(&mut ctx);
    count_all(&mut ctx, &state, 0..10);
    let (_snapshot, files) = files(&mut ctx);
    let mut ctx = process.restored(&files).unwrap();
    let error = ctx.register(&mut ListState::<i64>::new("count")).unwrap_err();
    assert!(matches!(error, StateError::TypeMismatch { .. }), "{error}");
    let error = ctx.register(&mut ValueState::<i32>::new("count")).unwrap_err();
    assert!(matches!(error, StateError::Codec { .. }), "{error}");
}

#[test]
fn a_state_may_begin_to_expire_and_stop_again() {
    let process = Process::new(1 << 20);
    let mut ctx = process.backend();
    let state = count(&mut ctx);
    let mut list = ListState::<String>::new("list");
    ctx.register(&mut list).unwrap();
    choose(&mut ctx, 1);
    state.update(&mut ctx, 5).unwrap();
    list.add(&mut ctx, "oak".to_owned()).unwrap();
    let (_first, snapshot) = files(&mut ctx);
    let ttl = StateTtlConfig::new(Duration::from_millis(10));

    process.clock.set(1000);
    let mut ctx = process.restored(&snapshot).unwrap();
    let mut state = ValueState::<i64>::new("count").with_ttl(ttl);
    let mut list = ListState::<String>::new("list").with_ttl(ttl);
    ctx.register(&mut state).unwrap();
    ctx.register(&mut list).unwrap();
    choose(&mut ctx, 1);
    assert_eq!(state.value(&mut ctx), Ok(Some(5)));
    assert_eq!(list.get(&mut ctx), Ok(vec!["oak".to_owned()]));
    let (_second, snapshot) = files(&mut ctx);
    process.clock.set(1010);
    choose(&mut ctx, 1);
    assert_eq!(state.value(&mut ctx), Ok(None));

    let mut ctx = process.restored(&snapshot).unwrap();
    let state = count(&mut ctx);
    let mut list = ListState::<String>::new("list");
    ctx.register(&mut list).unwrap();
    choose(&mut ctx, 1);
    assert_eq!(state.value(&mut ctx), Ok(Some(5)));
    assert_eq!(list.get(&mut ctx), Ok(vec!["oak".to_owned()]));
}

#[test]
fn what_has_expired_or_was_dropped_leaves_the_files() {
    let process = Process::new(1 << 20);
    let mut ctx = process.backend();
    let ttl = StateTtlConfig::new(Duration::from_millis(10));
    let mut value = ValueState::<i64>::new("value").with_ttl(ttl);
    ctx.register(&mut value).unwrap();
    for number in 0..100 {
        ctx.set_current_namespace(Namespace::VOID);
        choose(&mut ctx, number);
        value.update(&mut ctx, 1).unwrap();
        process.clock.set(i64::from(number / 50) * 5);
        ctx.set_current_namespace(Namespace(7));
        choose(&mut ctx, number);
        value.update(&mut ctx, 1).unwrap();
    }
    files(&mut ctx);
    let rows = |ctx: &mut KeyedBackend| {
        ctx.finish_batch().unwrap();
        let database = rocks(ctx).database.clone();
        database.db().compact_range(None::<&[u8]>, None::<&[u8]>);
        let mut rows = database.rows(super::layout::rows_of_groups(0..MAX_PARALLELISM));
        let mut count = 0;
        while rows.next().unwrap().is_some() {
            count += 1;
        }
        count
    };
    assert_eq!(rows(&mut ctx), 200);
    ctx.drop_namespace(Namespace(7)).unwrap();
    assert_eq!(rows(&mut ctx), 100);
    assert_eq!(process.clock.now(), 5);
    // All were told to the database at 5, whenever they were written.
    process.clock.set(15);
    assert_eq!(rows(&mut ctx), 0);
    assert!(ctx.namespaces().is_empty() || ctx.namespaces() == [Namespace::VOID]);
}

#[test]
fn a_dropped_pane_is_still_in_the_snapshot_taken_before() {
    let process = Process::new(1 << 20);
    let mut ctx = process.backend();
    let state = count(&mut ctx);
    ctx.set_current_namespace(Namespace(7));
    choose(&mut ctx, 1);
    state.update(&mut ctx, 5).unwrap();
    let snapshot = ctx.snapshot();
    ctx.drop_namespace(Namespace(7)).unwrap();
    assert!(!ctx.contains_namespace(Namespace(7)));
    let files = snapshot.files().unwrap().unwrap();
    let mut restored = process.restored(&files).unwrap();
    let state = count(&mut restored);
    restored.set_current_namespace(Namespace(7));
    choose(&mut restored, 1);
    assert_eq!(state.value(&mut restored), Ok(Some(5)));
    restored.drop_namespace(Namespace(7)).unwrap();
    choose(&mut restored, 1);
    state.update_with(&mut restored, |count| assert_eq!(*count, None)).unwrap();
}

#[test]
fn key_groups_are_cut_off_and_copied_when_the_parallelism_changes() {
    let process = Process::new(32 << 10);
    let mut parts = Vec::new();
    for subtask in 0..2 {
        let mut ctx = process.start((subtask, 2), Vec::new()).unwrap();
        let state = count(&mut ctx);
        let range = KeyGroupRange::of_subtask(subtask, 2, MAX_PARALLELISM);
        for number in 0..2000 {
            let group = sciurus_core::key::key_group(hash_key(&u32::to_be_bytes(number)), 16);
            if range.contains(group) {
                choose(&mut ctx, number);
                state.update(&mut ctx, i64::from(number)).unwrap();
            }
        }
        let (snapshot, files) = files(&mut ctx);
        parts.push((range, snapshot, files));
    }
    let mut all = BTreeMap::new();
    for subtask in 0..3 {
        let inputs = parts.iter().map(|(range, _, files)| process.input(*range, files)).collect();
        let mut ctx = process.start((subtask, 3), inputs).unwrap();
        let state = count(&mut ctx);
        for (key, count) in counts(&mut ctx, &state) {
            assert_eq!(all.insert(key, count), None);
        }
    }
    assert_eq!(all.len(), 2000);
    assert!(
        all.iter().all(
            |(key, count)| i64::from(u32::from_be_bytes(key[..].try_into().unwrap())) == *count
        )
    );

    let twice = [0, 0].map(|part: usize| process.input(parts[part].0, &parts[part].2));
    let error = process.start((0, 1), twice.into()).unwrap_err();
    let overlap = matches!(error, BackendError::Snapshot(SnapshotError::Overlap { group: 0 }));
    assert!(overlap, "{error}");
}

#[test]
fn missing_and_damaged_files_are_named() {
    let process = Process::new(1 << 20);
    let mut ctx = process.backend();
    let state = count(&mut ctx);
    count_all(&mut ctx, &state, 0..5000);
    ctx.register_event_timer(5, Namespace::VOID).unwrap_err();
    choose(&mut ctx, 1);
    ctx.register_event_timer(5, Namespace::VOID).unwrap();
    let (_snapshot, files) = files(&mut ctx);
    assert!(files.files.len() >= 4, "{files:?}");
    let range = KeyGroupRange::of_subtask(0, 1, MAX_PARALLELISM);
    for file in &files.files {
        let folder = process.download(&files.files);
        fs::remove_file(folder.join(&file.name)).unwrap();
        let metadata = files.metadata.clone();
        let input = RestoreInput::Files { range, metadata, folder };
        let error = process.start((0, 1), vec![input]).unwrap_err().to_string();
        assert!(error.contains(&file.name), "{error}");

        let folder = process.download(&files.files);
        let path = folder.join(&file.name);
        let mut bytes = fs::read(&path).unwrap();
        bytes.truncate(bytes.len() - 1);
        fs::write(&path, bytes).unwrap();
        let metadata = files.metadata.clone();
        let input = RestoreInput::Files { range, metadata, folder };
        let error = process.start((0, 1), vec![input]).unwrap_err().to_string();
        assert!(error.contains(&file.name), "{error}");
    }
    // A block that was changed is noticed when it is read.
    let shared = files.files.iter().find(|file| file.shared).unwrap();
    let folder = process.download(&files.files);
    let path = folder.join(&shared.name);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let input = RestoreInput::Files { range, metadata: files.metadata.clone(), folder };
    let mut ctx = process.start((0, 1), vec![input]).unwrap();
    let mut state = ValueState::<i64>::new("count");
    let read = ctx
        .register(&mut state)
        .and_then(|()| state.for_each_entry(&mut ctx, Namespace::VOID, |_, _, _| {}));
    let error = read.unwrap_err();
    assert!(matches!(error, StateError::Storage { .. }), "{error}");
    assert!(error.to_string().contains("orrupt"), "{error}");
}

#[test]
fn files_are_refused_by_the_other_backend() {
    let process = Process::new(1 << 20);
    let mut ctx = process.backend();
    count(&mut ctx);
    let (_snapshot, files) = files(&mut ctx);
    let range = KeyGroupRange::of_subtask(0, 1, MAX_PARALLELISM);
    let input = process.input(range, &files);
    let error =
        KeyedBackend::create(&StateBackendSettings::HashMap, process.config(0, 1), vec![input]);
    let error = error.unwrap_err();
    assert!(matches!(error, BackendError::ForeignFiles { .. }), "{error}");
}

#[test]
fn a_snapshot_that_is_given_up_loses_nothing() {
    let process = Process::new(1 << 20);
    let mut ctx = process.backend();
    let state = count(&mut ctx);
    count_all(&mut ctx, &state, 0..100);
    drop(ctx.snapshot());
    choose(&mut ctx, 3);
    state.clear(&mut ctx).unwrap();
    drop(ctx.snapshot());
    let mut bytes = Vec::new();
    ctx.snapshot().write(&mut bytes).unwrap();
    let mut restored =
        process.start((0, 1), vec![RestoreInput::Snapshot(Box::new(Cursor::new(bytes)))]).unwrap();
    let state = count(&mut restored);
    assert_eq!(counts(&mut restored, &state).len(), 99);
}

#[test]
fn working_files_go_away_with_what_they_are_for() {
    let process = Process::new(1 << 20);
    let mut ctx = process.backend();
    let state = count(&mut ctx);
    count_all(&mut ctx, &state, 0..100);
    let (snapshot, files) = files(&mut ctx);
    let restored = process.restored(&files).unwrap();
    drop(ctx);
    assert!(files.files.iter().all(|file| Path::new(&file.path).exists()));
    drop((snapshot, restored));
    assert_eq!(process.leftovers(), Vec::<String>::new());
}

//! A job's keyed state in one backend for each subtask.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sciurus_core::clock::ManualClock;
use sciurus_core::key::{KeyBytes, KeyGroupRange, hash_key};

use super::model::{Model, owner};
use super::operation::{BatchRow, Operation, RowOperation};
use super::{KEYS, MAX_PARALLELISM, NAMESPACES, TIME_TO_LIVE, key};
use crate::backend::{BackendConfig, KeyedStateBackend};
use crate::error::StateError;
use crate::handle::{
    AggregateFunction, AggregatingState, ListState, MapState, ReducingState, StateAccess,
    ValueState,
};
use crate::keyed::{KeyedBackend, KeyedSnapshot};
use crate::namespace::Namespace;
use crate::settings::{BackendError, RestoreInput};
use crate::snapshot::{SnapshotError, SnapshotFiles};
use crate::ttl::{StateTtlConfig, TtlUpdateType};

/// What stops a run.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error(transparent)]
    Backend(#[from] BackendError),
    #[error("{0}")]
    Other(String),
}

#[derive(Debug, Clone)]
struct Average;

impl AggregateFunction for Average {
    type Input = i64;
    type Accumulator = (i64, i64);
    type Output = f64;

    fn create_accumulator(&self) -> (i64, i64) {
        (0, 0)
    }

    fn add(&self, value: i64, (sum, count): &mut (i64, i64)) {
        *sum += value;
        *count += 1;
    }

    fn result(&self, (sum, count): &(i64, i64)) -> f64 {
        *sum as f64 / *count as f64
    }

    fn merge(&self, one: (i64, i64), other: (i64, i64)) -> (i64, i64) {
        (one.0 + other.0, one.1 + other.1)
    }
}

/// One subtask's backend and the handles of its states.
struct Subtask {
    backend: KeyedBackend,
    count: ValueState<i64>,
    note: ValueState<String>,
    seen: ValueState<i64>,
    list: ListState<i64>,
    recent: ListState<i64>,
    map: MapState<i64, String>,
    cache: MapState<i64, i64>,
    sum: ReducingState<i64>,
    average: AggregatingState<Average>,
}

impl Subtask {
    fn new(backend: KeyedBackend) -> Result<Self, StateError> {
        let on_write = StateTtlConfig::new(Duration::from_millis(TIME_TO_LIVE as u64));
        let on_read = on_write.update_type(TtlUpdateType::OnReadAndWrite);
        let mut subtask = Self {
            backend,
            count: ValueState::new("count"),
            note: ValueState::new("note").with_ttl(on_write),
            seen: ValueState::new("seen").with_ttl(on_read),
            list: ListState::new("list"),
            recent: ListState::new("recent").with_ttl(on_write),
            map: MapState::new("map"),
            cache: MapState::new("cache").with_ttl(on_read),
            sum: ReducingState::new("sum", |one, other| one + other),
            average: AggregatingState::new("average", Average),
        };
        let backend = &mut subtask.backend;
        backend.register(&mut subtask.count)?;
        backend.register(&mut subtask.note)?;
        backend.register(&mut subtask.seen)?;
        backend.register(&mut subtask.list)?;
        backend.register(&mut subtask.recent)?;
        backend.register(&mut subtask.map)?;
        backend.register(&mut subtask.cache)?;
        backend.register(&mut subtask.sum)?;
        backend.register(&mut subtask.average)?;
        Ok(subtask)
    }

    /// Does something to the current key; returns what is seen of it.
    fn row(&mut self, operation: &RowOperation) -> Result<String, StateError> {
        use RowOperation as Row;
        let ctx = &mut self.backend;
        match operation.clone() {
            Row::SetCount(value) => self.count.update(ctx, value)?,
            Row::AddCount(value) => self.count.update_with(ctx, |count| {
                *count = Some(count.unwrap_or(0).wrapping_add(value));
            })?,
            Row::ClearCount => self.count.clear(ctx)?,
            Row::SetNote(value) => self.note.update(ctx, value)?,
            Row::ReadNote => return Ok(format!("{:?}", self.note.value(ctx)?)),
            Row::UpdateNote(keep) => self.note.update_with(ctx, |note| {
                *note = note.take().filter(|_| keep).map(|note| note + "!");
            })?,
            Row::SetSeen(value) => self.seen.update(ctx, value)?,
            Row::ReadSeen => return Ok(format!("{:?}", self.seen.value(ctx)?)),
            Row::AddList(values) => self.list.add_all(ctx, values)?,
            Row::SetList(values) => self.list.update(ctx, values)?,
            Row::ClearList => self.list.clear(ctx)?,
            Row::AddRecent(value) => self.recent.add(ctx, value)?,
            Row::SetRecent(values) => self.recent.update(ctx, values)?,
            Row::ReadRecent => return Ok(format!("{:?}", self.recent.get(ctx)?)),
            Row::PutMap(key, value) => self.map.put(ctx, key, value)?,
            Row::UpdateMap(key, value) => self.map.update_with(ctx, key, |entry| *entry = value)?,
            Row::RemoveMap(key) => return Ok(format!("{:?}", self.map.remove(ctx, &key)?)),
            Row::ClearMap => self.map.clear(ctx)?,
            Row::PutCache(key, value) => self.cache.put(ctx, key, value)?,
            Row::UpdateCache(key, value) => {
                self.cache.update_with(ctx, key, |entry| *entry = value)?;
            }
            Row::GetCache(key) => return Ok(format!("{:?}", self.cache.get(ctx, &key)?)),
            Row::RemoveCache(key) => return Ok(format!("{:?}", self.cache.remove(ctx, &key)?)),
            Row::ReadCache => return Ok(format!("{:?}", sorted(self.cache.entries(ctx)?))),
            Row::AddSum(value) => self.sum.add(ctx, value)?,
            Row::ClearSum => self.sum.clear(ctx)?,
            Row::AddAverage(value) => self.average.add(ctx, value)?,
            Row::ReadAll => {
                return Ok(format!(
                    "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
                    self.count.value(ctx)?,
                    self.note.value(ctx)?,
                    self.seen.value(ctx)?,
                    self.list.get(ctx)?,
                    self.recent.get(ctx)?,
                    sorted(self.map.entries(ctx)?),
                    sorted(self.cache.entries(ctx)?),
                    self.sum.get(ctx)?,
                    self.average.get(ctx)?,
                ));
            }
            Row::RegisterTimer(domain, time, namespace) => {
                ctx.register_timer(domain, time, namespace)?;
            }
            Row::DeleteTimer(domain, time, namespace) => {
                ctx.delete_timer(domain, time, namespace)?;
            }
        }
        Ok(String::new())
    }

    fn batch(
        &mut self,
        namespace: Namespace,
        rows: &[(Vec<u8>, BatchRow)],
        select: &[u32],
        then: Option<&RowOperation>,
    ) -> Result<Vec<String>, StateError> {
        let mut seen = Vec::new();
        let keys = key_bytes(rows.iter().map(|(key, _)| &key[..]));
        let all = select.len() == rows.len();
        let mut slots = Vec::new();
        let hashes = keys.hashes();
        let selection = (!all).then_some(select);
        self.backend.resolve(namespace, &keys, &hashes, selection, &mut slots)?;
        let mut counts = self.count.column(&mut self.backend, namespace)?;
        for (row, slot) in select.iter().zip(&slots) {
            match rows[*row as usize].1 {
                BatchRow::Nothing => {}
                BatchRow::Clear => counts.clear(*slot),
                BatchRow::Add(add) => {
                    let count = counts.slot_mut(*slot);
                    *count = Some(count.unwrap_or(0).wrapping_add(add));
                }
            }
        }
        if let Some(then) = then {
            self.backend.set_current_namespace(namespace);
            for (row, slot) in select.iter().zip(&slots) {
                let key = &rows[*row as usize].0;
                self.backend.set_current_slot(hash_key(key), key, *slot);
                seen.push(self.row(then)?);
            }
        }
        self.backend.finish_batch()?;
        Ok(seen)
    }

    fn merge(&mut self, from: Namespace, into: Namespace) -> Result<(), StateError> {
        let mut slots = Vec::new();
        self.backend.resolve_entries(from, into, &mut slots)?;
        let (there, mut here) = self.count.column_pair(&mut self.backend, (from, into))?;
        for (one, other) in slots {
            if let Some(add) = there.get(one) {
                let count = here.slot_mut(other);
                *count = Some(count.unwrap_or(0).wrapping_add(*add));
            }
        }
        self.backend.drop_namespace(from)?;
        self.backend.finish_batch()
    }
}

fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort();
    items
}

fn key_bytes<'a>(keys: impl Iterator<Item = &'a [u8]>) -> KeyBytes {
    let mut builder = sciurus_core::key::KeyBytesBuilder::default();
    keys.for_each(|key| builder.push(key));
    builder.finish()
}

/// What a subtask's snapshot was written to.
#[derive(Clone)]
enum Written {
    Bytes(Vec<u8>),
    Files { range: KeyGroupRange, metadata: Vec<u8>, folder: PathBuf },
}

/// The number of folders made so far, so that each has its own name.
static FOLDERS: AtomicUsize = AtomicUsize::new(0);

fn folder(scratch: &Path) -> PathBuf {
    scratch.join(format!("files-{}", FOLDERS.fetch_add(1, Ordering::Relaxed)))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

impl Written {
    fn write(
        snapshot: &KeyedSnapshot,
        range: KeyGroupRange,
        scratch: &Path,
        as_files: bool,
    ) -> Result<Self, SnapshotError> {
        if as_files && let Some(SnapshotFiles { metadata, files }) = snapshot.files()? {
            let folder = folder(scratch);
            fs::create_dir_all(&folder)?;
            for file in files {
                fs::copy(file.path, folder.join(file.name))?;
            }
            return Ok(Self::Files { range, metadata, folder });
        }
        let mut bytes = Vec::new();
        let stats = snapshot.write(&mut bytes)?;
        assert_eq!(stats.bytes, bytes.len() as u64);
        Ok(Self::Bytes(bytes))
    }

    /// Returns what a backend is restored from; it may take files over.
    fn input(&self, scratch: &Path) -> Result<RestoreInput, SnapshotError> {
        Ok(match self {
            Self::Bytes(bytes) => RestoreInput::Snapshot(Box::new(Cursor::new(bytes.clone()))),
            Self::Files { range, metadata, folder: from } => {
                let folder = folder(scratch);
                copy(from, &folder)?;
                RestoreInput::Files { range: *range, metadata: metadata.clone(), folder }
            }
        })
    }
}

/// A snapshot of all subtasks, being written.
type Writing = JoinHandle<Result<Vec<Written>, SnapshotError>>;

/// Makes a backend.
pub(super) type Make<'a> =
    dyn Fn(BackendConfig, Vec<RestoreInput>) -> Result<KeyedBackend, BackendError> + 'a;

/// A job under test.
pub(super) struct Subject<'a> {
    make: &'a Make<'a>,
    scratch: &'a Path,
    clock: Arc<ManualClock>,
    subtasks: Vec<Subtask>,
    /// Snapshots, being written, and the model as it was when each was taken.
    snapshots: Vec<(Writing, Model)>,
    /// How many snapshots were taken.
    taken: usize,
    broken: Option<Failure>,
}

impl<'a> Subject<'a> {
    pub(super) fn new(make: &'a Make<'a>, scratch: &'a Path, parallelism: u32) -> Self {
        let clock = Arc::new(ManualClock::new(1000));
        let mut subject = Self {
            make,
            scratch,
            clock,
            subtasks: Vec::new(),
            snapshots: Vec::new(),
            taken: 0,
            broken: None,
        };
        subject.broken = subject.start(parallelism, &[]).err();
        subject
    }

    pub(super) fn parallelism(&self) -> u32 {
        self.subtasks.len() as u32
    }

    /// Starts the job anew from the snapshots of its former subtasks.
    fn start(&mut self, parallelism: u32, snapshots: &[Written]) -> Result<(), Failure> {
        self.subtasks.clear();
        for subtask in 0..parallelism {
            let range = KeyGroupRange::of_subtask(subtask, parallelism, MAX_PARALLELISM);
            let config = BackendConfig::new(MAX_PARALLELISM, range).clock(self.clock.clone());
            let inputs = snapshots
                .iter()
                .map(|snapshot| snapshot.input(self.scratch))
                .collect::<Result<_, _>>()?;
            self.subtasks.push(Subtask::new((self.make)(config, inputs)?)?);
        }
        Ok(())
    }

    fn write_snapshots(&mut self) -> Writing {
        let parallelism = self.parallelism();
        let range = |subtask| KeyGroupRange::of_subtask(subtask, parallelism, MAX_PARALLELISM);
        let subtasks = (0..).zip(&mut self.subtasks);
        let snapshots: Vec<_> =
            subtasks.map(|(number, task)| (task.backend.snapshot(), range(number))).collect();
        self.taken += 1;
        let (scratch, as_files) = (self.scratch.to_owned(), !self.taken.is_multiple_of(3));
        thread::spawn(move || {
            let write = |(snapshot, range): &(KeyedSnapshot, _)| {
                Written::write(snapshot, *range, &scratch, as_files)
            };
            snapshots.iter().map(write).collect()
        })
    }

    fn join(written: Writing) -> Result<Vec<Written>, Failure> {
        let written = written.join();
        Ok(written.map_err(|_| Failure::Other("writing the snapshot panicked".into()))??)
    }

    fn owner(&mut self, key: &[u8]) -> &mut Subtask {
        let index = owner(key, self.parallelism()) as usize;
        &mut self.subtasks[index]
    }

    fn row(
        &mut self,
        namespace: Namespace,
        key: &[u8],
        operation: &RowOperation,
    ) -> Result<String, StateError> {
        let subtask = self.owner(key);
        subtask.backend.set_current_namespace(namespace);
        subtask.backend.set_current_key(hash_key(key), key);
        subtask.row(operation)
    }

    /// Does something to the job; returns what is seen of it.
    pub(super) fn apply(
        &mut self,
        operation: &Operation,
        model: &Model,
    ) -> Result<Vec<String>, Failure> {
        if let Some(broken) = self.broken.take() {
            return Err(broken);
        }
        let mut seen = Vec::new();
        match operation {
            Operation::Row(namespace, number, row) => {
                seen.push(self.row(*namespace, &key(*number), row)?);
            }
            Operation::Batch { namespace, rows, select, then } => {
                let parallelism = self.parallelism();
                for (number, subtask) in self.subtasks.iter_mut().enumerate() {
                    let own: Vec<_> = rows
                        .iter()
                        .enumerate()
                        .map(|(row, (number, add))| (row, (key(*number), *add)))
                        .filter(|(_, (key, _))| owner(key, parallelism) == number as u32)
                        .collect();
                    let selected: Vec<u32> = (0..own.len() as u32)
                        .filter(|row| !select || own[*row as usize].0 % 2 == 0)
                        .collect();
                    let own: Vec<_> = own.into_iter().map(|(_, row)| row).collect();
                    seen.extend(subtask.batch(*namespace, &own, &selected, then.as_ref())?);
                }
            }
            Operation::Lookup(namespace) => seen = self.lookup(*namespace)?,
            Operation::Merge(from, into) if from == into => {}
            Operation::Merge(from, into) => {
                for subtask in &mut self.subtasks {
                    subtask.merge(*from, *into)?;
                }
            }
            Operation::Drop(namespace) => {
                for subtask in &mut self.subtasks {
                    subtask.backend.drop_namespace(*namespace)?;
                }
            }
            Operation::Visit(namespace) => seen = self.visit(*namespace)?,
            Operation::Namespaces => seen = self.namespaces()?,
            Operation::PopTimers(domain, time) => {
                for subtask in &mut self.subtasks {
                    while let Some(timer) = subtask.backend.pop_due_timer(*domain, *time)? {
                        seen.push(format!("{timer:?}"));
                    }
                    let next = subtask.backend.next_timer(*domain);
                    seen.push(format!("{next:?} {}", subtask.backend.timer_count(*domain)));
                }
            }
            Operation::Advance(_) => self.clock.set(model.now()),
            Operation::Snapshot => {
                let written = self.write_snapshots();
                self.snapshots.push((written, model.clone()));
            }
            Operation::Rescale(parallelism) => {
                let snapshots = Self::join(self.write_snapshots())?;
                self.start(*parallelism, &snapshots)?;
            }
        }
        Ok(seen)
    }

    fn lookup(&mut self, namespace: Namespace) -> Result<Vec<String>, StateError> {
        let mut seen = Vec::new();
        for number in 0..KEYS {
            let key = key(number);
            let keys = key_bytes(std::iter::once(&key[..]));
            let subtask = self.owner(&key);
            let mut slots = Vec::new();
            subtask.backend.lookup(namespace, &keys, &keys.hashes(), None, &mut slots)?;
            let counts = subtask.count.column(&mut subtask.backend, namespace)?;
            seen.extend(slots.iter().map(|slot| format!("{:?}", slot.and_then(|s| counts.get(s)))));
            subtask.backend.finish_batch()?;
        }
        Ok(seen)
    }

    fn visit(&mut self, namespace: Namespace) -> Result<Vec<String>, Failure> {
        let mut counts = Vec::new();
        for subtask in &mut self.subtasks {
            let mut keys = Vec::new();
            subtask.backend.for_each_key(namespace, |key, hash| keys.push((key.to_vec(), hash)))?;
            let state = &subtask.count;
            state.for_each_entry(&mut subtask.backend, namespace, |key, hash, count| {
                if hash == hash_key(key) && keys.contains(&(key.to_vec(), hash)) {
                    counts.push((key.to_vec(), *count));
                }
            })?;
        }
        Ok(sorted(counts).into_iter().map(|entry| format!("{entry:?}")).collect())
    }

    /// Returns the namespaces in which there is state, with the number of keys.
    fn namespaces(&mut self) -> Result<Vec<String>, StateError> {
        // What has expired may not be cleaned up yet: look at every key, which does.
        for namespace in NAMESPACES {
            for number in 0..KEYS {
                for read in [RowOperation::ReadNote, RowOperation::ReadSeen] {
                    self.row(namespace, &key(number), &read)?;
                }
                for read in [RowOperation::ReadRecent, RowOperation::ReadCache] {
                    self.row(namespace, &key(number), &read)?;
                }
            }
        }
        let mut keys: BTreeMap<Namespace, usize> = BTreeMap::new();
        for subtask in &mut self.subtasks {
            subtask.backend.finish_batch()?;
            for namespace in subtask.backend.namespaces() {
                if subtask.backend.contains_namespace(namespace) {
                    *keys.entry(namespace).or_default() += subtask.backend.key_count(namespace);
                }
            }
        }
        Ok(keys.into_iter().map(|entry| format!("{entry:?}")).collect())
    }

    /// Restores every snapshot taken and compares what it holds with the model of then.
    pub(super) fn check_snapshots(mut self, last: &Model) -> Result<(), String> {
        for (number, (written, mut model)) in
            std::mem::take(&mut self.snapshots).into_iter().enumerate()
        {
            let restore = |subject: &mut Self| {
                let snapshots = Self::join(written)?;
                subject.start(1 + number as u32 % 3, &snapshots)
            };
            restore(&mut self).map_err(|error| format!("snapshot {number}: {error}"))?;
            // Time went on since.
            let passed = Operation::Advance(last.now() - model.now());
            super::apply(&mut model, &mut self, &passed)?;
            for operation in all_of_it() {
                super::apply(&mut model, &mut self, &operation)
                    .map_err(|error| format!("snapshot {number}, {operation:?}: {error}"))?;
            }
        }
        Ok(())
    }
}

/// Returns operations that look at everything.
fn all_of_it() -> Vec<Operation> {
    use crate::timer::TimeDomain;
    let mut operations = Vec::new();
    for namespace in NAMESPACES {
        for number in 0..KEYS {
            operations.push(Operation::Row(namespace, number, RowOperation::ReadAll));
        }
        operations.push(Operation::Visit(namespace));
    }
    for domain in [TimeDomain::Event, TimeDomain::Processing] {
        operations.push(Operation::PopTimers(domain, i64::MAX));
    }
    operations
}

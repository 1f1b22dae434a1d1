//! What is told of a savepoint.

use std::collections::BTreeMap;

use sciurus_checkpoint::{
    CheckpointMetadata, CheckpointStore, KeyedStateHandle, OperatorState, OperatorStateHandle,
    OperatorSubtaskState, StateData, Storage, StorageOptions,
};
use sciurus_core::checkpoint::{CheckpointId, Ending, SavepointFormat, SnapshotKind};
use sciurus_core::ids::{JobId, OperatorId};
use sciurus_core::key::KeyGroupRange;
use sciurus_state::operator::{OperatorBackend, OperatorListState};
use sciurus_state::snapshot::{SectionKind, SnapshotHeader, SnapshotState, SnapshotWriter};
use sciurus_state::{Namespace, StateKind, TimeDomain, Timer};

use super::report::{self, Owner};
use super::table;

fn state(name: &str, kind: StateKind, stamped: bool, type_name: &str) -> SnapshotState {
    SnapshotState { name: name.into(), kind, stamped, type_name: type_name.into() }
}

/// The state of a subtask that has one key group of two: key `a` in both states and two windows of
/// the first, key `b` in one, and two timers.
fn keyed(group: u16) -> KeyedStateHandle {
    let range = KeyGroupRange { start: u32::from(group), end: u32::from(group) + 1 };
    let states = vec![
        state("count", StateKind::Value, false, "i64"),
        state("seen", StateKind::Map, true, "(String, u32)"),
    ];
    let mut bytes = Vec::new();
    let header = SnapshotHeader { max_parallelism: 2, range, states };
    let mut writer = SnapshotWriter::new(&mut bytes, &header).unwrap();
    for (state, namespace, key) in [(0, 1, b"a"), (0, 2, b"a"), (0, 1, b"b"), (1, 1, b"a")] {
        let kind = SectionKind::State { state, namespace: Namespace(namespace) };
        writer.entry(group, kind, key, |out| out.extend_from_slice(&[7; 8])).unwrap();
    }
    for timestamp in [5, 6] {
        let timer = Timer { timestamp, key: b"a"[..].into(), namespace: Namespace(1) };
        writer.timer(group, TimeDomain::Event, &timer).unwrap();
    }
    writer.finish().unwrap();
    KeyedStateHandle::Snapshot { range, data: StateData::Inline(bytes.into()) }
}

fn lists() -> OperatorStateHandle {
    let mut backend = OperatorBackend::new();
    let mut splits = OperatorListState::<u64>::split("splits");
    backend.register(&mut splits).unwrap();
    for split in 0..3 {
        splits.add(&mut backend, split).unwrap();
    }
    let bytes = backend.snapshot().to_bytes().unwrap();
    OperatorStateHandle { data: StateData::Inline(bytes.into()), has_union: false }
}

fn operator(id: u8, name: &str, subtasks: Vec<OperatorSubtaskState>) -> OperatorState {
    OperatorState {
        id: OperatorId::from_bytes([id; 16]),
        uid: (id == 1).then(|| "source".to_owned()),
        name: name.to_owned(),
        parallelism: 2,
        max_parallelism: 2,
        subtasks: (0..).zip(subtasks).collect(),
        enumerator: (id == 1).then(|| b"left"[..].into()),
        is_finished: false,
    }
}

fn savepoint(directory: &std::path::Path) -> (Storage, String) {
    let storage = Storage::new(&StorageOptions::default());
    let job = JobId::from_bytes([0xab; 16]);
    let directory = directory.display().to_string();
    let store = CheckpointStore::new(storage.clone(), &directory, job).unwrap();
    let folder = format!("file://{directory}/savepoint-1");
    let mut files = BTreeMap::new();
    for name in ["1.sst", "2.sst"] {
        files.insert(
            name.to_owned(),
            storage.put(&format!("{folder}/{name}"), name.as_bytes()).unwrap(),
        );
    }
    let source = OperatorSubtaskState { keyed: None, operator: Some(lists()) };
    let sum = |group| OperatorSubtaskState { keyed: Some(keyed(group)), operator: None };
    let files = OperatorSubtaskState {
        keyed: Some(KeyedStateHandle::Incremental {
            range: KeyGroupRange { start: 0, end: 1 },
            metadata: StateData::Inline(b"metadata"[..].into()),
            shared: files,
            private: BTreeMap::new(),
        }),
        operator: None,
    };
    let ending = Some(Ending::Suspend);
    let metadata = CheckpointMetadata {
        job,
        job_name: "count nuts".to_owned(),
        id: CheckpointId(9),
        kind: SnapshotKind::Savepoint { format: SavepointFormat::Native, ending },
        timestamp: 1_700_000_000_000,
        exclusive: folder.clone(),
        operators: vec![
            operator(1, "Source", vec![source.clone(), source]),
            operator(2, "Sum", vec![sum(0), sum(1)]),
            operator(3, "Join", vec![files]),
        ],
    };
    store.write(&metadata).unwrap();
    (storage, folder)
}

#[test]
fn all_that_a_savepoint_holds_is_counted() {
    let directory = tempfile::tempdir().unwrap();
    let (storage, folder) = savepoint(directory.path());
    let report = report::read(&storage, &folder).unwrap();
    assert_eq!((report.owner, report.checkpoint_id, report.files), (Owner::User, 9, 2));
    assert_eq!(report.keys, 4);
    let [source, sum, join] = &report.operators[..] else { panic!("three operators") };
    assert_eq!((source.uid.as_deref(), source.enumerator_bytes), (Some("source"), Some(4)));
    let list = &source.operator_states[0];
    assert_eq!(
        (&*list.name, list.redistribution, list.items, list.bytes),
        ("splits", "split", 6, 48)
    );
    let keyed = sum.keyed.as_ref().unwrap();
    assert_eq!((keyed.keys, keyed.timers), (Some(4), Some(4)));
    let states: Vec<_> = keyed
        .states
        .iter()
        .map(|state| {
            (&*state.name, state.kind, &*state.type_name, state.ttl, state.keys, state.entries)
        })
        .collect();
    let count = ("count", "value", "i64", false, Some(4), Some(6));
    assert_eq!(states, [count, ("seen", "map", "(String, u32)", true, Some(2), Some(2))]);
    assert_eq!(sum.subtasks[1].key_groups, Some((1, 1)));
    let keyed = join.keyed.as_ref().unwrap();
    assert_eq!((keyed.keys, keyed.shared_files, keyed.shared_bytes), (None, 2, 10));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["operators"][1]["keyed"]["states"][0]["type_name"], "i64");
    assert_eq!(json["operators"][1]["keyed"]["forms"][0], "canonical");
}

#[test]
fn people_are_told_in_tables() {
    let directory = tempfile::tempdir().unwrap();
    let (storage, folder) = savepoint(directory.path());
    let text = table::text(&report::read(&storage, &folder).unwrap());
    for line in [
        "Kind      savepoint, native, owned by the user; the job was stopped with it",
        "Job       count nuts (abababababababababababababababab)",
        "Source (uid source, id 01010101010101010101010101010101)",
        "  enumerator: 4 bytes",
        "    splits  split       6      48 bytes",
        "  keyed state: 4 keys, 4 timers, canonical",
        "    count  value  i64            no   4     6        102 bytes",
        "  keyed state: files of RocksDB (2 shared files, 10 bytes)",
    ] {
        assert!(text.lines().any(|other| other == line), "{line:?} is not in\n{text}");
    }
}

#[test]
fn what_is_no_checkpoint_is_told_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::new(&StorageOptions::default());
    let path = directory.path().display().to_string();
    std::fs::write(directory.path().join("_metadata"), b"\x49\x60\x67\x2d\0\0\0\x04").unwrap();
    let error = report::read(&storage, &path).unwrap_err().to_string();
    assert!(error.contains(&path) && error.contains("JVM Flink wrote it"), "{error}");
}

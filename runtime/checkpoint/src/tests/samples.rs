//! Checkpoints of any kind.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use sciurus_core::checkpoint::{CheckpointId, Ending, SavepointFormat, SnapshotKind};
use sciurus_core::ids::{JobId, OperatorId};
use sciurus_core::key::KeyGroupRange;

use crate::{
    CheckpointMetadata, KeyedStateHandle, OperatorRestore, OperatorState, OperatorStateHandle,
    OperatorSubtaskState, StateData, StateFile, SubtaskRestore, SubtaskState,
};

/// The folder of the checkpoints.
pub const FOLDER: &str = "file:///ck/chk-7";

pub fn file() -> impl Strategy<Value = StateFile> {
    let url =
        prop_oneof!["file:///ck/chk-7/[a-z]{1,3}", "s3://b/[a-z/]{0,2}[a-z]", "file:///[ü# %]"];
    (url, any::<u64>(), any::<u64>()).prop_map(|(url, bytes, checksum)| {
        let url = crate::StorageUrl::parse(&url).unwrap().to_string().into();
        StateFile { url, bytes: bytes >> 8, checksum }
    })
}

pub fn data() -> impl Strategy<Value = StateData> {
    prop_oneof![
        vec(any::<u8>(), 0..20).prop_map(|bytes| StateData::Inline(bytes.into())),
        file().prop_map(StateData::File),
    ]
}

pub fn keyed(max_parallelism: u32) -> impl Strategy<Value = KeyedStateHandle> {
    let range = (0..=max_parallelism, 0..=max_parallelism)
        .prop_map(|(a, b)| KeyGroupRange { start: a.min(b), end: a.max(b) });
    let name = "[a-z0-9.]{1,8}";
    let incremental =
        (data(), btree_map(name, file(), 0..3), btree_map(name, data(), 0..3), any::<bool>());
    (range, incremental).prop_map(|(range, (metadata, shared, private, is_snapshot))| {
        if is_snapshot {
            KeyedStateHandle::Snapshot { range, data: metadata }
        } else {
            KeyedStateHandle::Incremental { range, metadata, shared, private }
        }
    })
}

pub fn operator_state() -> impl Strategy<Value = OperatorStateHandle> {
    (data(), any::<bool>()).prop_map(|(data, has_union)| OperatorStateHandle { data, has_union })
}

pub fn subtask(max_parallelism: u32) -> impl Strategy<Value = OperatorSubtaskState> {
    (option::of(keyed(max_parallelism)), option::of(operator_state()))
        .prop_map(|(keyed, operator)| OperatorSubtaskState { keyed, operator })
}

fn id() -> impl Strategy<Value = OperatorId> {
    any::<[u8; 16]>().prop_map(OperatorId::from_bytes)
}

fn operator() -> impl Strategy<Value = OperatorState> {
    (1_u32..6, 0_u32..200).prop_flat_map(|(parallelism, more)| {
        let max_parallelism = parallelism + more;
        let subtasks = btree_map(0..parallelism, subtask(max_parallelism), 0..4);
        let enumerator = option::of(vec(any::<u8>(), 0..20).prop_map(Bytes::from));
        (id(), option::of(".{0,8}"), ".{0,8}", subtasks, enumerator, any::<bool>()).prop_map(
            move |(id, uid, name, subtasks, enumerator, is_finished)| OperatorState {
                id,
                uid,
                name,
                parallelism,
                max_parallelism,
                subtasks,
                enumerator,
                is_finished,
            },
        )
    })
}

fn kind() -> impl Strategy<Value = SnapshotKind> {
    let savepoint = (
        prop_oneof![Just(SavepointFormat::Canonical), Just(SavepointFormat::Native)],
        option::of(prop_oneof![Just(Ending::Suspend), Just(Ending::Drain)]),
    );
    prop_oneof![
        Just(SnapshotKind::Checkpoint),
        Just(SnapshotKind::FullCheckpoint),
        savepoint.prop_map(|(format, ending)| SnapshotKind::Savepoint { format, ending }),
    ]
}

pub fn metadata() -> impl Strategy<Value = CheckpointMetadata> {
    let operators = vec(operator(), 0..4);
    (any::<[u8; 16]>(), ".{0,8}", any::<u64>(), kind(), any::<i64>(), operators).prop_map(
        |(job, job_name, id, kind, timestamp, operators)| CheckpointMetadata {
            job: JobId::from_bytes(job),
            job_name,
            id: CheckpointId(id),
            kind,
            timestamp,
            exclusive: FOLDER.to_owned(),
            operators,
        },
    )
}

pub fn subtask_state() -> impl Strategy<Value = SubtaskState> {
    btree_map(id(), subtask(128), 0..4).prop_map(|operators| SubtaskState { operators })
}

pub fn subtask_restore() -> impl Strategy<Value = SubtaskRestore> {
    let operator = (vec(keyed(128), 0..3), btree_map(0..9_u32, operator_state(), 0..3), 1..9_u32)
        .prop_map(|(keyed, operator, old_parallelism)| OperatorRestore {
            keyed,
            operator,
            old_parallelism,
        });
    (any::<u64>(), btree_map(id(), operator, 0..3), any::<bool>()).prop_map(
        |(checkpoint, operators, is_finished)| SubtaskRestore {
            checkpoint: CheckpointId(checkpoint),
            operators,
            is_finished,
        },
    )
}

/// A checkpoint of a source and a keyed operator with files in `folder`; the example of
/// docs/formats.md where that is [`FOLDER`].
pub fn small(folder: &str) -> CheckpointMetadata {
    let file = |name: &str, bytes, checksum| StateFile {
        url: format!("{folder}/{name}").into(),
        bytes,
        checksum,
    };
    let keyed = KeyedStateHandle::Snapshot {
        range: KeyGroupRange { start: 0, end: 128 },
        data: StateData::File(file("a", 300, 0x1122_3344_5566_7788)),
    };
    let splits = OperatorStateHandle {
        data: StateData::Inline(Bytes::from_static(b"nut")),
        has_union: false,
    };
    let operator = |id, uid: Option<&str>, name: &str, state, enumerator| OperatorState {
        id: OperatorId::from_bytes([id; 16]),
        uid: uid.map(str::to_owned),
        name: name.to_owned(),
        parallelism: 1,
        max_parallelism: 128,
        subtasks: BTreeMap::from([(0, state)]),
        enumerator,
        is_finished: false,
    };
    CheckpointMetadata {
        job: JobId::from_bytes([0xaa; 16]),
        job_name: "count".to_owned(),
        id: CheckpointId(7),
        kind: SnapshotKind::Checkpoint,
        timestamp: 1_700_000_000_000,
        exclusive: folder.to_owned(),
        operators: vec![
            operator(
                1,
                Some("src"),
                "Source",
                OperatorSubtaskState { keyed: None, operator: Some(splits) },
                Some(Bytes::from_static(b"e")),
            ),
            operator(
                2,
                None,
                "Sum",
                OperatorSubtaskState { keyed: Some(keyed), operator: None },
                None,
            ),
        ],
    }
}

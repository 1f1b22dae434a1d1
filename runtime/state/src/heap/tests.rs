//! The heap backend as a whole.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use sciurus_core::clock::ManualClock;
use sciurus_core::key::{KeyGroupRange, hash_key, key_group};

use crate::backend::{BackendConfig, KeyedStateBackend};
use crate::conformance;
use crate::error::StateError;
use crate::handle::{ListState, MapState, StateAccess, ValueState};
use crate::keyed::{KeyedBackend, KeyedSnapshot};
use crate::namespace::Namespace;
use crate::settings::StateBackendSettings;
use crate::snapshot::{SnapshotError, SnapshotReader};
use crate::ttl::StateTtlConfig;

const MAX_PARALLELISM: u32 = 8;

fn backend(subtask: u32, parallelism: u32) -> KeyedBackend {
    let range = KeyGroupRange::of_subtask(subtask, parallelism, MAX_PARALLELISM);
    KeyedBackend::heap(BackendConfig::new(MAX_PARALLELISM, range))
}

fn choose(ctx: &mut KeyedBackend, key: &[u8]) {
    ctx.set_current_key(hash_key(key), key);
}

fn written(backend: &mut KeyedBackend) -> Vec<u8> {
    let mut bytes = Vec::new();
    let stats = backend.snapshot().write(&mut bytes).unwrap();
    assert_eq!(stats.bytes, bytes.len() as u64);
    bytes
}

fn restore(backend: &mut KeyedBackend, bytes: &[u8]) -> Result<(), SnapshotError> {
    backend.restore(&mut SnapshotReader::open(Cursor::new(bytes))?)
}

/// A backend with two values, a list and a timer, and its snapshot.
fn small_snapshot() -> Vec<u8> {
    let mut ctx = backend(0, 1);
    let (mut count, mut list) = (ValueState::<i64>::new("count"), ListState::<String>::new("list"));
    ctx.register(&mut count).unwrap();
    ctx.register(&mut list).unwrap();
    for key in ["nut", "a key of more than twelve bytes"] {
        choose(&mut ctx, key.as_bytes());
        count.update(&mut ctx, 7).unwrap();
        ctx.register_event_timer(5, Namespace::VOID).unwrap();
    }
    list.add(&mut ctx, "oak".to_owned()).unwrap();
    written(&mut ctx)
}

#[test]
fn the_heap_conforms() {
    let settings = StateBackendSettings::HashMap;
    let make = |config, inputs| KeyedBackend::create(&settings, config, inputs);
    conformance::run(Path::new(""), make, 256).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_snapshot_can_be_written_by_another_thread() {
    fn shared<T: Send + Sync + 'static>() {}
    fn sent<T: Send + 'static>() {}
    shared::<KeyedSnapshot>();
    sent::<KeyedBackend>();
}

#[test]
fn what_has_expired_goes_though_its_keys_never_come_back() -> Result<(), StateError> {
    let clock = Arc::new(ManualClock::new(0));
    let range = KeyGroupRange::of_subtask(0, 1, MAX_PARALLELISM);
    let config = BackendConfig::new(MAX_PARALLELISM, range).clock(clock.clone());
    let mut ctx = KeyedBackend::heap(config);
    let ttl = StateTtlConfig::new(Duration::from_millis(10));
    let mut value = ValueState::<i64>::new("value").with_ttl(ttl);
    let mut list = ListState::<i64>::new("list").with_ttl(ttl);
    let mut map = MapState::<i64, i64>::new("map").with_ttl(ttl);
    ctx.register(&mut value)?;
    ctx.register(&mut list)?;
    ctx.register(&mut map)?;
    for namespace in [Namespace::VOID, Namespace(1), Namespace(2)] {
        ctx.set_current_namespace(namespace);
        for key in 0..100_u8 {
            choose(&mut ctx, &[key]);
            value.update(&mut ctx, 1)?;
            list.add(&mut ctx, 1)?;
            map.put(&mut ctx, 1, 1)?;
        }
    }
    clock.set(9);
    choose(&mut ctx, b"another");
    value.update(&mut ctx, 1)?;
    clock.set(10);
    for _ in 0..100 {
        choose(&mut ctx, b"another");
        assert_eq!(value.value(&mut ctx)?, Some(1));
    }
    ctx.finish_batch()?;
    assert_eq!((ctx.namespaces(), ctx.key_count(Namespace(2))), (vec![Namespace(2)], 1));
    Ok(())
}

#[test]
fn states_that_nobody_registers_go_on_into_the_next_snapshot() {
    let mut second = backend(0, 1);
    restore(&mut second, &small_snapshot()).unwrap();
    let mut list = ListState::<String>::new("list");
    second.register(&mut list).unwrap();
    choose(&mut second, b"acorn");
    list.add(&mut second, "elm".to_owned()).unwrap();
    let bytes = written(&mut second);

    let mut third = backend(0, 1);
    restore(&mut third, &bytes).unwrap();
    let mut count = ValueState::<i64>::new("count");
    third.register(&mut count).unwrap();
    third.register(&mut list).unwrap();
    choose(&mut third, b"nut");
    assert_eq!(count.value(&mut third), Ok(Some(7)));
    choose(&mut third, b"acorn");
    assert_eq!(list.get(&mut third), Ok(vec!["elm".to_owned()]));
}

#[test]
fn a_state_is_not_restored_as_another_kind_or_type() {
    let bytes = small_snapshot();
    let mut ctx = backend(0, 1);
    restore(&mut ctx, &bytes).unwrap();
    let error = ctx.register(&mut ListState::<i64>::new("count")).unwrap_err();
    assert!(matches!(error, StateError::TypeMismatch { .. }), "{error}");
    let error = ctx.register(&mut ValueState::<i32>::new("count")).unwrap_err();
    assert!(matches!(error, StateError::Codec { .. }), "{error}");
    let error = restore(&mut ctx, &bytes).unwrap_err();
    assert!(matches!(error, SnapshotError::AlreadyInUse), "{error}");
}

#[test]
fn snapshots_of_another_job_are_refused() {
    let bytes = small_snapshot();
    let config = BackendConfig::new(16, KeyGroupRange::of_subtask(0, 1, 16));
    let error = restore(&mut KeyedBackend::heap(config), &bytes).unwrap_err();
    assert!(matches!(error, SnapshotError::MaxParallelism { expected: 16, found: 8 }), "{error}");
    let mut ctx = backend(0, 1);
    restore(&mut ctx, &bytes).unwrap();
    let error = restore(&mut ctx, &bytes).unwrap_err();
    assert!(matches!(error, SnapshotError::Overlap { group: 0 }), "{error}");
}

#[test]
fn a_key_of_another_subtask_is_not_lost_in_silence() {
    let mut ctx = backend(0, 2);
    let mut count = ValueState::<i64>::new("count");
    ctx.register(&mut count).unwrap();
    let foreign = (0..255_u8).find(|key| key_group(hash_key(&[*key]), MAX_PARALLELISM) > 3);
    choose(&mut ctx, &[foreign.unwrap()]);
    count.update(&mut ctx, 1).unwrap();
    let error = ctx.snapshot().write(Vec::new()).unwrap_err();
    assert!(matches!(error, SnapshotError::ForeignKey { .. }), "{error}");
}

#[test]
fn a_key_group_may_take_many_blocks() {
    const VALUES: i64 = 40;
    let mut ctx = backend(0, 1);
    let mut text = ValueState::<String>::new("text");
    ctx.register(&mut text).unwrap();
    for number in 0..VALUES {
        choose(&mut ctx, &number.to_le_bytes());
        text.update(&mut ctx, "x".repeat(1 << 20) + &number.to_string()).unwrap();
    }
    let bytes = written(&mut ctx);
    let blocks = SnapshotReader::open(Cursor::new(&bytes)).unwrap().blocks().len();
    assert!(blocks > 8, "{blocks} blocks");
    for subtask in 0..3 {
        let mut ctx = backend(subtask, 3);
        restore(&mut ctx, &bytes).unwrap();
        let mut text = ValueState::<String>::new("text");
        ctx.register(&mut text).unwrap();
        for number in 0..VALUES {
            let key = number.to_le_bytes();
            let range = KeyGroupRange::of_subtask(subtask, 3, MAX_PARALLELISM);
            let own = range.contains(key_group(hash_key(&key), MAX_PARALLELISM));
            choose(&mut ctx, &key);
            let ending = number.to_string();
            let found = text.with(&mut ctx, |text| text.is_some_and(|t| t.ends_with(&ending)));
            assert_eq!(found, Ok(own));
        }
    }
}

#[test]
fn every_changed_byte_and_every_lost_end_is_noticed() {
    let bytes = small_snapshot();
    let read = |bytes: &[u8]| restore(&mut backend(0, 1), bytes);
    read(&bytes).unwrap();
    for position in 0..bytes.len() {
        for change in [1, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[position] ^= change;
            read(&damaged).unwrap_err();
        }
        read(&bytes[..position]).unwrap_err();
    }
    let longer = [&bytes[..], &[0]].concat();
    read(&longer).unwrap_err();
}

proptest! {
    #[test]
    fn bytes_that_are_no_snapshot_are_an_error(
        content in prop::collection::vec(any::<u8>(), 0..400),
        splice in any::<prop::sample::Index>(),
    ) {
        // Inside of a sound snapshot whose checksums are right again, too: see the reader's tests.
        let bytes = small_snapshot();
        let at = splice.index(bytes.len());
        let spliced = [&bytes[..at], &content[..], &bytes[at..]].concat();
        prop_assert!(content.is_empty() || restore(&mut backend(0, 1), &spliced).is_err());
        prop_assert!(restore(&mut backend(0, 1), &content).is_err());
    }
}

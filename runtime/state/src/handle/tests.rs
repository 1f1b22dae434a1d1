//! The primitives by what user code sees of them.

use std::sync::Arc;
use std::time::Duration;

use sciurus_core::clock::ManualClock;
use sciurus_core::key::{KeyBytes, KeyGroupRange, hash_key};

use super::*;
use crate::backend::{BackendConfig, KeyedStateBackend};
use crate::namespace::Namespace;
use crate::timer::TimeDomain;
use crate::ttl::TtlUpdateType;

fn backend() -> (KeyedBackend, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(1000));
    let config = BackendConfig::new(128, KeyGroupRange::of_subtask(0, 1, 128));
    (KeyedBackend::heap(config.clock(clock.clone())), clock)
}

fn choose(ctx: &mut KeyedBackend, key: &str) {
    ctx.set_current_key(hash_key(key.as_bytes()), key.as_bytes());
}

#[derive(Clone)]
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

#[test]
fn every_key_has_its_own_state_of_every_kind() -> Result<(), StateError> {
    let (mut ctx, _) = backend();
    let ctx = &mut ctx;
    let mut value = ValueState::<String>::new("value");
    let mut list = ListState::<i64>::new("list");
    let mut map = MapState::<String, i64>::new("map");
    let mut sum = ReducingState::<i64>::new("sum", |a, b| a + b);
    let mut average = AggregatingState::new("average", Average);
    ctx.register(&mut value)?;
    ctx.register(&mut list)?;
    ctx.register(&mut map)?;
    ctx.register(&mut sum)?;
    ctx.register(&mut average)?;
    for (key, base) in [("a", 10), ("b", 20)] {
        choose(ctx, key);
        value.update(ctx, key.to_uppercase())?;
        for number in base..base + 3 {
            list.add(ctx, number)?;
            map.put(ctx, number.to_string(), number)?;
            sum.add(ctx, number)?;
            average.add(ctx, number)?;
        }
    }
    choose(ctx, "b");
    assert_eq!(value.value(ctx)?.as_deref(), Some("B"));
    assert_eq!(list.get(ctx)?, [20, 21, 22]);
    assert_eq!(map.remove(ctx, &"21".to_owned())?, Some(21));
    assert_eq!(map.keys(ctx)?, ["20", "22"]);
    assert_eq!(sum.get(ctx)?, Some(63));
    assert_eq!(average.get(ctx)?, Some(21.0));
    choose(ctx, "c");
    assert_eq!(value.value(ctx)?, None);
    assert_eq!(list.get(ctx)?, [0; 0]);
    assert!(map.is_empty(ctx)?);
    assert_eq!((sum.get(ctx)?, average.get(ctx)?), (None, None));
    assert_eq!(ctx.key_count(Namespace::VOID), 2);
    choose(ctx, "a");
    assert_eq!(map.get(ctx, &"12".to_owned())?, Some(12));
    Ok(())
}

#[test]
fn a_key_is_forgotten_once_its_last_state_is_cleared() -> Result<(), StateError> {
    let (mut ctx, _) = backend();
    let ctx = &mut ctx;
    let mut value = ValueState::<i64>::new("value");
    let mut map = MapState::<i64, i64>::new("map");
    ctx.register(&mut value)?;
    ctx.register(&mut map)?;
    for key in ["a", "b"] {
        choose(ctx, key);
        value.update(ctx, 1)?;
        map.put(ctx, 1, 1)?;
        value.clear(ctx)?;
    }
    choose(ctx, "a");
    assert_eq!(ctx.key_count(Namespace::VOID), 2);
    map.update_with(ctx, 1, |value| *value = None)?;
    ctx.clear_current_key();
    assert_eq!(ctx.key_count(Namespace::VOID), 1);
    Ok(())
}

#[test]
fn misuse_names_the_state() {
    let (mut ctx, _) = backend();
    let ctx = &mut ctx;
    let name: Arc<str> = "count".into();
    let mut count = ValueState::<i64>::new(name.clone());
    choose(ctx, "a");
    assert_eq!(count.value(ctx), Err(StateError::NotRegistered { state: name.clone() }));
    ctx.register(&mut count).unwrap();
    ctx.clear_current_key();
    assert_eq!(count.update(ctx, 1), Err(StateError::NoCurrentKey { state: name.clone() }));
    let mut again = ValueState::<i64>::new("count");
    assert_eq!(ctx.register(&mut again), Err(StateError::DuplicateName { state: name }));
    let mut list = ListState::<i64>::new("count");
    let error = ctx.register(&mut list).unwrap_err();
    assert_eq!(
        error.to_string(),
        "state `count` holds value state of i64, not list state of i64: use the handle it was \
         registered with, or another name for another type"
    );
}

#[test]
fn batches_and_rows_see_each_others_writes() -> Result<(), StateError> {
    let (mut ctx, _) = backend();
    let ctx = &mut ctx;
    let mut count = ValueState::<i64>::new("count");
    ctx.register(&mut count)?;
    let keys = KeyBytes::variable(vec![0, 1, 2, 3].into(), b"aba".into());
    let (first, second) = (Namespace(1), Namespace(2));
    let mut slots = Vec::new();
    for namespace in [second, first, second] {
        ctx.resolve(namespace, &keys, &keys.hashes(), None, &mut slots)?;
        let mut column = count.column(ctx, namespace)?;
        for slot in &slots {
            *column.slot_mut(*slot).get_or_insert(0) += 1;
        }
    }
    choose(ctx, "a");
    ctx.set_current_namespace(second);
    assert_eq!(count.value(ctx)?, Some(4));
    choose(ctx, "c");
    count.update(ctx, 9)?;
    ctx.finish_batch()?;
    let mut merged = Vec::new();
    ctx.resolve_entries(second, first, &mut merged)?;
    let (from, mut into) = count.column_pair(ctx, (second, first))?;
    for (there, here) in merged {
        *into.slot_mut(here).get_or_insert(0) += from.get(there).copied().unwrap_or(0);
    }
    ctx.drop_namespace(second)?;
    ctx.finish_batch()?;
    let mut seen = Vec::new();
    count.for_each_entry(ctx, first, |key, hash, count| {
        assert_eq!(hash, hash_key(key));
        seen.push((key.to_vec(), *count));
    })?;
    assert_eq!(seen, [(b"a".to_vec(), 6), (b"b".to_vec(), 3), (b"c".to_vec(), 9)]);
    assert_eq!(ctx.namespaces(), [first]);
    Ok(())
}

#[test]
fn values_elements_and_entries_expire() -> Result<(), StateError> {
    let (mut ctx, clock) = backend();
    let ctx = &mut ctx;
    let ttl = StateTtlConfig::new(Duration::from_millis(100));
    let reading = ttl.update_type(TtlUpdateType::OnReadAndWrite);
    let mut value = ValueState::<i64>::new("value").with_ttl(ttl);
    let mut read = ValueState::<i64>::new("read").with_ttl(reading);
    let mut list = ListState::<i64>::new("list").with_ttl(ttl);
    let mut map = MapState::<i64, i64>::new("map").with_ttl(ttl);
    ctx.register(&mut value)?;
    ctx.register(&mut read)?;
    ctx.register(&mut list)?;
    ctx.register(&mut map)?;
    choose(ctx, "a");
    value.update(ctx, 1)?;
    read.update(ctx, 1)?;
    list.add(ctx, 1)?;
    map.put(ctx, 1, 1)?;
    clock.advance(Duration::from_millis(60));
    assert_eq!((value.value(ctx)?, read.value(ctx)?), (Some(1), Some(1)));
    list.add(ctx, 2)?;
    map.put(ctx, 2, 2)?;
    clock.advance(Duration::from_millis(60));
    assert_eq!((value.value(ctx)?, read.value(ctx)?), (None, Some(1)));
    assert_eq!(list.get(ctx)?, [2]);
    assert_eq!((map.get(ctx, &1)?, map.entries(ctx)?), (None, vec![(2, 2)]));
    Ok(())
}

#[test]
fn timers_are_due_in_order_once_each() -> Result<(), StateError> {
    let (mut ctx, _) = backend();
    let ctx = &mut ctx;
    let error = ctx.register_event_timer(1, Namespace::VOID);
    assert_eq!(error, Err(StateError::NoCurrentKeyForTimer));
    for key in ["b", "a", "b"] {
        choose(ctx, key);
        ctx.register_event_timer(20, Namespace::VOID)?;
        ctx.register_event_timer(10, Namespace(7))?;
        ctx.register_processing_timer(5, Namespace::VOID)?;
    }
    ctx.delete_event_timer(20, Namespace::VOID)?;
    assert_eq!(ctx.timer_count(TimeDomain::Event), 3);
    assert_eq!(ctx.next_processing_timer(), Some(5));
    let mut due = Vec::new();
    while let Some(timer) = ctx.pop_due_event_timer(20)? {
        assert_eq!(timer.hash(), hash_key(&timer.key));
        due.push((timer.timestamp, timer.key.to_vec(), timer.namespace));
    }
    let (seven, void) = (Namespace(7), Namespace::VOID);
    assert_eq!(
        due,
        [(10, b"a".to_vec(), seven), (10, b"b".to_vec(), seven), (20, b"a".to_vec(), void)]
    );
    Ok(())
}

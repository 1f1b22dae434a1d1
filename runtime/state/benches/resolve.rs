//! Counts words of a Zipf distribution: slots resolved a batch at a time against a hash map
//! asked row by row. Prints nanoseconds a row of processor time.
//!
//! `cargo bench -p sciurus-state --bench resolve [-- DISTINCT_WORDS…]`

mod words;

use std::collections::HashMap;
use std::error::Error;
use std::hash::{BuildHasherDefault, Hasher};

use arrow_buffer::ScalarBuffer;
use sciurus_core::key::{KeyBytes, KeyGroupRange};
use sciurus_state::{
    BackendConfig, KeyedBackend, KeyedStateBackend, Namespace, StateAccess, StateError, ValueState,
};
use words::{BATCH_ROWS, Words, now};

const ROWS: usize = 8_000_000;
const PASSES: usize = 5;
const PANE_BATCHES: usize = 64;
const GROUP_BATCHES: usize = 8;

type Map = HashMap<Box<[u8]>, i64, BuildHasherDefault<FxHasher>>;

/// The multiply-and-rotate hash of the Rust compiler.
#[derive(Default)]
struct FxHasher(u64);

impl FxHasher {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for FxHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.add(u64::from_le_bytes(last));
    }
}

fn report(name: &str, rows: usize, nanos: u64) {
    println!("{name:>40} {:6.1} ns a row", nanos as f64 / rows as f64);
}

/// Counts the batches' words in `backend`; returns the sum of all counts ever emitted and the
/// nanoseconds spent resolving and counting.
fn count(
    backend: &mut KeyedBackend,
    state: &ValueState<i64>,
    batches: &[(KeyBytes, ScalarBuffer<u64>)],
) -> Result<(i64, u64, u64), StateError> {
    let (mut total, mut resolving, mut counting) = (0, 0, 0);
    let mut slots = Vec::new();
    // Reading the clock takes a microsecond: once a group of batches.
    for group in batches.chunks(GROUP_BATCHES) {
        let start = now();
        let mut resolved = Vec::new();
        for (keys, hashes) in group {
            backend.resolve(Namespace::VOID, keys, hashes, None, &mut slots)?;
            resolved.extend_from_slice(&slots);
        }
        let middle = now();
        let mut column = state.column(backend, Namespace::VOID)?;
        for slot in &resolved {
            let count = column.slot_mut(*slot).get_or_insert(0);
            *count += 1;
            total += *count;
        }
        backend.finish_batch()?;
        resolving += middle - start;
        counting += now() - middle;
    }
    Ok((total, resolving, counting))
}

/// Counts as a user function does: through the handle, with the row's key as the current one.
fn count_by_row(
    state: &ValueState<i64>,
    backend: &mut KeyedBackend,
    batches: &[(KeyBytes, ScalarBuffer<u64>)],
    resolved: bool,
) -> Result<(), StateError> {
    let mut slots = Vec::new();
    for (keys, hashes) in batches {
        if resolved {
            backend.resolve(Namespace::VOID, keys, hashes, None, &mut slots)?;
        }
        for (row, hash) in hashes.iter().enumerate() {
            match slots.get(row) {
                Some(slot) => backend.set_current_slot(*hash, keys.get(row), *slot),
                None => backend.set_current_key(*hash, keys.get(row)),
            }
            state.update_with(backend, |count| *count = Some(count.unwrap_or(0) + 1))?;
        }
        backend.finish_batch()?;
    }
    Ok(())
}

/// Counts a group of batches after the other in a namespace of its own; returns the nanoseconds.
fn count_in_panes(
    state: &ValueState<i64>,
    backend: &mut KeyedBackend,
    batches: &[(KeyBytes, ScalarBuffer<u64>)],
) -> Result<u64, StateError> {
    let start = now();
    let mut slots = Vec::new();
    for (pane, group) in batches.chunks(PANE_BATCHES).enumerate() {
        let pane = Namespace(pane as i64);
        for (keys, hashes) in group {
            backend.resolve(pane, keys, hashes, None, &mut slots)?;
            let mut column = state.column(backend, pane)?;
            for slot in &slots {
                *column.slot_mut(*slot).get_or_insert(0) += 1;
            }
            backend.finish_batch()?;
        }
        backend.drop_namespace(pane)?;
    }
    Ok(now() - start)
}

fn count_in_map(map: &mut Map, batches: &[(KeyBytes, ScalarBuffer<u64>)]) -> i64 {
    let mut total = 0;
    for (keys, _) in batches {
        for row in 0..keys.len() {
            let key = keys.get(row);
            let count = match map.get_mut(key) {
                Some(count) => count,
                None => map.entry(key.into()).or_insert(0),
            };
            *count += 1;
            total += *count;
        }
    }
    total
}

fn main() -> Result<(), Box<dyn Error>> {
    let asked: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let sizes = if asked.is_empty() { vec![1_000, 10_000, 100_000, 1_000_000] } else { asked };
    for distinct in sizes {
        let mut words = Words::new(distinct);
        let batches: Vec<KeyBytes> =
            (0..ROWS / BATCH_ROWS).map(|_| words.batch()).collect::<Result<_, _>>()?;
        let rows = batches.len() * BATCH_ROWS;
        println!("{distinct} distinct words, {rows} rows");
        let start = now();
        let hashes: Vec<_> = batches.iter().map(KeyBytes::hashes).collect();
        report("hash", rows, now() - start);
        let batches: Vec<_> = batches.into_iter().zip(hashes).collect();

        let range = KeyGroupRange::of_subtask(0, 1, 128);
        let mut backend = KeyedBackend::heap(BackendConfig::new(128, range));
        let mut state = ValueState::<i64>::new("count");
        backend.register(&mut state)?;
        let panes = count_in_panes(&state, &mut backend, &batches)?;
        report("in panes: resolve, count, drop", rows, panes);
        let mut map = Map::default();
        let mut best = [u64::MAX; 3];
        for pass in 0..=PASSES {
            let (total, resolving, counting) = count(&mut backend, &state, &batches)?;
            let start = now();
            let map_total = count_in_map(&mut map, &batches);
            let mapping = now() - start;
            assert_eq!((total, map.len()), (map_total, backend.key_count(Namespace::VOID)));
            if pass == 0 {
                report("all new: resolve", rows, resolving);
                report("all new: count by slot", rows, counting);
                report("all new: hash map, row by row", rows, mapping);
            } else {
                let figures = [resolving, counting, mapping];
                best = std::array::from_fn(|figure| best[figure].min(figures[figure]));
            }
        }
        report("best: resolve", rows, best[0]);
        report("best: count by slot", rows, best[1]);
        report("best: hash map, row by row", rows, best[2]);
        for resolved in [true, false] {
            let start = now();
            count_by_row(&state, &mut backend, &batches, resolved)?;
            let how = if resolved { "resolved before" } else { "by current key" };
            report(&format!("row by row through the handle, {how}"), rows, now() - start);
        }
    }
    Ok(())
}

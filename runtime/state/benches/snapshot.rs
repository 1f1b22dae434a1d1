//! Timers, snapshots and restores of some million keys. Prints processor time; a pause in elapsed
//! time.
//!
//! `cargo bench -p sciurus-state --bench snapshot [-- KEYS]`

use std::error::Error;
use std::fs;
use std::io::Cursor;
use std::time::{Instant, SystemTime};

use sciurus_core::key::{KeyBytes, KeyGroupRange};
use sciurus_state::{
    BackendConfig, KeyedBackend, KeyedStateBackend, Namespace, SnapshotReader, StateAccess,
    ValueState,
};

const KEYS: usize = 4_000_000;
const BATCH_ROWS: usize = 8192;

/// Processor time of this thread in nanoseconds; the time of day where the system doesn't tell.
fn now() -> u64 {
    fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split(' ').next()?.parse().ok())
        .unwrap_or_else(|| SystemTime::UNIX_EPOCH.elapsed().map_or(0, |t| t.as_nanos() as u64))
}

fn report(name: &str, count: usize, start: u64) {
    println!("{name:>40} {:8.1} ns each", (now() - start) as f64 / count as f64);
}

fn backend() -> KeyedBackend {
    KeyedBackend::heap(BackendConfig::new(128, KeyGroupRange::of_subtask(0, 1, 128)))
}

/// Adds 1 to the count of every key, of so many times 8 bytes.
fn count_all(
    ctx: &mut KeyedBackend,
    count: &ValueState<i64>,
    keys: usize,
    words: usize,
) -> Result<(), Box<dyn Error>> {
    let mut slots = Vec::new();
    for start in (0..keys).step_by(BATCH_ROWS) {
        let numbers: Vec<u64> = (start..keys.min(start + BATCH_ROWS))
            .flat_map(|number| std::iter::repeat_n(number as u64, words))
            .collect();
        let bytes = KeyBytes::fixed(8 * words, numbers.into());
        ctx.resolve(Namespace::VOID, &bytes, &bytes.hashes(), None, &mut slots)?;
        let mut column = count.column(ctx, Namespace::VOID)?;
        for slot in &slots {
            *column.slot_mut(*slot).get_or_insert(0) += 1;
        }
        ctx.finish_batch()?;
    }
    Ok(())
}

fn timers(keys: usize) -> Result<(), Box<dyn Error>> {
    let mut ctx = backend();
    let mut random = 42_u64;
    let start = now();
    for number in 0..keys {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
        ctx.set_current_key(0, &number.to_le_bytes());
        ctx.register_event_timer((random >> 40) as i64, Namespace::VOID)?;
    }
    report("register a timer at a random time", keys, start);
    let start = now();
    while let Some(timer) = ctx.pop_due_event_timer(i64::MAX)? {
        assert_eq!(timer.key.len(), 8);
    }
    report("take the next timer", keys, start);
    let start = now();
    for number in 0..keys {
        let key = (number % (keys / 10)).to_le_bytes();
        ctx.set_current_key(0, &key);
        let time = number as i64;
        if number >= keys / 10 {
            ctx.delete_event_timer(time - keys as i64 / 10, Namespace::VOID)?;
        }
        ctx.register_event_timer(time, Namespace::VOID)?;
    }
    report("put a timer off", keys, start);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let keys = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(KEYS);
    timers(keys)?;
    println!("keys of 8 bytes");
    snapshots(keys, 1)?;
    println!("keys of 24 bytes");
    snapshots(keys, 3)
}

fn snapshots(keys: usize, words: usize) -> Result<(), Box<dyn Error>> {
    let mut ctx = backend();
    let mut count = ValueState::<i64>::new("count");
    ctx.register(&mut count)?;
    let start = now();
    count_all(&mut ctx, &count, keys, words)?;
    report("count a new key", keys, start);
    let start = now();
    count_all(&mut ctx, &count, keys, words)?;
    report("count a key", keys, start);

    let pause = Instant::now();
    let snapshot = ctx.snapshot();
    println!("{:>40} {:8.2} ms", "pause for a snapshot", pause.elapsed().as_secs_f64() * 1e3);
    let start = now();
    count_all(&mut ctx, &count, keys, words)?;
    report("count a key that a snapshot shares", keys, start);

    // Memory that is there already: what the system takes to give some isn't measured.
    let mut bytes = vec![1; (32 + 8 * words) * keys];
    bytes.clear();
    let start = now();
    let stats = snapshot.write(&mut bytes)?;
    let nanos = now() - start;
    report("write a key", keys, start);
    println!("{:>40} {:8.1} MB/s", "", stats.bytes as f64 * 1e3 / nanos as f64);
    drop(snapshot);

    let mut restored = backend();
    let start = now();
    restored.restore(&mut SnapshotReader::open(Cursor::new(&bytes))?)?;
    restored.register(&mut ValueState::<i64>::new("count"))?;
    report("restore a key", keys, start);
    assert_eq!(restored.key_count(Namespace::VOID), keys);
    Ok(())
}

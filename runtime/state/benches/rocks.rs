//! Counts words of a Zipf distribution in the rocksdb backend, a batch at a time, as a rolling sum
//! does, with checkpoints in between; beside it in memory. Prints nanoseconds a row, of the task's
//! thread and of the whole process.
//!
//! `cargo bench -p sciurus-state --features rocksdb --bench rocks [-- DISTINCT_WORDS MIB…]`

mod words;

use std::error::Error;
use std::time::Instant;

use sciurus_core::config::Configuration;
use sciurus_core::config::options::state::{self, StateBackendType};
use sciurus_core::key::{KeyBytes, KeyGroupRange};
use sciurus_state::{
    BackendConfig, BackendResources, KeyedBackend, KeyedStateBackend, Namespace, RestoreInput,
    StateAccess, StateBackendSettings, ValueState,
};
use words::{BATCH_ROWS, Words, now};

const ROWS: usize = 8_000_000;
const DISTINCT: usize = 1_000_000;
const PASSES: usize = 3;
/// Checkpoints in a pass.
const CHECKPOINTS: usize = 4;

/// Processor time of the whole process in nanoseconds.
fn process_time() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name, which may hold spaces; clock ticks of 10 ms.
    let fields: Vec<_> = text.rsplit(')').next().unwrap_or_default().split(' ').collect();
    let ticks = |index: usize| fields.get(index).and_then(|t| t.parse::<u64>().ok()).unwrap_or(0);
    (ticks(12) + ticks(13)) * 10_000_000
}

fn range() -> KeyGroupRange {
    KeyGroupRange::of_subtask(0, 1, 128)
}

type Batches = Vec<(KeyBytes, Vec<u64>)>;

fn count(
    name: &str,
    settings: &StateBackendSettings,
    batches: &Batches,
) -> Result<(), Box<dyn Error>> {
    let mut backend = KeyedBackend::create(settings, BackendConfig::new(128, range()), Vec::new())?;
    let mut count = ValueState::<i64>::new("count");
    backend.register(&mut count)?;
    let rows = batches.len() * BATCH_ROWS;
    let mut slots = Vec::new();
    let mut files = None;
    for pass in 0..PASSES {
        let (start, all) = (now(), process_time());
        let (mut pause, mut writing) = (0.0_f64, 0.0);
        for (number, (keys, hashes)) in batches.iter().enumerate() {
            backend.resolve(Namespace::VOID, keys, hashes, None, &mut slots)?;
            let mut column = count.column(&mut backend, Namespace::VOID)?;
            for slot in &slots {
                *column.slot_mut(*slot).get_or_insert(0) += 1;
            }
            backend.finish_batch()?;
            if (number + 1) % (batches.len() / CHECKPOINTS) == 0 {
                let taken = Instant::now();
                let snapshot = backend.snapshot();
                pause = pause.max(taken.elapsed().as_secs_f64() * 1e3);
                let written = Instant::now();
                let worker = std::thread::spawn(move || {
                    let result = snapshot.files();
                    (snapshot, result)
                });
                let (snapshot, result) = worker.join().map_err(|_| "the writer panicked")?;
                writing += written.elapsed().as_secs_f64() * 1e3;
                files = result?.map(|files| (snapshot, files));
            }
        }
        let (task, all) = (now() - start, process_time() - all);
        println!(
            "{name:>16} pass {pass}: task {:6.1} ns a row, process {:6.1}; longest pause {pause:.2} ms, {:.0} ms to write",
            task as f64 / rows as f64,
            all as f64 / rows as f64,
            writing / CHECKPOINTS as f64,
        );
    }
    if let Some((snapshot, files)) = files {
        let bytes: u64 = files.files.iter().map(|file| file.bytes).sum();
        let folder =
            std::env::temp_dir().join(format!("sciurus-bench-files-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        for file in &files.files {
            std::fs::copy(&file.path, folder.join(&file.name))?;
        }
        let start = Instant::now();
        let input = RestoreInput::Files { range: range(), metadata: files.metadata, folder };
        let mut restored =
            KeyedBackend::create(settings, BackendConfig::new(128, range()), vec![input])?;
        restored.register(&mut ValueState::<i64>::new("count"))?;
        let millis = start.elapsed().as_secs_f64() * 1e3;
        println!("{name:>16} restored {:.1} MB of files in {millis:.1} ms", bytes as f64 / 1e6);
        drop(snapshot);
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let asked: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let distinct = asked.first().copied().unwrap_or(DISTINCT);
    let budgets = if asked.len() > 1 { asked[1..].to_vec() } else { vec![512, 128, 32] };
    let mut words = Words::new(distinct);
    let batches: Batches = (0..ROWS / BATCH_ROWS)
        .map(|_| words.batch())
        .map(|keys| keys.map(|keys| (keys.hashes().to_vec(), keys)).map(|(h, keys)| (keys, h)))
        .collect::<Result<_, _>>()?;
    println!("{distinct} distinct words, {} rows", batches.len() * BATCH_ROWS);
    count("hashmap", &StateBackendSettings::HashMap, &batches)?;
    let scratch = std::env::temp_dir().join(format!("sciurus-bench-{}", std::process::id()));
    for mib in budgets {
        let mut configuration = Configuration::default();
        configuration.set(&state::BACKEND, &StateBackendType::RocksDb);
        let managed_bytes = (mib as u64) << 20;
        let resources = BackendResources { scratch: scratch.clone(), managed_bytes, slots: 1 };
        let settings = StateBackendSettings::from_configuration(&configuration, resources)?;
        count(&format!("rocksdb {mib} MiB"), &settings, &batches)?;
    }
    Ok(std::fs::remove_dir_all(scratch)?)
}

//! On renoir: words are sent on by their hash, and counted where they come to.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use renoir::prelude::*;
use rustc_hash::FxHashMap;

use crate::text::{Lines, hash, words};
use crate::{Updates, WORKERS};

/// How many records go on together: as in renoir's own examples.
const BATCH: usize = 1024;

/// Counts words.
pub fn count(files: Vec<PathBuf>) -> Updates {
    let all = Arc::new(Mutex::new(Updates::default()));
    let env = StreamContext::new(RuntimeConfig::local(WORKERS as u64).unwrap());
    let mut sums = Sums { updates: Updates::default(), all: all.clone() };
    let mut counts: FxHashMap<String, u64> = FxHashMap::default();
    env.stream_par_iter(move |index: u64, workers: u64| {
        let mut lines = Lines::of_worker(&files, index as usize, workers as usize);
        std::iter::from_fn(move || lines.next_line().map(str::to_owned))
    })
    .batch_mode(BatchMode::fixed(BATCH))
    .flat_map(|line: String| {
        let mut found = Vec::new();
        words(&line, |word| found.push(word));
        found
    })
    .repartition_by(Replication::Unlimited, |word: &String| hash(word))
    .rich_map(move |word: String| {
        if let Some(count) = counts.get_mut(&word) {
            *count += 1;
            (word, *count)
        } else {
            counts.insert(word.clone(), 1);
            (word, 1)
        }
    })
    .for_each(move |(_, count)| {
        // All of it goes into the closure: what is added up is told when it is dropped.
        let sums = &mut sums;
        sums.updates.add(count);
    });
    env.execute_blocking();
    let all = *all.lock().unwrap();
    all
}

/// What a worker has seen, added to the others' in the end.
#[derive(Clone)]
struct Sums {
    updates: Updates,
    all: Arc<Mutex<Updates>>,
}

impl Drop for Sums {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap();
        *all = all.and(self.updates);
    }
}

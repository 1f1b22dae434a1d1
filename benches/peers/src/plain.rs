//! No engine: one thread, one hash map.

use std::path::PathBuf;

use rustc_hash::FxHashMap;

use crate::Updates;
use crate::text::Lines;

/// Counts words, and allocates for new ones only.
pub fn count(files: Vec<PathBuf>) -> Updates {
    let mut counts: FxHashMap<Box<[u8]>, u64> = FxHashMap::default();
    let mut updates = Updates::default();
    let mut lines = Lines::of_worker(&files, 0, 1);
    let mut word = Vec::new();
    let mut add = |word: &mut Vec<u8>| {
        if let Some(count) = counts.get_mut(word.as_slice()) {
            *count += 1;
            updates.add(*count);
        } else {
            counts.insert(word.as_slice().into(), 1);
            updates.add(1);
        }
        word.clear();
    };
    while let Some(line) = lines.next_line() {
        for byte in line.bytes() {
            if byte.is_ascii_alphanumeric() || byte == b'_' {
                word.push(byte.to_ascii_lowercase());
            } else if !word.is_empty() {
                add(&mut word);
            }
        }
        if !word.is_empty() {
            add(&mut word);
        }
    }
    updates
}

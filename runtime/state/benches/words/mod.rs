//! Words of a Zipf distribution, and processor time.

use std::fs;
use std::time::SystemTime;

use sciurus_core::key::KeyBytes;
use sciurus_core::record::SchemaMismatch;
use sciurus_core::{Builder, Columns, Record};

/// Rows of a batch.
pub const BATCH_ROWS: usize = 8192;

/// Words, most of them short, drawn with a probability of 1 / rank.
pub struct Words {
    words: Vec<String>,
    cumulated: Vec<f64>,
    random: u64,
}

impl Words {
    pub fn new(distinct: usize) -> Self {
        let mut words = Self { words: Vec::new(), cumulated: Vec::new(), random: 42 };
        let mut sum = 0.0;
        for rank in 0..distinct {
            // Frequent words are short, few are longer than 12 letters; a number makes each unique.
            let letters = 1 + (words.next() % 6 + words.next() % 50 / 49 * 8) as usize;
            let mut word = format!("{rank:x}");
            word.extend((0..letters).map(|_| char::from(b'g' + (words.next() % 20) as u8)));
            words.words.push(word);
            sum += 1.0 / (rank + 1) as f64;
            words.cumulated.push(sum);
        }
        words
    }

    fn next(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random >> 11
    }

    pub fn batch(&mut self) -> Result<KeyBytes, SchemaMismatch> {
        let mut column = <String as Record>::Builder::with_capacity(BATCH_ROWS);
        let all = self.cumulated.last().copied().unwrap_or_default();
        for _ in 0..BATCH_ROWS {
            let drawn = self.next() as f64 / (1_u64 << 53) as f64 * all;
            let rank = self.cumulated.partition_point(|sum| *sum < drawn);
            column.append(&self.words[rank.min(self.words.len() - 1)]);
        }
        let columns = <String as Record>::Columns::from_columns(&column.finish_columns())?;
        Ok(String::key_bytes(&columns))
    }
}

/// Processor time of this thread in nanoseconds, which others on the machine don't add to; the
/// time of day where the system doesn't tell.
pub fn now() -> u64 {
    fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split(' ').next()?.parse().ok())
        .unwrap_or_else(|| SystemTime::UNIX_EPOCH.elapsed().map_or(0, |t| t.as_nanos() as u64))
}

//! The most frequent words, picked by the job's last operator while the counts pass.

use std::cmp::Reverse;
use std::fmt;

use indicatif::{HumanBytes, HumanCount};
use sciurus::connectors::sink::{Sink, SinkWriter};
use sciurus::engine::accumulator::Accumulators;
use sciurus::engine::operator::OperatorContext;
use sciurus::prelude::*;
use sciurus::{Batch, Columns};

use crate::report::Statistics;

/// How many words are shown.
const SHOWN: usize = 10;

/// How many characters the bar of the most frequent word has.
const LONGEST_BAR: f64 = 30.0;

// The accumulators by which the subtasks report to the client, be it in another process.
const DISTINCT_WORDS: &str = "distinct words";
const TOP_WORD: &str = "top word: ";

/// A sink that keeps the most frequent words and drops the rest.
#[derive(Debug, Clone, Copy)]
pub struct TopWordsSink;

impl Sink<(String, i64)> for TopWordsSink {
    type Committable = ();

    fn writer(
        &self,
        context: &OperatorContext,
    ) -> Result<Box<dyn SinkWriter<(String, i64), ()>>, BoxError> {
        Ok(Box::new(TopWordsWriter {
            final_counts_only: context.batch_mode,
            accumulators: context.accumulators.clone(),
            distinct_words: 0,
            top: Vec::with_capacity(SHOWN + 1),
        }))
    }
}

/// What one subtask has seen. Each word comes to one subtask only.
struct TopWordsWriter {
    final_counts_only: bool,
    accumulators: Accumulators,
    distinct_words: i64,
    /// The most frequent words so far, the most frequent first.
    top: Vec<(String, i64)>,
}

impl TopWordsWriter {
    fn update(&mut self, word: &str, count: i64) {
        // Counts only grow: a word that isn't among the most frequent now was not there before.
        if self.top.len() == SHOWN
            && self
                .top
                .last()
                .is_some_and(|(last, least)| (count, Reverse(word)) < (*least, Reverse(last)))
        {
            return;
        }
        match self.top.iter_mut().find(|(known, _)| known == word) {
            Some((_, known_count)) => *known_count = count,
            None => self.top.push((word.to_owned(), count)),
        }
        sort(&mut self.top);
        self.top.truncate(SHOWN);
    }
}

impl SinkWriter<(String, i64), ()> for TopWordsWriter {
    fn write_batch(
        &mut self,
        batch: &Batch,
        columns: &<(String, i64) as Record>::Columns,
    ) -> Result<(), BoxError> {
        batch.for_each(|row| {
            let (word, count) = columns.get(row);
            self.distinct_words += i64::from(self.final_counts_only || count == 1);
            self.update(word, count);
        });
        Ok(())
    }

    fn flush(&mut self, end_of_input: bool) -> Result<(), BoxError> {
        if end_of_input {
            self.accumulators.add(DISTINCT_WORDS, self.distinct_words);
            for (word, count) in &self.top {
                self.accumulators.add(&format!("{TOP_WORD}{word}"), *count);
            }
        }
        Ok(())
    }
}

/// Puts the most frequent words first, equally frequent ones in alphabetical order.
fn sort(words: &mut [(String, i64)]) {
    words.sort_by(|(a, m), (b, n)| n.cmp(m).then_with(|| a.cmp(b)));
}

/// The end result, for people to read.
pub struct Summary<'a> {
    statistics: &'a Statistics,
    distinct_words: i64,
    top: Vec<(String, i64)>,
}

impl<'a> Summary<'a> {
    /// Reads the result of a job with a [`TopWordsSink`].
    pub fn of(statistics: &'a Statistics) -> Self {
        let accumulators = &statistics.result.accumulators;
        let mut top: Vec<_> = accumulators
            .iter()
            .filter_map(|(name, count)| Some((name.strip_prefix(TOP_WORD)?.to_owned(), *count)))
            .collect();
        sort(&mut top);
        top.truncate(SHOWN);
        let distinct_words = accumulators.get(DISTINCT_WORDS).copied().unwrap_or_default();
        Self { statistics, distinct_words, top }
    }
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amounts = &self.statistics.amounts;
        let most = self.top.first().map_or(1, |(_, count)| *count);
        let width = self.top.iter().map(|(word, _)| word.len()).max().unwrap_or_default();
        for (word, count) in &self.top {
            let bar = "█".repeat((LONGEST_BAR * *count as f64 / most as f64).ceil() as usize);
            let share = 100.0 * *count as f64 / amounts.records as f64;
            writeln!(
                f,
                "  {word:width$} {:>13} {share:>5.1} %  {bar}",
                HumanCount(*count as u64).to_string()
            )?;
        }
        write!(f, "\n  words   {}", HumanCount(amounts.records))?;
        writeln!(f, ", {} different ones", HumanCount(self.distinct_words as u64))?;
        if amounts.bytes > 0 {
            writeln!(f, "  text    {}", HumanBytes(amounts.bytes))?;
        }
        writeln!(f, "  time    {}", self.statistics.speed())?;
        match self.statistics.peak_memory {
            Some(bytes) => writeln!(f, "  memory  {} at the peak", HumanBytes(bytes)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// The most frequent words of a stream of updates.
    fn top_words(words: &[String]) -> Vec<(String, i64)> {
        let mut writer = TopWordsWriter {
            final_counts_only: false,
            accumulators: Accumulators::default(),
            distinct_words: 0,
            top: Vec::new(),
        };
        let mut counts: HashMap<&str, i64> = HashMap::new();
        for word in words {
            let count = counts.entry(word).or_default();
            *count += 1;
            writer.update(word, *count);
        }
        writer.top
    }

    proptest! {
        #[test]
        fn the_most_frequent_words_remain(words in prop::collection::vec("[a-e]{1,2}", 0..300)) {
            let mut all: HashMap<String, i64> = HashMap::new();
            for word in &words {
                *all.entry(word.clone()).or_default() += 1;
            }
            let mut expected: Vec<_> = all.into_iter().collect();
            sort(&mut expected);
            expected.truncate(SHOWN);
            prop_assert_eq!(top_words(&words), expected);
        }
    }
}

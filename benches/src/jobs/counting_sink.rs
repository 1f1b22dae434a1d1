//! A sink that drops what it gets and keeps count, so that programs can be held to one result.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sciurus_connectors::Sink;
use sciurus_connectors::sink::SinkWriter;
use sciurus_core::{Batch, BoxError, Columns};
use sciurus_engine::operator::OperatorContext;

use crate::program::Outcome;

/// Counts the updates of a word count and drops them.
#[derive(Clone, Default)]
pub struct CountingSink {
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    updates: AtomicU64,
    /// Updates with the count 1: as many as there are words, where every update is emitted.
    firsts: AtomicU64,
    /// The sum of all counts: the number of words, where only final counts are emitted.
    sum: AtomicU64,
}

impl CountingSink {
    /// Returns what was counted, where every update was emitted.
    pub fn of_updates(&self) -> Outcome {
        Outcome {
            records: self.counts.updates.load(Ordering::Relaxed),
            distinct: Some(self.counts.firsts.load(Ordering::Relaxed)),
        }
    }

    /// Returns what was counted, where only final counts were emitted.
    pub fn of_final_counts(&self) -> Outcome {
        Outcome {
            records: self.counts.sum.load(Ordering::Relaxed),
            distinct: Some(self.counts.updates.load(Ordering::Relaxed)),
        }
    }
}

type Counted = (String, i64);

impl Sink<Counted> for CountingSink {
    type Committable = ();

    fn writer(&self, _: &OperatorContext) -> Result<Box<dyn SinkWriter<Counted, ()>>, BoxError> {
        Ok(Box::new(self.clone()))
    }
}

impl SinkWriter<Counted, ()> for CountingSink {
    fn write_batch(
        &mut self,
        batch: &Batch,
        columns: &<Counted as sciurus_core::Record>::Columns,
    ) -> Result<(), BoxError> {
        let (mut firsts, mut sum) = (0, 0);
        batch.for_each(|row| {
            let (_, count) = columns.get(row);
            firsts += u64::from(count == 1);
            sum += count as u64;
        });
        self.counts.updates.fetch_add(batch.len() as u64, Ordering::Relaxed);
        self.counts.firsts.fetch_add(firsts, Ordering::Relaxed);
        self.counts.sum.fetch_add(sum, Ordering::Relaxed);
        Ok(())
    }
}

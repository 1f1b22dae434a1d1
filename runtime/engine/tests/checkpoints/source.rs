//! A source of numbers, whose splits are ranges of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sciurus_core::time::Timestamp;
use sciurus_engine::collector::Emitter;
use sciurus_engine::operator::{BatchLimits, OperatorContext};
use sciurus_engine::output::Output;
use sciurus_engine::source::{
    Boundedness, Enumerator, SourceDriver, SourceEvent, SourceFactory, SourceProgress,
};
use sciurus_engine::task::TaskControl;
use sciurus_engine::{TaskError, TaskResult};

/// How many numbers a poll reads.
const ROWS_A_POLL: i64 = 50;

/// Makes readers of numbers as records of key and number.
pub(crate) struct Numbers {
    pub(crate) keys: i64,
    /// While it is set the readers read slowly, so that much can happen meanwhile.
    pub(crate) is_slow: Arc<AtomicBool>,
}

/// Returns the range from `next` up to, but not, `end` as a split.
pub(crate) fn split(next: i64, end: i64) -> Vec<u8> {
    [next.to_le_bytes(), end.to_le_bytes()].concat()
}

impl SourceFactory for Numbers {
    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn enumerator(&self, _: u32, _: Option<&[u8]>) -> TaskResult<Box<dyn Enumerator>> {
        Err(TaskError::Defect("the test hands out splits itself"))
    }

    fn driver(
        &self,
        _: &OperatorContext,
        _: &Arc<TaskControl>,
        _: Duration,
    ) -> TaskResult<Box<dyn SourceDriver>> {
        let (splits, is_slow) = (Vec::new(), self.is_slow.clone());
        Ok(Box::new(Reader { keys: self.keys, splits, no_more: false, is_slow, turn: 0 }))
    }
}

struct Reader {
    keys: i64,
    splits: Vec<(i64, i64)>,
    no_more: bool,
    is_slow: Arc<AtomicBool>,
    turn: u32,
}

impl SourceDriver for Reader {
    fn on_event(&mut self, event: SourceEvent) -> TaskResult {
        match event {
            SourceEvent::AddSplit(bytes) => {
                let number = |at: usize| i64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
                self.splits.push((number(0), number(8)));
            }
            SourceEvent::NoMoreSplits => self.no_more = true,
        }
        Ok(())
    }

    fn poll(&mut self, out: &mut Output) -> TaskResult<SourceProgress> {
        self.turn += 1;
        if self.is_slow.load(Ordering::Relaxed) && self.turn.is_multiple_of(2) {
            return Ok(SourceProgress::Wait(Duration::from_millis(1)));
        }
        self.splits.retain(|(next, end)| next < end);
        let Some((next, end)) = self.splits.last_mut() else {
            let wait = SourceProgress::Wait(Duration::from_secs(1));
            return Ok(if self.no_more { SourceProgress::Ended } else { wait });
        };
        let mut emitter = Emitter::<(i64, i64)>::new(BatchLimits::default());
        let stop = (*end).min(*next + ROWS_A_POLL);
        for number in *next..stop {
            let _ = emitter.append((number % self.keys, number), Some(number));
        }
        *next = stop;
        out.emit(emitter.take()?)?;
        Ok(SourceProgress::More)
    }

    fn snapshot(&self) -> TaskResult<Vec<Vec<u8>>> {
        let left = self.splits.iter().filter(|(next, end)| next < end);
        Ok(left.map(|(next, end)| split(*next, *end)).collect())
    }

    fn next_processing_time(&self) -> Option<Timestamp> {
        None
    }

    fn on_processing_time(&mut self, _: Timestamp, _: &mut Output) -> TaskResult {
        Ok(())
    }

    fn close(&mut self) {}
}

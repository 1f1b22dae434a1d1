//! Handing records to the program that started the job.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use sciurus_core::{Batch, BoxError, Columns, Record};
use sciurus_engine::notify::Notifier;
use sciurus_engine::operator::OperatorContext;

use crate::sink::{Sink, SinkWriter};

/// How many bytes wait for the client before the job is held back.
const BUFFER_BYTES: usize = 4 << 20;

/// Makes a sink and the iterator that yields what reaches it, in the order of its arrival.
///
/// The job is held back while about 4 MiB wait to be taken. Once the iterator is dropped, records
/// are discarded. The iterator ends when it is empty and [`CollectSink::close`] was called.
pub fn collect<T: Record>() -> (CollectSink<T>, CollectedRecords<T>) {
    let buffer = Arc::new(Buffer::default());
    (CollectSink { buffer: buffer.clone() }, CollectedRecords { buffer, current: None })
}

struct Buffer<T: Record> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T: Record> {
    waiting: VecDeque<(Rows<T>, usize)>,
    bytes: usize,
    ended: bool,
    abandoned: bool,
    writers: Vec<Notifier>,
}

struct Rows<T: Record> {
    batch: Batch,
    columns: T::Columns,
}

impl<T: Record> Default for Buffer<T> {
    fn default() -> Self {
        let state = State {
            waiting: VecDeque::new(),
            bytes: 0,
            ended: false,
            abandoned: false,
            writers: Vec::new(),
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }
}

/// Hands records to the [`CollectedRecords`] made with it; see [`collect`].
pub struct CollectSink<T: Record> {
    buffer: Arc<Buffer<T>>,
}

impl<T: Record> Clone for CollectSink<T> {
    fn clone(&self) -> Self {
        Self { buffer: self.buffer.clone() }
    }
}

impl<T: Record> CollectSink<T> {
    /// Says that nothing follows: the job has ended. Called by whoever runs it.
    pub fn close(&self) {
        self.buffer.state.lock().ended = true;
        self.buffer.changed.notify_all();
    }
}

impl<T: Record> Sink<T> for CollectSink<T> {
    type Committable = ();

    fn writer(&self, context: &OperatorContext) -> Result<Box<dyn SinkWriter<T, ()>>, BoxError> {
        self.buffer.state.lock().writers.push(context.notifier.clone());
        Ok(Box::new(self.clone()))
    }
}

impl<T: Record> SinkWriter<T, ()> for CollectSink<T> {
    fn is_available(&self) -> bool {
        self.buffer.state.lock().bytes < BUFFER_BYTES
    }

    fn write_batch(&mut self, batch: &Batch, columns: &T::Columns) -> Result<(), BoxError> {
        let mut state = self.buffer.state.lock();
        if !state.abandoned {
            let bytes = batch.bytes();
            state.bytes += bytes;
            let rows = Rows { batch: batch.clone(), columns: columns.clone() };
            state.waiting.push_back((rows, bytes));
            self.buffer.changed.notify_all();
        }
        Ok(())
    }
}

/// Yields the records that reach a [`CollectSink`]; see [`collect`].
pub struct CollectedRecords<T: Record> {
    buffer: Arc<Buffer<T>>,
    current: Option<(Rows<T>, usize)>,
}

impl<T: Record> CollectedRecords<T> {
    /// Waits for the next rows; `None` where none follow.
    fn wait(&self) -> Option<Rows<T>> {
        let mut state = self.buffer.state.lock();
        loop {
            if let Some((rows, bytes)) = state.waiting.pop_front() {
                let was_full = state.bytes >= BUFFER_BYTES;
                state.bytes -= bytes;
                if was_full && state.bytes < BUFFER_BYTES {
                    state.writers.iter().for_each(Notifier::notify);
                }
                return Some(rows);
            }
            if state.ended {
                return None;
            }
            self.buffer.changed.wait(&mut state);
        }
    }
}

impl<T: Record> Iterator for CollectedRecords<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        loop {
            if let Some((rows, next)) = &mut self.current
                && *next < rows.batch.len()
            {
                let row = rows.batch.selection().map_or(*next, |rows| rows[*next] as usize);
                *next += 1;
                return Some(T::from_view(rows.columns.get(row)));
            }
            self.current = Some((self.wait()?, 0));
        }
    }
}

impl<T: Record> Drop for CollectedRecords<T> {
    fn drop(&mut self) {
        let mut state = self.buffer.state.lock();
        state.abandoned = true;
        state.waiting.clear();
        state.bytes = 0;
        state.writers.iter().for_each(Notifier::notify);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{SinkHarness, context};

    #[test]
    fn records_of_all_subtasks_reach_the_iterator() {
        let (sink, records) = collect::<i64>();
        for index in 0..2_u32 {
            let context = context(index, 2);
            let mut subtask = SinkHarness::open::<i64, _>(sink.clone(), context).unwrap();
            subtask.write(&[i64::from(index), 7]).unwrap();
            subtask.finish().unwrap();
        }
        sink.close();
        assert_eq!(records.collect::<Vec<_>>(), [0, 7, 1, 7]);
    }

    #[test]
    fn a_slow_client_holds_the_job_back_and_one_that_is_gone_does_not() {
        let (sink, mut records) = collect::<String>();
        let mut subtask = SinkHarness::open::<String, _>(sink, context(0, 1)).unwrap();
        let large = vec!["x".repeat(BUFFER_BYTES / 2)];
        subtask.write(&large).unwrap();
        assert!(subtask.node().is_available());
        subtask.write(&large).unwrap();
        assert!(!subtask.node().is_available());
        records.next();
        assert!(subtask.node().is_available());
        subtask.write(&large).unwrap();
        drop(records);
        subtask.write(&large).unwrap();
        assert!(subtask.node().is_available());
    }

    #[test]
    fn the_iterator_waits_for_records_until_the_job_has_ended() {
        let (sink, records) = collect::<i64>();
        let client = std::thread::spawn(move || records.sum::<i64>());
        let mut subtask = SinkHarness::open::<i64, _>(sink.clone(), context(0, 1)).unwrap();
        subtask.write(&[1_i64, 2, 3]).unwrap();
        sink.close();
        assert_eq!(client.join().unwrap(), 6);
    }
}

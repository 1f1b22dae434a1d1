//! Handing a stream's records to the program that describes it.

use sciurus_connectors::{CollectSink, CollectedRecords, collect};
use sciurus_core::Record;

use super::DataStream;
use crate::error::JobError;
use crate::graph_builder::Upstream;
use crate::job_client::JobClient;

/// The records of a stream as they arrive, in no particular order of subtasks, and at the end the
/// job's failure, if it failed.
///
/// The job is held back while records wait to be taken. Dropping the iterator cancels the job.
pub struct CollectedStream<T: Record> {
    records: CollectedRecords<T>,
    client: JobClient,
    ended: bool,
}

impl<T: Record> CollectedStream<T> {
    /// Returns the handle to the job.
    pub fn client(&self) -> &JobClient {
        &self.client
    }
}

impl<T: Record> Iterator for CollectedStream<T> {
    type Item = Result<T, JobError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        if let Some(record) = self.records.next() {
            return Some(Ok(record));
        }
        self.ended = true;
        self.client.wait().err().map(Err)
    }
}

impl<T: Record> Drop for CollectedStream<T> {
    fn drop(&mut self) {
        if !self.ended {
            self.client.cancel();
        }
    }
}

impl<T: Record> DataStream<T> {
    /// Returns the parallelism that was set for the operator that the stream comes straight from.
    fn parallelism(&self) -> Option<u32> {
        match self.upstreams.as_slice() {
            [Upstream { node, partitioning: None, .. }] => {
                self.environment.builder().lock().parallelism_of(*node)
            }
            _ => None,
        }
    }

    /// Executes the job and returns the records of this stream as they arrive.
    ///
    /// # Errors
    /// [`JobError`]: the job cannot run.
    pub fn execute_and_collect(&self, job_name: &str) -> Result<CollectedStream<T>, JobError> {
        let (sink, records) = collect::<T>();
        let collected = self.sink_to(sink.clone()).name("Collect Stream Sink");
        if let Some(parallelism) = self.parallelism() {
            // No exchange, and the records of one subtask stay in order.
            collected.set_parallelism(parallelism);
        }
        let on_end = Box::new(move || CollectSink::close(&sink));
        let client = self.execution_environment().start(job_name, Some(on_end))?;
        Ok(CollectedStream { records, client, ended: false })
    }

    /// Executes the job and returns the first `limit` records of this stream, or fewer where it
    /// has fewer; then the job is cancelled.
    ///
    /// # Errors
    /// [`JobError`]: the job cannot run, or it failed before there were so many.
    pub fn execute_and_collect_limit(
        &self,
        job_name: &str,
        limit: usize,
    ) -> Result<Vec<T>, JobError> {
        self.execute_and_collect(job_name)?.take(limit).collect()
    }
}

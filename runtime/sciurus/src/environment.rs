//! Where a job begins: sources, settings, execution.

use std::sync::Arc;

use parking_lot::Mutex;
use sciurus_core::Record;
use sciurus_core::graph::{NodeKind, StreamGraph};
use sciurus_engine::program::NodeCode;
use sciurus_engine::source::{Boundedness, Source, TypedSourceFactory};
use sciurus_engine::watermark::WatermarkStrategy;

use crate::embedded::EmbeddedJob;
use crate::error::JobError;
use crate::graph_builder::{GraphBuilder, SharedBuilder};
use crate::job_client::{JobClient, JobExecutionResult};
use crate::stream::{DataStream, SingleOutputStreamOperator};

/// The context in which a job is described and executed.
///
/// A handle: clones describe the same job.
#[derive(Clone)]
pub struct StreamExecutionEnvironment {
    builder: SharedBuilder,
}

impl Default for StreamExecutionEnvironment {
    fn default() -> Self {
        Self::new()
    }
}

impl StreamExecutionEnvironment {
    /// Makes an environment without any stream, whose parallelism is the number of cores.
    pub fn new() -> Self {
        let mut graph = StreamGraph::new("");
        graph.parallelism = std::thread::available_parallelism().map_or(1, |n| n.get() as u32);
        Self { builder: Arc::new(Mutex::new(GraphBuilder::new(graph))) }
    }

    /// Sets how many subtasks run each operator that isn't given a number of its own.
    pub fn set_parallelism(&self, parallelism: u32) -> &Self {
        self.builder.lock().graph.parallelism = parallelism;
        self
    }

    /// Sets the number of key groups, the highest parallelism that state can be rescaled to.
    pub fn set_max_parallelism(&self, max_parallelism: u32) -> &Self {
        self.builder.lock().graph.max_parallelism = Some(max_parallelism);
        self
    }

    /// Keeps every operator in a task of its own.
    pub fn disable_operator_chaining(&self) -> &Self {
        self.builder.lock().graph.chaining_enabled = false;
        self
    }

    /// Reads a source.
    pub fn from_source<S: Source>(
        &self,
        source: S,
        strategy: WatermarkStrategy<S::Item>,
        name: &str,
    ) -> SingleOutputStreamOperator<S::Item> {
        let bounded = source.boundedness() == Boundedness::Bounded;
        let code = NodeCode::Source(Arc::new(TypedSourceFactory::new(source, strategy)));
        let node = self.builder.lock().add(name, NodeKind::Source { bounded }, code, &[]);
        DataStream::of_node(self.builder.clone(), node).into()
    }

    /// Executes the job and waits for its end.
    ///
    /// # Errors
    /// [`JobError`]: the graph cannot run, or the job failed.
    pub fn execute(&self, job_name: &str) -> Result<JobExecutionResult, JobError> {
        self.execute_async(job_name)?.wait()
    }

    /// Starts the job and returns a handle to it.
    ///
    /// # Errors
    /// [`JobError`]: the graph cannot run.
    pub fn execute_async(&self, job_name: &str) -> Result<JobClient, JobError> {
        let (mut graph, program) = {
            let builder = self.builder.lock();
            (builder.graph.clone(), builder.program.clone())
        };
        job_name.clone_into(&mut graph.job_name);
        EmbeddedJob::start(&graph, program)
    }
}

impl<T: Record> DataStream<T> {
    /// Returns the environment of the stream.
    pub fn execution_environment(&self) -> StreamExecutionEnvironment {
        StreamExecutionEnvironment { builder: self.builder.clone() }
    }
}

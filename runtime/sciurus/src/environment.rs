//! Where a job begins: settings, sources, execution.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sciurus_core::Record;
use sciurus_core::config::options::checkpointing;
use sciurus_core::config::options::execution::{self, RuntimeMode};
use sciurus_core::config::options::pipeline;
use sciurus_core::config::options::state::{self, StateBackendType};
use sciurus_core::config::{ConfigError, Configuration};
use sciurus_core::graph::{JobGraph, JobType, NodeKind, StreamGraph};
use sciurus_core::ids::JobVertexId;
use sciurus_engine::program::{NodeCode, Program};
use sciurus_engine::source::{Boundedness, Source, TypedSourceFactory};
use sciurus_engine::watermark::WatermarkStrategy;
use sciurus_job_master::restart::{RestartStrategy, RestartStrategySettings};

use crate::checkpoint_config::CheckpointConfig;
use crate::embedded::EmbeddedJob;
use crate::error::JobError;
use crate::graph_builder::{GraphBuilder, SharedBuilder};
use crate::job_client::{JobClient, JobExecutionResult};
use crate::process::{self, DescribedJob};
use crate::settings::{ExecutionSettings, is_bounded};
use crate::stream::{DataStream, SingleOutputStreamOperator};

/// The context in which a job is described and executed.
///
/// A handle: clones describe the same job. What is set on it is set in its [`Configuration`], by
/// Flink's keys, and holds for the whole job.
///
/// As in Flink, [`execute`](Self::execute) runs the operators that were added since the last job was
/// started, with all that leads to them: a second call without new operators fails. A stream may be
/// read in several jobs; each reads its sources again.
#[derive(Clone)]
pub struct StreamExecutionEnvironment {
    builder: SharedBuilder,
    configuration: Arc<Mutex<Configuration>>,
}

impl Default for StreamExecutionEnvironment {
    fn default() -> Self {
        Self::new()
    }
}

impl StreamExecutionEnvironment {
    /// Makes an environment without any stream, with Flink's default settings. The parallelism is
    /// the number of cores; on a cluster settings and parallelism are those that the job was
    /// submitted with.
    pub fn new() -> Self {
        Self::with_configuration(Configuration::new())
    }

    /// Makes an environment without any stream. Where the configuration doesn't set
    /// `parallelism.default` it is the number of cores.
    ///
    /// On a cluster settings that are not given here are those that the job was submitted with, and
    /// a parallelism that nobody has set is 1. If the process was started by a manager that can't
    /// say what it is to do, the process ends here.
    pub fn with_configuration(configuration: Configuration) -> Self {
        let configuration = match process::current() {
            Some(process) => {
                let mut submitted = process.configuration().clone();
                submitted.merge(&configuration);
                submitted
            }
            None => configuration,
        };
        Self {
            builder: Arc::new(Mutex::new(GraphBuilder::new(StreamGraph::new("")))),
            configuration: Arc::new(Mutex::new(configuration)),
        }
    }

    /// Returns the settings.
    pub fn configuration(&self) -> Configuration {
        self.configuration.lock().clone()
    }

    /// Changes the settings; those given win.
    pub fn configure(&self, configuration: &Configuration) -> &Self {
        self.configuration.lock().merge(configuration);
        self
    }

    /// Sets how many subtasks run each operator that isn't given a number of its own
    /// (`parallelism.default`).
    pub fn set_parallelism(&self, parallelism: u32) -> &Self {
        self.configuration.lock().set(&pipeline::DEFAULT_PARALLELISM, &parallelism);
        self
    }

    /// Returns how many subtasks run each operator that isn't given a number of its own.
    ///
    /// # Errors
    /// [`JobError::Configuration`]: the number set can't be used.
    pub fn parallelism(&self) -> Result<u32, JobError> {
        Ok(parallelism_of(&self.configuration.lock())?)
    }

    /// Sets the number of key groups, the highest parallelism that state can be rescaled to
    /// (`pipeline.max-parallelism`).
    pub fn set_max_parallelism(&self, max_parallelism: u32) -> &Self {
        let text = max_parallelism.to_string();
        self.configuration.lock().set_text("pipeline.max-parallelism", text);
        self
    }

    /// Sets whether the job emits as it goes or only final results (`execution.runtime-mode`).
    pub fn set_runtime_mode(&self, mode: RuntimeMode) -> &Self {
        self.configuration.lock().set(&execution::RUNTIME_MODE, &mode);
        self
    }

    /// Sets how long few records wait for company before they are sent on
    /// (`execution.buffer-timeout.interval`); zero sends each on at once.
    pub fn set_buffer_timeout(&self, timeout: Duration) -> &Self {
        self.configuration.lock().set(&execution::BUFFER_TIMEOUT, &timeout);
        self
    }

    /// Has a checkpoint of the job taken at this interval (`execution.checkpointing.interval`), from
    /// which it goes on after a failure.
    ///
    /// The directory of checkpoints is `execution.checkpointing.dir`. A job that is run by hand and
    /// has none keeps its checkpoints in a temporary folder, which goes with it.
    pub fn enable_checkpointing(&self, interval: Duration) -> &Self {
        self.checkpoint_config().set_checkpoint_interval(interval);
        self
    }

    /// Returns how checkpoints are taken and kept, to be changed.
    pub fn checkpoint_config(&self) -> CheckpointConfig {
        CheckpointConfig::new(self.configuration.clone())
    }

    /// Sets the directory of savepoints for which none is named, a path or an address
    /// (`execution.checkpointing.savepoint-dir`).
    pub fn set_default_savepoint_directory(&self, directory: &str) -> &Self {
        self.configuration.lock().set(&checkpointing::SAVEPOINT_DIR, &directory.to_owned());
        self
    }

    /// Sets where keyed state is kept while the job runs (`state.backend.type`).
    pub fn set_state_backend(&self, backend: StateBackendType) -> &Self {
        self.configuration.lock().set(&state::BACKEND, &backend);
        self
    }

    /// Keeps every operator in a task of its own (`pipeline.operator-chaining.enabled`).
    pub fn disable_operator_chaining(&self) -> &Self {
        self.configuration.lock().set(&pipeline::OPERATOR_CHAINING, &false);
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
        DataStream::of_node(self.clone(), node).into()
    }

    /// Executes the job and waits for its end.
    ///
    /// In a process of a cluster this never returns: the process says what the job is, or runs its
    /// part of it, and ends. So what a program does after its first call happens only where it is
    /// run by hand, a second call, too.
    ///
    /// # Errors
    /// [`JobError`]: the job cannot run, or it failed.
    pub fn execute(&self, job_name: &str) -> Result<JobExecutionResult, JobError> {
        self.execute_async(job_name)?.wait()
    }

    /// Starts the job and returns a handle to it; like [`execute`](Self::execute) never in a process
    /// of a cluster.
    ///
    /// # Errors
    /// [`JobError`]: the job cannot run.
    pub fn execute_async(&self, job_name: &str) -> Result<JobClient, JobError> {
        self.start(job_name, None)
    }

    /// Starts the job; `on_end` is called when it has ended, however that was.
    pub(crate) fn start(
        &self,
        job_name: &str,
        on_end: Option<Box<dyn FnOnce() + Send>>,
    ) -> Result<JobClient, JobError> {
        if let Some(process) = process::current() {
            let job = if on_end.is_some() {
                Err(JobError::CollectOnCluster)
            } else {
                self.describe(job_name).map(|(job, _)| job)
            };
            process.run(job)
        }
        let (job, restarts) = self.describe(job_name)?;
        let job = EmbeddedJob::start(job, restarts, on_end)?;
        self.builder.lock().mark_executed();
        Ok(JobClient::new(job))
    }

    /// Describes the next job, and how it is restarted.
    fn describe(
        &self,
        job_name: &str,
    ) -> Result<(DescribedJob, Box<dyn RestartStrategy>), JobError> {
        let (graph, program) = self.stream_graph(job_name)?;
        let configuration = self.configuration.lock().clone();
        let settings = ExecutionSettings::read(&configuration)?.for_tasks_of(&graph);
        let interval = configuration.get_optional(&checkpointing::INTERVAL)?;
        let is_checkpointed = interval.is_some_and(|interval| !interval.is_zero());
        let restarts =
            RestartStrategySettings::from_configuration(&configuration, is_checkpointed)?
                .build(fastrand::Rng::new())?;
        let mut graph = graph.to_job_graph()?;
        graph.override_parallelism(&parallelism_overrides(&configuration)?)?;
        let job = DescribedJob { graph, program, settings, configuration };
        Ok((job, restarts))
    }

    /// Returns the job's graph as it would be executed.
    ///
    /// # Errors
    /// [`JobError`]: the job cannot run.
    pub fn job_graph(&self, job_name: &str) -> Result<JobGraph, JobError> {
        let mut graph = self.stream_graph(job_name)?.0.to_job_graph()?;
        graph.override_parallelism(&parallelism_overrides(&self.configuration.lock())?)?;
        Ok(graph)
    }

    fn stream_graph(&self, job_name: &str) -> Result<(StreamGraph, Program), JobError> {
        let (mut graph, program) = self.builder.lock().next_job()?;
        let configuration = self.configuration.lock();
        graph.job_name =
            configuration.get_optional(&pipeline::NAME)?.unwrap_or_else(|| job_name.to_owned());
        graph.parallelism = parallelism_of(&configuration)?;
        graph.max_parallelism = u32::try_from(configuration.get(&pipeline::MAX_PARALLELISM)?).ok();
        graph.chaining_enabled = configuration.get(&pipeline::OPERATOR_CHAINING)?;
        graph.chain_different_max_parallelism =
            configuration.get(&pipeline::CHAIN_OPERATORS_WITH_DIFFERENT_MAX_PARALLELISM)?;
        if !configuration.get(&pipeline::AUTO_GENERATE_UIDS)?
            && let Some(node) = graph.nodes.iter().find(|node| node.uid.is_none())
        {
            return Err(JobError::MissingUid { operator: node.display_name() });
        }
        let wants_rocksdb = configuration.get(&state::BACKEND)? == StateBackendType::RocksDb;
        if wants_rocksdb && !cfg!(feature = "rocksdb") {
            return Err(JobError::BackendNotThere);
        }
        graph.job_type = match configuration.get(&execution::RUNTIME_MODE)? {
            RuntimeMode::Streaming => JobType::Streaming,
            RuntimeMode::Automatic if !is_bounded(&graph) => JobType::Streaming,
            RuntimeMode::Automatic => JobType::Batch,
            RuntimeMode::Batch if is_bounded(&graph) => JobType::Batch,
            RuntimeMode::Batch => return Err(JobError::UnboundedBatch),
        };
        Ok((graph, program))
    }

    pub(crate) fn builder(&self) -> &SharedBuilder {
        &self.builder
    }
}

impl<T: Record> DataStream<T> {
    /// Returns the environment of the stream.
    pub fn execution_environment(&self) -> &StreamExecutionEnvironment {
        &self.environment
    }
}

fn parallelism_overrides(
    configuration: &Configuration,
) -> Result<BTreeMap<JobVertexId, u32>, JobError> {
    let overrides = configuration.get(&pipeline::JOBVERTEX_PARALLELISM_OVERRIDES)?;
    let read = |(vertex, parallelism): (String, u32)| match vertex.parse() {
        Ok(vertex) => Ok((vertex, parallelism)),
        Err(error) => Err(JobError::ParallelismOverride { vertex, reason: error }),
    };
    overrides.into_iter().map(read).collect()
}

fn parallelism_of(configuration: &Configuration) -> Result<u32, ConfigError> {
    match configuration.get_optional(&pipeline::DEFAULT_PARALLELISM)? {
        Some(parallelism) => Ok(parallelism),
        // All processes of a cluster have to describe the same job, whatever machine they run on.
        None if process::current().is_some() => Ok(1),
        None => Ok(std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32)),
    }
}

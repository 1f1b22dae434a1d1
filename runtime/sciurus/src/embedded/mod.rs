//! The embedded cluster: the job's master and all its tasks in this process.

mod master;
mod wiring;

use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use sciurus_core::graph::{JobType, NodeKind, StreamGraph};
use sciurus_engine::accumulator::Accumulators;
use sciurus_engine::clock::SystemClock;
use sciurus_engine::deployment::TaskSettings;
use sciurus_engine::operator::BatchLimits;
use sciurus_engine::program::Program;

use crate::error::JobError;
use crate::job_client::{JobClient, JobExecutionResult};
use master::{Event, Master};

/// A job in this process.
pub(crate) struct EmbeddedJob {
    name: String,
    started: Instant,
    events: Sender<Event>,
    accumulators: Accumulators,
    outcome: Arc<Outcome>,
}

/// How the job ended.
#[derive(Default)]
struct Outcome {
    result: Mutex<Option<Result<(), JobError>>>,
    ended: Condvar,
}

impl Outcome {
    fn set(&self, result: Result<(), JobError>) {
        self.result.lock().get_or_insert(result);
        self.ended.notify_all();
    }
}

impl EmbeddedJob {
    /// Compiles the graph and starts its tasks.
    pub(crate) fn start(graph: &StreamGraph, program: Program) -> Result<JobClient, JobError> {
        let job_graph = graph.to_job_graph()?;
        let accumulators = Accumulators::default();
        let settings = TaskSettings {
            limits: BatchLimits::default(),
            buffer_timeout: Some(Duration::from_millis(100)),
            watermark_interval: Duration::from_millis(200),
            channel_bytes: 1024 * 1024,
            bounded: graph.nodes.iter().all(|node| is_bounded(node.kind)),
            batch_mode: graph.job_type == JobType::Batch,
            clock: Arc::new(SystemClock),
            accumulators: accumulators.clone(),
        };
        let (events, inbox) = mpsc::channel();
        let outcome = Arc::new(Outcome::default());
        let job = Self {
            name: graph.job_name.clone(),
            started: Instant::now(),
            events: events.clone(),
            accumulators,
            outcome: outcome.clone(),
        };
        let master = Master::new(job_graph, program, settings, events);
        thread::Builder::new()
            .name("job-master".to_owned())
            .spawn(move || outcome.set(master.run(&inbox)))
            .map_err(|error| JobError::System {
                action: "start the job master's thread",
                reason: error.to_string(),
            })?;
        Ok(JobClient::new(Arc::new(job)))
    }

    pub(crate) fn wait(&self) -> Result<JobExecutionResult, JobError> {
        let mut result = self.outcome.result.lock();
        while result.is_none() {
            self.outcome.ended.wait(&mut result);
        }
        result.clone().unwrap_or(Err(JobError::Cancelled))?;
        Ok(JobExecutionResult {
            job_name: self.name.clone(),
            net_runtime: self.started.elapsed(),
            accumulators: self.accumulators.snapshot(),
        })
    }

    pub(crate) fn cancel(&self) {
        // Where the master is gone the job has ended.
        let _ = self.events.send(Event::Cancel);
    }
}

fn is_bounded(kind: NodeKind) -> bool {
    !matches!(kind, NodeKind::Source { bounded: false })
}

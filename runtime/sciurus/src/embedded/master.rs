//! The thread that masters the job: it starts the tasks, serves their sources and learns how they
//! end.

use std::collections::HashMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::thread;

use sciurus_core::graph::{JobGraph, JobVertex};
use sciurus_core::ids::JobVertexId;
use sciurus_engine::deployment::{TaskDeployment, TaskSettings};
use sciurus_engine::notify::Notifier;
use sciurus_engine::program::{NodeCode, Program};
use sciurus_engine::source::{Enumerator, SourceEvent};
use sciurus_engine::task::{Task, TaskControl, TaskMail, TaskReporter};
use sciurus_engine::{TaskError, TaskResult};

use super::wiring::{Subtask, connect};
use crate::error::JobError;

/// What the master is told.
pub(super) enum Event {
    /// A task runs.
    Running(Subtask),
    /// A source's reader needs a split.
    SplitRequested(Subtask),
    /// A task has ended.
    Ended(Subtask, TaskResult),
    /// The user cancels the job.
    Cancel,
}

/// Masters one job.
pub(super) struct Master {
    graph: Arc<JobGraph>,
    program: Program,
    settings: TaskSettings,
    events: Sender<Event>,
    tasks: HashMap<Subtask, Arc<TaskControl>>,
    enumerators: HashMap<JobVertexId, Box<dyn Enumerator>>,
    failure: Option<JobError>,
}

impl Master {
    pub(super) fn new(
        graph: JobGraph,
        program: Program,
        settings: TaskSettings,
        events: Sender<Event>,
    ) -> Self {
        Self {
            graph: Arc::new(graph),
            program,
            settings,
            events,
            tasks: HashMap::new(),
            enumerators: HashMap::new(),
            failure: None,
        }
    }

    /// Runs the job to its end.
    pub(super) fn run(mut self, inbox: &Receiver<Event>) -> Result<(), JobError> {
        self.deploy()?;
        while !self.tasks.is_empty() {
            let Ok(event) = inbox.recv() else { break };
            match event {
                Event::Running(_) => {}
                Event::SplitRequested(subtask) => self.serve(subtask),
                Event::Ended(subtask, result) => {
                    self.tasks.remove(&subtask);
                    if let Err(error) = result {
                        self.fail(subtask, error);
                    }
                }
                Event::Cancel => {
                    self.failure.get_or_insert(JobError::Cancelled);
                    self.cancel_all();
                }
            }
        }
        self.failure.map_or(Ok(()), Err)
    }

    fn deploy(&mut self) -> Result<(), JobError> {
        let graph = self.graph.clone();
        for vertex in &graph.vertices {
            for subtask in 0..vertex.parallelism {
                let control = Arc::new(TaskControl::new(Notifier::default()));
                self.tasks.insert((vertex.id, subtask), control);
            }
        }
        let mut endpoints = connect(&graph, &self.tasks, self.settings.channel_bytes);
        let mut tasks = Vec::new();
        for vertex in &graph.vertices {
            for subtask in 0..vertex.parallelism {
                let key = (vertex.id, subtask);
                let (Some(endpoints), Some(control)) =
                    (endpoints.remove(&key), self.tasks.get(&key))
                else {
                    continue;
                };
                let deployment = TaskDeployment {
                    graph: &graph,
                    program: &self.program,
                    settings: &self.settings,
                    vertex,
                    subtask,
                    attempt: 0,
                    control: control.clone(),
                    senders: endpoints.senders,
                    gates: endpoints.gates,
                };
                let (task, _metrics) = deployment.build().map_err(JobError::Start)?;
                tasks.push((
                    key,
                    format!("{} ({}/{})", vertex.name, subtask + 1, vertex.parallelism),
                    task,
                ));
            }
        }
        for (key, name, task) in tasks {
            self.spawn(key, &name, task)?;
        }
        graph
            .vertices
            .iter()
            .filter(|vertex| vertex.is_source)
            .try_for_each(|vertex| self.start_enumerator(vertex).map_err(JobError::Start))
    }

    fn spawn(&self, key: Subtask, name: &str, task: Task) -> Result<(), JobError> {
        let events = self.events.clone();
        let thread_name = name.chars().take(15).collect();
        let run = move || {
            let mut reporter = Reporter { key, events };
            let result = panic::catch_unwind(AssertUnwindSafe(|| task.run(&mut reporter)))
                .unwrap_or_else(|panic| Err(TaskError::Panic { message: panic_message(&*panic) }));
            // Where the master is gone nobody waits for the result.
            let _ = reporter.events.send(Event::Ended(key, result));
        };
        thread::Builder::new().name(thread_name).spawn(run).map(drop).map_err(|error| {
            JobError::System { action: "start a task's thread", reason: error.to_string() }
        })
    }

    fn start_enumerator(&mut self, vertex: &JobVertex) -> TaskResult {
        let Some(NodeCode::Source(source)) =
            vertex.operators.first().and_then(|head| self.program.nodes.get(&head.node))
        else {
            return Ok(());
        };
        let mut enumerator = source.enumerator(vertex.parallelism)?;
        let decisions = enumerator.start()?;
        self.enumerators.insert(vertex.id, enumerator);
        self.tell(vertex.id, decisions);
        Ok(())
    }

    fn serve(&mut self, (vertex, subtask): Subtask) {
        let Some(enumerator) = self.enumerators.get_mut(&vertex) else { return };
        match enumerator.handle_split_request(subtask) {
            Ok(decisions) => self.tell(vertex, decisions),
            Err(error) => self.fail((vertex, subtask), error),
        }
    }

    fn tell(&self, vertex: JobVertexId, decisions: Vec<(u32, SourceEvent)>) {
        for (subtask, event) in decisions {
            if let Some(control) = self.tasks.get(&(vertex, subtask)) {
                control.send(TaskMail::Source(event));
            }
        }
    }

    fn fail(&mut self, (vertex, subtask): Subtask, error: TaskError) {
        if self.failure.is_none() && !matches!(error, TaskError::Cancelled) {
            let vertex = self.graph.vertex(vertex);
            self.failure = Some(JobError::Failed {
                task: vertex.map_or_else(String::new, |vertex| vertex.name.clone()),
                subtask: subtask + 1,
                parallelism: vertex.map_or(0, |vertex| vertex.parallelism),
                error,
            });
        }
        self.cancel_all();
    }

    fn cancel_all(&self) {
        for control in self.tasks.values() {
            control.cancel();
        }
    }
}

struct Reporter {
    key: Subtask,
    events: Sender<Event>,
}

impl TaskReporter for Reporter {
    fn running(&mut self) {
        let _ = self.events.send(Event::Running(self.key));
    }

    fn request_split(&mut self) {
        let _ = self.events.send(Event::SplitRequested(self.key));
    }
}

/// Returns the message of a caught panic.
fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

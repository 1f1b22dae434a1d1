//! Runs sources and sinks of tests without a job around them.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sciurus_core::clock::ManualClock;
use sciurus_core::element::StreamElement;
use sciurus_core::{Batch, Columns, Record};
use sciurus_engine::accumulator::Accumulators;
use sciurus_engine::collector::Emitter;
use sciurus_engine::metrics::OperatorMetrics;
use sciurus_engine::notify::Notifier;
use sciurus_engine::operator::{
    BatchLimits, Operator, OperatorContext, OperatorFactory, SubtaskInfo,
};
use sciurus_engine::output::{OperatorNode, Output, OutputEdge};
use sciurus_engine::source::{
    Enumerator, Source, SourceDriver, SourceEvent, SourceFactory, SourceProgress,
    TypedSourceFactory,
};
use sciurus_engine::task::TaskControl;
use sciurus_engine::watermark::WatermarkStrategy;
use sciurus_engine::{TaskError, TaskResult};

use crate::sink::Sink;
use crate::sink_operator::SinkOperatorFactory;

/// Makes the context of subtask `index` of `parallelism`.
pub fn context(index: u32, parallelism: u32) -> OperatorContext {
    OperatorContext {
        name: "test".into(),
        subtask: SubtaskInfo { index, parallelism, max_parallelism: 128, attempt: 0 },
        clock: Arc::new(ManualClock::new(0)),
        metrics: Arc::new(OperatorMetrics::default()),
        notifier: Notifier::default(),
        accumulators: Accumulators::default(),
        limits: BatchLimits::default(),
        watermark_interval: Duration::ZERO,
        bounded: true,
        batch_mode: false,
        state: Arc::new(sciurus_engine::checkpoint::FreshState),
    }
}

/// What came out of a source.
pub struct Read<T> {
    /// The records of each reader, in order.
    pub readers: Vec<Vec<T>>,
    /// The rows of each batch.
    pub batch_rows: Vec<usize>,
    /// What all readers counted.
    pub metrics: Arc<OperatorMetrics>,
    /// What the enumerator says there is to read.
    pub total_bytes: Option<u64>,
}

impl<T: Clone> Read<T> {
    /// Returns the records of all readers.
    pub fn all(&self) -> Vec<T> {
        self.readers.concat()
    }
}

/// Reads a bounded source to its end with `parallelism` readers, which take turns.
pub fn read<S: Source>(source: S, parallelism: u32) -> TaskResult<Read<S::Item>> {
    read_with(source, parallelism, BatchLimits::default())
}

/// Reads with given limits of a batch.
pub fn read_with<S: Source>(
    source: S,
    parallelism: u32,
    limits: BatchLimits,
) -> TaskResult<Read<S::Item>> {
    let factory = TypedSourceFactory::new(source, WatermarkStrategy::no_watermarks());
    let mut enumerator = factory.enumerator(parallelism, None)?;
    let metrics = Arc::new(OperatorMetrics::default());
    let batch_rows = Arc::new(Mutex::new(Vec::new()));
    let mut readers = Vec::new();
    let mut records = Vec::new();
    for index in 0..parallelism {
        let mut context = context(index, parallelism);
        context.metrics = metrics.clone();
        context.limits = limits;
        let control = Arc::new(TaskControl::new(context.notifier.clone()));
        let mut output = Output::new(metrics.clone());
        let kept = Arc::new(Mutex::new(Vec::<S::Item>::new()));
        let keep = Keep { records: kept.clone(), batch_rows: batch_rows.clone() };
        let behind = Output::new(Arc::new(OperatorMetrics::default()));
        let mut node = OperatorNode::new(context.clone(), Box::new(keep), behind, 1);
        node.open()?;
        output.add_edge(None, OutputEdge::Chained(Box::new(node)));
        let driver = factory.driver(&context, &control, Duration::ZERO)?;
        readers.push(Some((driver, output)));
        records.push(kept);
    }
    for (subtask, event) in enumerator.start()? {
        let (driver, _) = readers[subtask as usize].as_mut().unwrap();
        driver.on_event(event)?;
    }
    while readers.iter().any(Option::is_some) {
        for (index, reader) in readers.iter_mut().enumerate() {
            let Some((driver, output)) = reader else { continue };
            if !step(driver.as_mut(), output, enumerator.as_mut(), index as u32)? {
                *reader = None;
            }
        }
    }
    let total_bytes = enumerator.total_bytes();
    let batch_rows = batch_rows.lock().clone();
    let readers = records.iter().map(|records| records.lock().clone()).collect();
    Ok(Read { readers, batch_rows, metrics, total_bytes })
}

/// Polls a reader once; returns whether it goes on.
fn step(
    driver: &mut dyn SourceDriver,
    output: &mut Output,
    enumerator: &mut dyn Enumerator,
    index: u32,
) -> TaskResult<bool> {
    match driver.poll(output)? {
        SourceProgress::More => {}
        SourceProgress::Wait(longest) => std::thread::sleep(longest.min(Duration::from_millis(1))),
        SourceProgress::RequestSplit => {
            for (subtask, event) in enumerator.handle_split_request(index)? {
                assert_eq!(subtask, index);
                driver.on_event(event)?;
            }
        }
        SourceProgress::Ended => {
            driver.close();
            return Ok(false);
        }
    }
    Ok(true)
}

struct Keep<T> {
    records: Arc<Mutex<Vec<T>>>,
    batch_rows: Arc<Mutex<Vec<usize>>>,
}

impl<T: Record> Operator for Keep<T> {
    fn process_batch(&mut self, _: usize, batch: Batch, _: &mut Output) -> TaskResult {
        let columns = batch.columns::<T>()?;
        let mut records = self.records.lock();
        batch.for_each(|row| records.push(T::from_view(columns.get(row))));
        self.batch_rows.lock().push(batch.len());
        Ok(())
    }
}

/// Reads a source with one reader that is replaced, after every `polls` polls, by a new one that
/// goes on from its snapshot.
pub fn read_with_restarts<S: Source>(source: S, polls: usize) -> TaskResult<Vec<S::Item>> {
    let factory = TypedSourceFactory::new(source, WatermarkStrategy::no_watermarks());
    let mut enumerator = factory.enumerator(1, None)?;
    let mut context = context(0, 1);
    context.limits = BatchLimits { max_rows: 3, max_bytes: 64 };
    let records = Arc::new(Mutex::new(Vec::<S::Item>::new()));
    let mut splits = Vec::new();
    loop {
        let control = Arc::new(TaskControl::new(context.notifier.clone()));
        let mut output = Output::new(context.metrics.clone());
        let keep = Keep { records: records.clone(), batch_rows: Arc::default() };
        let behind = Output::new(Arc::new(OperatorMetrics::default()));
        let mut node = OperatorNode::new(context.clone(), Box::new(keep), behind, 1);
        node.open()?;
        output.add_edge(None, OutputEdge::Chained(Box::new(node)));
        let mut driver = factory.driver(&context, &control, Duration::ZERO)?;
        for split in splits {
            driver.on_event(SourceEvent::AddSplit(split))?;
        }
        for _ in 0..polls {
            if !step(driver.as_mut(), &mut output, enumerator.as_mut(), 0)? {
                let records = records.lock().clone();
                return Ok(records);
            }
        }
        splits = driver.snapshot()?;
        driver.close();
    }
}

/// Makes a batch of records.
pub fn batch<T: Record>(records: &[T]) -> Batch {
    let mut emitter = Emitter::<T>::new(BatchLimits::default());
    for record in records {
        emitter.append(record.view(), None);
    }
    emitter.take().unwrap()
}

/// One subtask of a sink.
pub struct SinkHarness {
    node: OperatorNode,
}

impl SinkHarness {
    /// Opens a subtask.
    pub fn open<T: Record, S: Sink<T>>(sink: S, context: OperatorContext) -> TaskResult<Self> {
        let operator = SinkOperatorFactory::new(sink).create(&context)?;
        let output = Output::new(context.metrics.clone());
        let mut node = OperatorNode::new(context, operator, output, 1);
        node.open()?;
        Ok(Self { node })
    }

    /// Writes a batch.
    pub fn write<T: Record>(&mut self, records: &[T]) -> TaskResult {
        self.node.process(0, StreamElement::Batch(batch(records)))
    }

    /// Ends the input and closes the subtask.
    pub fn finish(mut self) -> TaskResult {
        self.node.process(0, StreamElement::EndOfInput)?;
        self.node.close()
    }

    /// Returns the operator in its place.
    pub fn node(&mut self) -> &mut OperatorNode {
        &mut self.node
    }
}

/// Returns the message of an error, without the operator's name.
pub fn message(error: &TaskError) -> String {
    error.root().to_string()
}

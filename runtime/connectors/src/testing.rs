//! Runs sources and sinks of tests without a job around them.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sciurus_core::checkpoint::{Alignment, CheckpointBarrier, CheckpointId, SnapshotKind};
use sciurus_core::clock::ManualClock;
use sciurus_core::element::StreamElement;
use sciurus_core::ids::{JobId, OperatorId};
use sciurus_core::time::{MIN_WATERMARK, Timestamp};
use sciurus_core::{Batch, Columns, Record};
use sciurus_engine::accumulator::Accumulators;
use sciurus_engine::checkpoint::{StateOwner, StateProvider};
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
use sciurus_state::{BackendConfig, KeyedBackend, OperatorSnapshot};

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

/// Makes the context of an operator of which checkpoints are taken, restored from its share of what
/// there is.
pub fn checkpointed_context(
    (index, parallelism): (u32, u32),
    restored: Option<&[OperatorSnapshot]>,
) -> OperatorContext {
    let restored = restored.map(|former| {
        sciurus_state::operator::redistribute(former, parallelism as usize)
            .swap_remove(index as usize)
    });
    OperatorContext {
        bounded: false,
        state: Arc::new(CheckpointedState { restored }),
        ..context(index, parallelism)
    }
}

#[derive(Debug)]
struct CheckpointedState {
    restored: Option<OperatorSnapshot>,
}

impl StateProvider for CheckpointedState {
    fn keyed_backend(&self, config: BackendConfig) -> TaskResult<KeyedBackend> {
        Ok(KeyedBackend::heap(config))
    }

    fn operator_state(&self) -> TaskResult<Option<OperatorSnapshot>> {
        Ok(self.restored.clone())
    }

    fn is_restored(&self) -> bool {
        self.restored.is_some()
    }

    fn is_checkpointed(&self) -> bool {
        true
    }

    fn owner(&self) -> Option<StateOwner> {
        let (job, operator) = (JobId::from_bytes([1; 16]), OperatorId::from_bytes([2; 16]));
        Some(StateOwner { job, operator })
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
    let progress = driver.poll(output)?;
    if let Some(now) = driver.next_processing_time() {
        driver.on_processing_time(now, output)?;
    }
    match progress {
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
    let mut events: Vec<_> = enumerator.start()?.into_iter().map(|(_, event)| event).collect();
    loop {
        let control = Arc::new(TaskControl::new(context.notifier.clone()));
        let mut output = Output::new(context.metrics.clone());
        let keep = Keep { records: records.clone(), batch_rows: Arc::default() };
        let behind = Output::new(Arc::new(OperatorMetrics::default()));
        let mut node = OperatorNode::new(context.clone(), Box::new(keep), behind, 1);
        node.open()?;
        output.add_edge(None, OutputEdge::Chained(Box::new(node)));
        let mut driver = factory.driver(&context, &control, Duration::ZERO)?;
        for event in events {
            driver.on_event(event)?;
        }
        for _ in 0..polls {
            if !step(driver.as_mut(), &mut output, enumerator.as_mut(), 0)? {
                let records = records.lock().clone();
                return Ok(records);
            }
        }
        events = driver.snapshot()?.into_iter().map(SourceEvent::AddSplit).collect();
        driver.close();
    }
}

/// Reads a source in parts, each with its own number of readers, which go on for so many polls:
/// enumerator and readers are then replaced by new ones that go on from their snapshots. After the
/// last part the source is read to its end. Returns all records.
pub fn read_with_rescaling<S: Source>(
    make: impl Fn() -> S,
    parts: &[(u32, usize)],
) -> TaskResult<Vec<S::Item>> {
    Ok(read_in_time_with_rescaling(make, &WatermarkStrategy::no_watermarks(), parts)?.0)
}

/// Reads like [`read_with_rescaling`], with timestamps; returns how many records came late, too.
pub fn read_in_time_with_rescaling<S: Source>(
    make: impl Fn() -> S,
    strategy: &WatermarkStrategy<S::Item>,
    parts: &[(u32, usize)],
) -> TaskResult<(Vec<S::Item>, usize)> {
    let records = Arc::new(Mutex::new(Vec::<S::Item>::new()));
    let mut time = MIN_WATERMARK;
    let mut late = 0;
    let mut splits: Vec<Vec<u8>> = Vec::new();
    let mut enumerated: Option<Vec<u8>> = None;
    for (part, (parallelism, polls)) in parts.iter().enumerate() {
        let is_last = part + 1 == parts.len();
        let factory = TypedSourceFactory::new(make(), strategy.clone());
        let mut enumerator = factory.enumerator(*parallelism, enumerated.as_deref())?;
        let mut readers = Vec::new();
        let times = Arc::new(Mutex::new(Times {
            watermarks: vec![MIN_WATERMARK; *parallelism as usize],
            time,
            late,
        }));
        for index in 0..*parallelism {
            let mut context = context(index, *parallelism);
            context.limits = BatchLimits { max_rows: 3, max_bytes: 64 };
            let control = Arc::new(TaskControl::new(context.notifier.clone()));
            let mut output = Output::new(context.metrics.clone());
            let keep = Keep { records: records.clone(), batch_rows: Arc::default() };
            let keep = InTime { keep, reader: index as usize, times: times.clone() };
            let behind = Output::new(Arc::new(OperatorMetrics::default()));
            let mut node = OperatorNode::new(context.clone(), Box::new(keep), behind, 1);
            node.open()?;
            output.add_edge(None, OutputEdge::Chained(Box::new(node)));
            let interval = Duration::from_millis(1);
            readers.push((factory.driver(&context, &control, interval)?, output, true));
        }
        // As operator state is: to the same reader, or in turn where there are more or fewer.
        for (place, split) in splits.drain(..).enumerate() {
            let reader = &mut readers[place % *parallelism as usize].0;
            reader.on_event(SourceEvent::AddSplit(split))?;
        }
        for (subtask, event) in enumerator.start()? {
            readers[subtask as usize].0.on_event(event)?;
        }
        let mut polled = 0;
        while readers.iter().any(|(.., goes_on)| *goes_on) && (is_last || polled < *polls) {
            let index = polled % readers.len();
            polled += 1;
            let (driver, output, goes_on) = &mut readers[index];
            if *goes_on {
                *goes_on = step(driver.as_mut(), output, enumerator.as_mut(), index as u32)?;
                if !*goes_on {
                    times.lock().watermarks[index] = Timestamp::MAX;
                }
            }
        }
        Times { time, late, .. } = *times.lock();
        enumerated = Some(enumerator.snapshot()?);
        for (mut driver, ..) in readers {
            splits.extend(driver.snapshot()?);
            driver.close();
        }
    }
    let records = records.lock().clone();
    Ok((records, late))
}

/// Event time behind several readers.
struct Times {
    /// Of each reader.
    watermarks: Vec<Timestamp>,
    /// How far it came; it never goes back.
    time: Timestamp,
    /// How many records had a timestamp that was over.
    late: usize,
}

struct InTime<T> {
    keep: Keep<T>,
    reader: usize,
    times: Arc<Mutex<Times>>,
}

impl<T: Record> Operator for InTime<T> {
    fn process_batch(&mut self, input: usize, batch: Batch, out: &mut Output) -> TaskResult {
        if let Some(timestamps) = batch.timestamps() {
            let mut times = self.times.lock();
            let time = times.time;
            batch.for_each(|row| times.late += usize::from(timestamps[row] <= time));
        }
        self.keep.process_batch(input, batch, out)
    }

    fn process_watermark(&mut self, watermark: Timestamp, _: &mut Output) -> TaskResult {
        let mut times = self.times.lock();
        times.watermarks[self.reader] = watermark;
        let least = times.watermarks.iter().copied().min().unwrap_or(MIN_WATERMARK);
        times.time = times.time.max(least);
        Ok(())
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

    /// Takes a checkpoint and returns the subtask's part.
    pub fn checkpoint(&mut self, id: u64, kind: SnapshotKind) -> TaskResult<OperatorSnapshot> {
        let barrier = CheckpointBarrier {
            id: CheckpointId(id),
            timestamp: 0,
            kind,
            alignment: Alignment::ExactlyOnce,
            exclusive: String::new(),
            shared: None,
        };
        let mut parts = Vec::new();
        self.node.checkpoint(&barrier, &mut parts)?;
        Ok(parts.pop().and_then(|part| part.operator).unwrap_or_default())
    }

    /// Ends the input.
    pub fn end_input(&mut self) -> TaskResult {
        self.node.process(0, StreamElement::EndOfInput)
    }

    /// Says that a checkpoint is complete.
    pub fn complete(&mut self, id: u64) -> TaskResult {
        self.node.checkpoint_complete(CheckpointId(id))
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

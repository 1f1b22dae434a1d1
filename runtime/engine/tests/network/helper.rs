//! Workers, and the tasks at both ends of channels.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringViewArray};
use arrow_schema::{DataType, Field, Schema};
use sciurus_core::element::StreamElement;
use sciurus_core::ids::{AttemptNumber, JobEdgeId, JobId, SubtaskIndex, WorkerId};
use sciurus_core::{Batch, Columns};
use sciurus_engine::exchange::network::{
    ChannelEnd, ChannelId, Network, NetworkOptions, Peer, RemoteChannel,
};
use sciurus_engine::exchange::{ChannelSender, InputGate, Received};
use sciurus_engine::metrics::TaskMetrics;
use sciurus_engine::notify::Notifier;
use sciurus_engine::task::TaskControl;
use sciurus_engine::{TaskError, TaskResult};

/// A wait that is as long as forever: a test that gets there fails.
pub(crate) const FOREVER: Duration = Duration::from_secs(60);

/// Bytes that may be under way on a channel, unless a test says otherwise.
pub(crate) const LIMIT: usize = 20_000;

pub(crate) const JOB: JobId = JobId::from_bytes([7; 16]);

/// Returns the options of the worker with this number: of two workers the lower one dials.
pub(crate) fn options(number: u8) -> NetworkOptions {
    let worker = WorkerId::from_bytes([number; 16]);
    NetworkOptions {
        bind_host: "127.0.0.1".to_owned(),
        ..NetworkOptions::new(JOB, worker, "127.0.0.1")
    }
}

pub(crate) fn worker(number: u8) -> Network {
    Network::bind(options(number)).unwrap()
}

pub(crate) fn peer(number: u8, network: &Network) -> Peer {
    peer_at(number, network.address())
}

pub(crate) fn peer_at(number: u8, address: &str) -> Peer {
    Peer { worker: WorkerId::from_bytes([number; 16]), address: address.into() }
}

/// Names the channel from producer subtask `producer` to consumer subtask `consumer`.
pub(crate) fn channel(producer: u32, consumer: u32) -> ChannelId {
    attempts(producer, 0, consumer, 0)
}

pub(crate) fn attempts(producer: u32, attempt: u32, consumer: u32, reader: u32) -> ChannelId {
    let end = |subtask, attempt| ChannelEnd {
        subtask: SubtaskIndex(subtask),
        attempt: AttemptNumber(attempt),
    };
    let (producer, consumer) = (end(producer, attempt), end(consumer, reader));
    ChannelId { edge: JobEdgeId(0), producer, consumer }
}

/// Makes rows of consecutive numbers, and texts of them, short and long.
pub(crate) fn rows(first: i64, count: i64) -> Batch {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(first..first + count));
    let texts = (first..first + count).map(text);
    let texts: ArrayRef = Arc::new(StringViewArray::from_iter_values(texts));
    let fields = vec![
        Field::new("number", DataType::Int64, false),
        Field::new("text", DataType::Utf8View, false),
    ];
    Batch::new(RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![numbers, texts]).unwrap())
}

fn text(number: i64) -> String {
    if number % 5 == 0 { format!("a text of some length: {number}") } else { number.to_string() }
}

/// The task at the sending end of a channel.
pub(crate) struct Producer {
    pub(crate) control: Arc<TaskControl>,
    pub(crate) sender: RemoteChannel,
    next: i64,
}

impl Producer {
    pub(crate) fn new(network: &Network, channel: ChannelId, to: &Peer, limit: usize) -> Self {
        let control = Arc::new(TaskControl::new(Notifier::default()));
        let sender = network.send(channel, to, control.notifier().clone(), limit);
        Self { control, sender, next: 0 }
    }

    /// Sends the next rows, waiting for credit.
    pub(crate) fn send_rows(&mut self, count: i64) -> TaskResult {
        self.control.notifier().attach();
        self.control.wait_for_room(&TaskMetrics::default(), || self.sender.has_credit())?;
        let batch = rows(self.next, count);
        self.next += count;
        let bytes = batch.bytes();
        self.sender.send(StreamElement::Batch(batch), bytes)
    }

    pub(crate) fn send(&mut self, element: StreamElement) -> TaskResult {
        self.sender.send(element, 0)
    }

    /// Sends so many rows in batches of this size, with watermarks between them, and the end.
    pub(crate) fn send_all(&mut self, rows: i64, batch: i64) -> TaskResult {
        while self.next < rows {
            self.send_rows(batch.min(rows - self.next))?;
            self.send(StreamElement::Watermark(self.next))?;
        }
        self.send(StreamElement::EndOfInput)?;
        self.send(StreamElement::EndOfPartition)
    }
}

/// The task at the receiving end of channels.
pub(crate) struct Consumer {
    pub(crate) notifier: Notifier,
    pub(crate) gate: InputGate,
    /// The next row of each channel.
    pub(crate) next: Vec<i64>,
}

impl Consumer {
    pub(crate) fn new(limit: usize) -> Self {
        let notifier = Notifier::default();
        let gate = InputGate::with_capacity(notifier.clone(), 0, limit);
        Self { notifier, gate, next: Vec::new() }
    }

    pub(crate) fn add(mut self, network: &Network, channel: ChannelId, from: &Peer) -> Self {
        network.receive(channel, from, &mut self.gate);
        self.next.push(0);
        self
    }

    /// Waits for the next element.
    pub(crate) fn poll(&mut self) -> TaskResult<Received> {
        let deadline = Instant::now() + FOREVER;
        self.notifier.attach();
        loop {
            if let Some(received) = self.gate.poll()? {
                return Ok(received);
            }
            assert!(Instant::now() < deadline, "nothing has come");
            self.notifier.wait(Duration::from_secs(1));
        }
    }

    /// Takes the next element and checks that it is the one that follows the last of its channel.
    pub(crate) fn take(&mut self) -> TaskResult<Received> {
        let received = self.poll()?;
        let next = &mut self.next[received.channel];
        match &received.element {
            StreamElement::Batch(batch) => {
                let columns = batch.columns::<(i64, String)>().unwrap();
                for row in 0..batch.len() {
                    assert_eq!(columns.get(row), (*next, text(*next).as_str()));
                    *next += 1;
                }
            }
            StreamElement::Watermark(watermark) => assert_eq!(watermark, next),
            _ => {}
        }
        Ok(received)
    }

    /// Takes everything up to the end of all channels.
    pub(crate) fn take_all(&mut self) -> TaskResult {
        while !self.gate.is_finished() {
            self.take()?;
        }
        Ok(())
    }
}

/// Waits until something is so.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + FOREVER;
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Returns why a worker is gone.
pub(crate) fn reason_of(error: &TaskError) -> &str {
    let TaskError::WorkerGone { reason, .. } = error else { return "it isn't" };
    reason
}

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use sciurus_core::Batch;
use sciurus_core::checkpoint::{Alignment, CheckpointBarrier, CheckpointId, SnapshotKind};
use sciurus_core::element::{LatencyMarker, StreamElement};
use sciurus_core::ids::OperatorId;
use sciurus_engine::TaskResult;
use sciurus_engine::exchange::{ChannelSender, InputGate, Partitioner, RecordWriter};
use sciurus_engine::metrics::TaskMetrics;
use sciurus_engine::notify::Notifier;
use sciurus_engine::task::TaskControl;

fn numbers(rows: i64) -> Batch {
    let schema = Schema::new(vec![Field::new("number", DataType::Int64, false)]);
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    Batch::new(RecordBatch::try_new(Arc::new(schema), vec![column]).unwrap())
}

/// A writer into two channels of a gate, each of which takes `limit` bytes.
fn connect(limit: usize, timeout: Option<Duration>) -> (RecordWriter, InputGate) {
    let control = Arc::new(TaskControl::new(Notifier::default()));
    let producer = control.notifier().clone();
    let (gate, senders) = InputGate::new(Notifier::default(), &[producer.clone(), producer], limit);
    let senders: Vec<Box<dyn ChannelSender>> =
        senders.into_iter().map(|sender| Box::new(sender) as Box<dyn ChannelSender>).collect();
    let metrics = Arc::new(TaskMetrics::default());
    let partitioner = Partitioner::RoundRobin { next: 0 };
    (RecordWriter::new(partitioner, senders, control, metrics, timeout), gate)
}

/// Takes what has arrived: the channel and the rows of each batch.
fn take(gate: &mut InputGate) -> Vec<(usize, usize)> {
    let mut taken = Vec::new();
    while let Some(received) = gate.poll().unwrap() {
        if let StreamElement::Batch(batch) = &received.element {
            taken.push((received.channel, batch.len()));
        }
    }
    taken
}

#[test]
fn rows_that_wait_keep_no_others_in_memory() -> TaskResult {
    let (mut writer, mut gate) = connect(1 << 20, None);
    for _ in 0..100 {
        let large = numbers(10_000);
        let column = large.records().column(0).clone();
        writer.emit(StreamElement::Batch(large.slice(5_000, 1)))?;
        drop(large);
        assert_eq!(Arc::strong_count(&column), 1);
    }
    writer.flush()?;
    assert_eq!(take(&mut gate), [(0, 50), (1, 50)]);
    Ok(())
}

#[test]
fn few_rows_of_many_are_copied_before_they_are_sent() -> TaskResult {
    let (mut writer, _gate) = connect(1 << 20, None);
    let large = numbers(100_000);
    let column = large.records().column(0).clone();
    writer.emit(StreamElement::Batch(large.slice(5_000, 1_000)))?;
    drop(large);
    assert_eq!(Arc::strong_count(&column), 1);
    Ok(())
}

#[test]
fn many_rows_of_a_batch_share_its_columns() -> TaskResult {
    let (mut writer, mut gate) = connect(1 << 20, None);
    let batch = numbers(1_000);
    let column = batch.records().column(0).clone();
    writer.emit(StreamElement::Batch(batch))?;
    assert_eq!(Arc::strong_count(&column), 3);
    assert_eq!(take(&mut gate), [(0, 500), (1, 500)]);
    Ok(())
}

#[test]
fn what_is_due_goes_where_there_is_credit_and_waits_elsewhere_without_blocking() -> TaskResult {
    let (mut writer, mut gate) = connect(1_000, Some(Duration::from_secs(3_600)));
    // The round goes on at the first channel.
    writer.emit(StreamElement::Batch(numbers(600)))?;
    assert!(!writer.is_available());
    let first = gate.poll().unwrap().unwrap();
    let full = 1 - first.channel;
    writer.emit(StreamElement::Batch(numbers(4)))?;
    let later = Instant::now() + Duration::from_secs(7_200);
    assert_eq!(writer.flush_due(|| later)?, None);
    // Only the channel with credit was written to; the other's first batch is still in it.
    assert_eq!(take(&mut gate), [(full, 300), (first.channel, 2)]);
    assert_eq!(writer.flush_due(|| later)?, None);
    assert_eq!(take(&mut gate), [(full, 2)]);
    assert_eq!(writer.flush_due(|| later)?, None);
    assert_eq!(take(&mut gate), []);
    Ok(())
}

#[test]
fn in_a_pause_rows_go_that_are_worth_it() -> TaskResult {
    let (mut writer, mut gate) = connect(1 << 20, Some(Duration::from_secs(3_600)));
    writer.emit(StreamElement::Batch(numbers(100)))?;
    writer.pause()?;
    assert_eq!(take(&mut gate), []);
    writer.emit(StreamElement::Batch(numbers(100)))?;
    writer.pause()?;
    assert_eq!(take(&mut gate), [(0, 100), (1, 100)]);
    let (mut writer, mut gate) = connect(1 << 20, None);
    writer.emit(StreamElement::Batch(numbers(400)))?;
    writer.pause()?;
    assert_eq!(take(&mut gate), [], "they wait for as many as there may be");
    Ok(())
}

#[test]
fn control_elements_need_no_credit_and_stay_in_order() -> TaskResult {
    let (mut writer, mut gate) = connect(1, None);
    writer.emit(StreamElement::Batch(numbers(600)))?;
    assert!(!writer.is_available());
    writer.emit(StreamElement::Watermark(7))?;
    writer.emit(StreamElement::EndOfInput)?;
    writer.emit(StreamElement::EndOfPartition)?;
    let mut elements = Vec::new();
    while let Some(received) = gate.poll().unwrap() {
        elements.push(match received.element {
            StreamElement::Batch(batch) => format!("{} rows", batch.len()),
            StreamElement::Watermark(watermark) => format!("watermark {watermark}"),
            StreamElement::WatermarkStatus(_) => "status".to_owned(),
            StreamElement::Barrier(barrier) => format!("barrier {}", barrier.id),
            StreamElement::LatencyMarker(marker) => format!("marker {}", marker.emitted_at),
            StreamElement::EndOfInput => "end".to_owned(),
            StreamElement::EndOfPartition => "closed".to_owned(),
        });
    }
    let expected = ["300 rows", "watermark 7", "end", "closed"];
    assert_eq!(elements, expected.map(|element| [element; 2]).concat());
    assert!(gate.is_finished());
    Ok(())
}

#[test]
fn a_barrier_waits_for_no_credit_and_follows_the_rows_before_it() -> TaskResult {
    let (mut writer, mut gate) = connect(1, None);
    writer.emit(StreamElement::Batch(numbers(600)))?;
    assert!(!writer.is_available());
    // These wait for company.
    writer.emit(StreamElement::Batch(numbers(10)))?;
    let barrier = CheckpointBarrier {
        id: CheckpointId(3),
        timestamp: 0,
        kind: SnapshotKind::Checkpoint,
        alignment: Alignment::ExactlyOnce,
        exclusive: String::new(),
        shared: None,
    };
    writer.emit(StreamElement::Barrier(barrier))?;
    let mut elements = Vec::new();
    while let Some(received) = gate.poll()? {
        elements.push(match received.element {
            StreamElement::Batch(batch) => format!("{} rows", batch.len()),
            StreamElement::Barrier(barrier) => format!("barrier {}", barrier.id),
            other => format!("{other:?}"),
        });
    }
    let expected = ["300 rows", "300 rows", "5 rows", "barrier 3", "5 rows", "barrier 3"];
    assert_eq!(elements, expected);
    Ok(())
}

#[test]
fn a_latency_marker_goes_by_one_channel_behind_the_rows_that_wait_there() -> TaskResult {
    let (mut writer, mut gate) = connect(1 << 20, None);
    for _ in 0..20 {
        // Each channel has a row that waits.
        writer.emit(StreamElement::Batch(numbers(1)))?;
        writer.emit(StreamElement::Batch(numbers(1)))?;
        let source = OperatorId::from_bytes([1; 16]);
        let marker = LatencyMarker { emitted_at: 5, source, subtask: 0 };
        writer.emit(StreamElement::LatencyMarker(marker))?;
        let mut arrived = Vec::new();
        while let Some(received) = gate.poll()? {
            arrived.push((received.channel, matches!(received.element, StreamElement::Batch(_))));
        }
        let channel = arrived[0].0;
        assert_eq!(arrived, [(channel, true), (channel, false)]);
        writer.flush()?;
        assert_eq!(take(&mut gate), [(1 - channel, 1)]);
    }
    Ok(())
}

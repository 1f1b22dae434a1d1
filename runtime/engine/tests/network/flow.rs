use std::thread;

use sciurus_core::checkpoint::{
    Alignment, CheckpointBarrier, CheckpointId, Ending, SavepointFormat, SnapshotKind,
};
use sciurus_core::element::{LatencyMarker, StreamElement, WatermarkStatus};
use sciurus_core::ids::OperatorId;
use sciurus_engine::exchange::ChannelSender;
use sciurus_engine::exchange::network::{Compression, Network, NetworkOptions};
use sciurus_engine::notify::Notifier;

use crate::helper::*;

#[test]
fn all_arrives_in_order_both_ways_and_compressed_or_not() {
    const ROWS: i64 = 30_000;
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
        let bind =
            |number| Network::bind(NetworkOptions { compression, ..options(number) }).unwrap();
        let (one, two) = (bind(1), bind(2));
        thread::scope(|scope| {
            for (from, to, source, target) in [(1, 2, &one, &two), (2, 1, &two, &one)] {
                let here = peer(from, source);
                let there = peer(to, target);
                let mut consumer =
                    Consumer::new(LIMIT).add(target, channel(u32::from(from), 0), &here);
                scope.spawn(move || consumer.take_all().unwrap());
                scope.spawn(move || {
                    let channel = channel(u32::from(from), 0);
                    Producer::new(source, channel, &there, LIMIT).send_all(ROWS, 700).unwrap();
                });
            }
        });
        let metrics = one.metrics();
        assert_eq!((metrics.connections, metrics.reconnects), (1, 0), "one for both ways");
        assert!(metrics.bytes_sent > 0 && metrics.bytes_received > 0);
        assert!(metrics.frames_sent > 0 && metrics.frames_received > 0);
    }
}

#[test]
fn what_controls_arrives_as_it_was_sent() {
    let (one, two) = (worker(1), worker(2));
    let mut consumer = Consumer::new(LIMIT).add(&two, channel(0, 0), &peer(1, &one));
    let mut producer = Producer::new(&one, channel(0, 0), &peer(2, &two), LIMIT);
    let barrier = CheckpointBarrier {
        id: CheckpointId(7),
        timestamp: -5,
        kind: SnapshotKind::Savepoint {
            format: SavepointFormat::Native,
            ending: Some(Ending::Drain),
        },
        alignment: Alignment::AtLeastOnce,
        exclusive: "file:///tmp/ch\u{e4}k/chk-7".to_owned(),
        shared: Some("file:///tmp/shared".to_owned()),
    };
    let sent = [
        StreamElement::Watermark(i64::MIN),
        StreamElement::WatermarkStatus(WatermarkStatus::Idle),
        StreamElement::WatermarkStatus(WatermarkStatus::Active),
        StreamElement::Watermark(i64::MAX),
        StreamElement::LatencyMarker(LatencyMarker {
            emitted_at: -7,
            source: OperatorId::from_bytes([9; 16]),
            subtask: u32::MAX,
        }),
        StreamElement::Barrier(barrier.clone()),
        StreamElement::EndOfInput,
        StreamElement::Barrier(barrier),
        StreamElement::EndOfPartition,
    ];
    for element in &sent {
        producer.send(element.clone()).unwrap();
    }
    for element in &sent {
        let received = consumer.poll().unwrap();
        assert_eq!(format!("{:?}", received.element), format!("{element:?}"));
    }
    assert!(consumer.gate.is_finished());
}

#[test]
fn a_consumer_that_stalls_holds_back_nobody_else_and_no_watermark() {
    const CHANNELS: u32 = 8;
    const ROWS: i64 = 20_000;
    let (one, two) = (worker(1), worker(2));
    let (from, to) = (peer(1, &one), peer(2, &two));
    let mut stalled = Consumer::new(LIMIT).add(&two, channel(0, 0), &from);
    thread::scope(|scope| {
        let blocked = scope.spawn(|| {
            let mut producer = Producer::new(&one, channel(0, 0), &to, LIMIT);
            while producer.sender.has_credit() {
                producer.send_rows(100).unwrap();
            }
            // Needs no credit.
            producer.send(StreamElement::WatermarkStatus(WatermarkStatus::Idle)).unwrap();
            producer
        });
        let mut producer = blocked.join().unwrap();
        for number in 1..CHANNELS {
            let mut consumer = Consumer::new(LIMIT).add(&two, channel(number, 0), &from);
            scope.spawn(move || consumer.take_all().unwrap());
            let (one, to) = (&one, &to);
            scope.spawn(move || {
                Producer::new(one, channel(number, 0), to, LIMIT).send_all(ROWS, 500).unwrap();
            });
        }
        // The others were done meanwhile or not: this one goes on where it was.
        scope.spawn(move || {
            eventually("the stalled gate holds what may be under way", || {
                stalled.gate.credits()[0].used() >= LIMIT
            });
            let held = stalled.gate.credits()[0].used();
            assert!(held < LIMIT + 5_000, "{held} bytes in a gate for {LIMIT}");
            stalled.take_all().unwrap();
        });
        producer.send_all(ROWS, 500).unwrap();
    });
}

#[test]
fn channels_from_this_process_and_from_another_share_a_gate() {
    let (one, two) = (worker(1), worker(2));
    let mut consumer = Consumer::new(LIMIT).add(&two, channel(0, 0), &peer(1, &one));
    let mut local = consumer.gate.add_local(Notifier::default());
    consumer.next.push(0);
    let batch = rows(0, 10);
    let bytes = batch.bytes();
    local.send(StreamElement::Batch(batch), bytes).unwrap();
    local.send(StreamElement::EndOfInput, 0).unwrap();
    local.send(StreamElement::EndOfPartition, 0).unwrap();
    let mut producer = Producer::new(&one, channel(0, 0), &peer(2, &two), LIMIT);
    producer.send_all(10, 10).unwrap();
    consumer.take_all().unwrap();
    assert_eq!(consumer.next, [10, 10]);
}

#[test]
fn a_batch_larger_than_the_limit_gets_through() {
    let (one, two) = (worker(1), worker(2));
    let mut consumer = Consumer::new(10).add(&two, channel(0, 0), &peer(1, &one));
    let to = peer(2, &two);
    thread::scope(|scope| {
        scope.spawn(|| {
            Producer::new(&one, channel(0, 0), &to, 10).send_all(100_000, 20_000).unwrap();
        });
        consumer.take_all().unwrap();
    });
}

#[test]
fn frames_are_not_kept_for_longer_than_it_takes_to_acknowledge_them() {
    let (one, two) = (worker(1), worker(2));
    let mut consumer = Consumer::new(LIMIT).add(&two, channel(0, 0), &peer(1, &one));
    let mut producer = Producer::new(&one, channel(0, 0), &peer(2, &two), LIMIT);
    let batch = rows(0, 1_000);
    let weak = {
        let numbers = batch.records().column(0).clone();
        std::sync::Arc::downgrade(&numbers)
    };
    let bytes = batch.bytes();
    producer.sender.send(StreamElement::Batch(batch), bytes).unwrap();
    consumer.take().unwrap();
    eventually("the batch is dropped", || weak.strong_count() == 0);
}

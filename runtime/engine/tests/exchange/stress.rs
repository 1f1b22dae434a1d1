//! A wake-up that gets lost costs a thread its longest wait. Many hand-overs in less than that show
//! that none does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use sciurus_core::element::StreamElement;
use sciurus_core::{Batch, Columns};
use sciurus_engine::exchange::{ChannelSender, InputGate};
use sciurus_engine::metrics::TaskMetrics;
use sciurus_engine::notify::Notifier;
use sciurus_engine::task::TaskControl;

/// A wait that is as long as forever: a test that gets there fails.
const FOREVER: Duration = Duration::from_secs(30);

#[test]
fn no_notification_is_lost() {
    const TURNS: u64 = 20_000;
    let start = Instant::now();
    let (ping, pong) = (Notifier::default(), Notifier::default());
    let turn = Arc::new(AtomicU64::new(0));
    let other = thread::spawn({
        let (ping, pong, turn) = (ping.clone(), pong.clone(), turn.clone());
        move || {
            pong.attach();
            for expected in (1..TURNS).step_by(2) {
                while turn.load(Ordering::Acquire) != expected {
                    pong.wait(FOREVER);
                }
                turn.store(expected + 1, Ordering::Release);
                ping.notify();
            }
        }
    });
    ping.attach();
    for expected in (0..TURNS).step_by(2) {
        while turn.load(Ordering::Acquire) != expected {
            ping.wait(FOREVER);
        }
        turn.store(expected + 1, Ordering::Release);
        pong.notify();
    }
    other.join().unwrap();
    assert!(start.elapsed() < FOREVER, "a thread has slept through its wake-up");
}

fn row(number: i64) -> Batch {
    let schema = Schema::new(vec![Field::new("number", DataType::Int64, false)]);
    let column: ArrayRef = Arc::new(Int64Array::from(vec![number]));
    Batch::new(RecordBatch::try_new(Arc::new(schema), vec![column]).unwrap())
}

fn number(batch: &Batch) -> i64 {
    batch.columns::<i64>().unwrap().get(0)
}

#[test]
fn all_arrives_in_order_through_the_narrowest_channels() {
    const PRODUCERS: usize = 3;
    const ROWS: i64 = 3_000;
    let start = Instant::now();
    // One batch fills a channel; two fill the last one's.
    for limit in [1, 2] {
        let controls: Vec<_> =
            (0..PRODUCERS).map(|_| Arc::new(TaskControl::new(Notifier::default()))).collect();
        let notifiers: Vec<_> = controls.iter().map(|control| control.notifier().clone()).collect();
        let consumer = Notifier::default();
        let (mut gate, senders) = InputGate::new(consumer.clone(), &notifiers, limit);
        let producers: Vec<_> = senders
            .into_iter()
            .zip(controls)
            .map(|(mut sender, control)| {
                thread::spawn(move || {
                    control.notifier().attach();
                    let metrics = TaskMetrics::default();
                    for n in 0..ROWS {
                        control.wait_for_room(&metrics, || sender.has_credit()).unwrap();
                        sender.send(StreamElement::Batch(row(n)), 1).unwrap();
                        if n % 7 == 0 {
                            sender.send(StreamElement::Watermark(n), 0).unwrap();
                        }
                    }
                    sender.send(StreamElement::EndOfInput, 0).unwrap();
                    sender.send(StreamElement::EndOfPartition, 0).unwrap();
                })
            })
            .collect();
        consumer.attach();
        let mut next = [0; PRODUCERS];
        while !gate.is_finished() {
            let Some(received) = gate.poll().unwrap() else {
                consumer.wait(FOREVER);
                continue;
            };
            let next = &mut next[received.channel];
            match received.element {
                StreamElement::Batch(batch) => {
                    assert_eq!(number(&batch), *next);
                    *next += 1;
                }
                StreamElement::Watermark(watermark) => assert_eq!(watermark, *next - 1),
                _ => assert_eq!(*next, ROWS),
            }
        }
        assert_eq!(next, [ROWS; PRODUCERS]);
        assert!(gate.credits().iter().all(|credit| credit.used() == 0));
        for producer in producers {
            producer.join().unwrap();
        }
    }
    assert!(start.elapsed() < FOREVER, "a thread has slept through its wake-up");
}

#[test]
fn a_producer_that_waits_hears_that_its_consumer_is_gone_or_that_it_is_cancelled() {
    for cancel in [true, false] {
        let control = Arc::new(TaskControl::new(Notifier::default()));
        let producer = [control.notifier().clone()];
        let (gate, mut senders) = InputGate::new(Notifier::default(), &producer, 1);
        let mut sender = senders.remove(0);
        sender.send(StreamElement::Batch(row(1)), 1).unwrap();
        let waiting = thread::spawn({
            let control = control.clone();
            move || {
                control.notifier().attach();
                let metrics = TaskMetrics::default();
                control.wait_for_room(&metrics, || sender.has_credit())?;
                sender.send(StreamElement::Batch(row(2)), 1)
            }
        });
        if cancel {
            control.cancel();
        } else {
            drop(gate);
        }
        let error = waiting.join().unwrap().unwrap_err().to_string();
        let expected =
            if cancel { "the task was cancelled" } else { "the consumer of the exchange is gone" };
        assert_eq!(error, expected);
    }
}

#[test]
fn waiting_for_room_uses_up_no_other_notification() {
    let control = Arc::new(TaskControl::new(Notifier::default()));
    control.notifier().attach();
    let start = Instant::now();
    let metrics = TaskMetrics::default();
    let room = thread::spawn({
        let control = control.clone();
        move || {
            thread::sleep(Duration::from_millis(5));
            // One notification for both: mail, and room.
            control.notifier().notify();
        }
    });
    let is_room = || start.elapsed() > Duration::from_millis(5);
    control.wait_for_room(&metrics, is_room).unwrap();
    control.notifier().wait(FOREVER);
    assert!(start.elapsed() < FOREVER, "the notification was used up");
    room.join().unwrap();
}

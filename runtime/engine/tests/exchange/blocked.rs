//! Channels of which nothing is taken for now, as while barriers are aligned.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use proptest::prelude::*;
use sciurus_core::element::StreamElement;
use sciurus_core::{Batch, Columns};
use sciurus_engine::exchange::{ChannelSender, InputGate, LocalChannel};
use sciurus_engine::notify::Notifier;

const CHANNELS: usize = 3;

fn row(number: i64) -> StreamElement {
    let schema = Schema::new(vec![Field::new("number", DataType::Int64, false)]);
    let column: ArrayRef = Arc::new(Int64Array::from(vec![number]));
    let records = RecordBatch::try_new(Arc::new(schema), vec![column]).unwrap();
    StreamElement::Batch(Batch::new(records))
}

fn gate(limit: usize) -> (InputGate, Vec<LocalChannel>) {
    let producers = vec![Notifier::default(); CHANNELS];
    InputGate::new(Notifier::default(), &producers, limit)
}

/// Takes the next row, with its channel.
fn take(gate: &mut InputGate) -> Option<(usize, i64)> {
    let received = gate.poll().unwrap()?;
    let StreamElement::Batch(batch) = received.element else { return None };
    Some((received.channel, batch.columns::<i64>().unwrap().get(0)))
}

#[test]
fn what_comes_by_a_blocked_channel_stays_and_holds_its_producer_back_alone() {
    let (mut gate, mut senders) = gate(2);
    gate.block(1);
    for sender in &mut senders {
        sender.send(row(7), 2).unwrap();
    }
    assert_eq!(take(&mut gate), Some((0, 7)));
    assert_eq!(take(&mut gate), Some((2, 7)));
    assert_eq!(take(&mut gate), None);
    let have_credit: Vec<bool> = senders.iter().map(ChannelSender::has_credit).collect();
    assert_eq!(have_credit, [true, false, true]);
    gate.unblock();
    assert_eq!(take(&mut gate), Some((1, 7)));
    assert!(senders[1].has_credit());
}

proptest! {
    /// Whatever is blocked, and when: each channel's rows come in order, none is lost, and none
    /// comes by a channel while it is blocked.
    #[test]
    fn each_channel_stays_in_order(
        steps in prop::collection::vec((0_u8..10, 0..CHANNELS), 1..200),
    ) {
        let (mut gate, mut senders) = gate(usize::MAX);
        let (mut sent, mut taken) = ([0; CHANNELS], [0; CHANNELS]);
        let mut blocked = [false; CHANNELS];
        for (step, channel) in steps {
            match step {
                0 => {
                    gate.block(channel);
                    blocked[channel] = true;
                }
                1 => {
                    gate.unblock();
                    blocked = [false; CHANNELS];
                }
                2..=5 => {
                    senders[channel].send(row(sent[channel]), 1).unwrap();
                    sent[channel] += 1;
                }
                _ => match take(&mut gate) {
                    Some((channel, number)) => {
                        prop_assert!(!blocked[channel]);
                        prop_assert_eq!(number, taken[channel]);
                        taken[channel] += 1;
                    }
                    None => for channel in 0..CHANNELS {
                        prop_assert!(blocked[channel] || taken[channel] == sent[channel]);
                    }
                },
            }
        }
        gate.unblock();
        while let Some((channel, number)) = take(&mut gate) {
            prop_assert_eq!(number, taken[channel]);
            taken[channel] += 1;
        }
        prop_assert_eq!(taken, sent);
    }
}

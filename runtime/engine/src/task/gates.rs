//! The inputs of a task: its gates, one a input of its first operator, read in turn.

use sciurus_core::element::{StreamElement, WatermarkStatus};

use super::align::Aligner;
use crate::error::TaskResult;
use crate::exchange::{InputGate, Received};
use crate::watermark::valve::WatermarkValve;

/// The gates of a task.
pub(super) struct Gates {
    gates: Vec<Gate>,
    /// The gate that is read next.
    next: usize,
}

struct Gate {
    input: usize,
    gate: InputGate,
    valve: WatermarkValve,
    /// The number of its first channel among the channels of all gates.
    first: usize,
}

/// What has come.
pub(super) struct Arrived {
    /// The input of the task's first operator.
    pub(super) input: usize,
    /// The channel, counted over all gates.
    pub(super) channel: usize,
    /// How many bytes it takes, 0 for anything but rows.
    pub(super) bytes: usize,
    /// What it is.
    pub(super) element: StreamElement,
    /// The place of the gate, for [`Gates::combine`].
    gate: usize,
}

impl Gates {
    pub(super) fn new(gates: Vec<(usize, InputGate)>) -> Self {
        let mut first = 0;
        let gates = gates.into_iter().map(|(input, gate)| {
            let channels = gate.channels();
            let gate = Gate { input, gate, valve: WatermarkValve::new(channels), first };
            first += channels;
            gate
        });
        Self { gates: gates.collect(), next: 0 }
    }

    /// Returns the number of channels of all gates.
    pub(super) fn channels(&self) -> usize {
        self.gates.iter().map(|gate| gate.gate.channels()).sum()
    }

    /// Takes the next element, where one is there, of the gates in turn.
    pub(super) fn poll(&mut self) -> TaskResult<Option<Arrived>> {
        let gates = self.gates.len();
        for turn in 0..gates {
            let place = (self.next + turn) % gates;
            let Gate { input, gate, first, .. } = &mut self.gates[place];
            let Some(Received { channel, bytes, element }) = gate.poll()? else { continue };
            self.next = (place + 1) % gates;
            let channel = *first + channel;
            return Ok(Some(Arrived { input: *input, channel, bytes, element, gate: place }));
        }
        Ok(None)
    }

    /// Combines what a channel says with what the other channels of its gate say into what the input
    /// says, in order.
    pub(super) fn combine(&mut self, arrived: Arrived) -> [Option<StreamElement>; 3] {
        let Gate { gate, valve, first, .. } = &mut self.gates[arrived.gate];
        let channel = arrived.channel - *first;
        let (change, last) = match arrived.element {
            element @ (StreamElement::Batch(_) | StreamElement::LatencyMarker(_)) => {
                return [Some(element), None, None];
            }
            StreamElement::Watermark(watermark) => (valve.on_watermark(channel, watermark), None),
            StreamElement::WatermarkStatus(status) => (valve.on_status(channel, status), None),
            // These concern the task, and no operator.
            StreamElement::Barrier(_) | StreamElement::EndOfPartition => return [None, None, None],
            StreamElement::EndOfInput => {
                let is_end = gate.has_ended().then_some(StreamElement::EndOfInput);
                (valve.on_end(channel), is_end)
            }
        };
        let watermark = change.watermark.map(StreamElement::Watermark);
        let status = change.status.map(StreamElement::WatermarkStatus);
        if change.status == Some(WatermarkStatus::Active) {
            [status, watermark, last]
        } else {
            [watermark, status, last]
        }
    }

    /// Holds back the channels that the aligner says; `is_over` where it may have let some go.
    pub(super) fn hold_back(&mut self, aligner: &Aligner, is_over: bool) {
        for Gate { gate, first, .. } in &mut self.gates {
            if is_over {
                gate.unblock();
            }
            if aligner.is_blocking() {
                let blocked = (0..gate.channels()).filter(|at| aligner.is_blocked(*first + at));
                blocked.for_each(|channel| gate.block(channel));
            }
        }
    }

    /// Returns whether the data of all channels has ended and was taken.
    pub(super) fn have_ended(&self) -> bool {
        self.gates.iter().all(|gate| gate.gate.has_ended())
    }

    /// Returns whether all channels are closed.
    pub(super) fn are_finished(&self) -> bool {
        self.gates.iter().all(|gate| gate.gate.is_finished())
    }
}

//! Makes events of addresses that follow the state machine, nearly always.

use std::collections::VecDeque;
use std::ops::Range;

use fastrand::Rng;
use sciurus::prelude::*;

use super::Event;
use super::dfa::{EventType, State};

/// How many addresses are under way at once, at the most.
const MAX_ADDRESSES: f64 = 1000.0;

/// How far from the front of the queue the next address may be.
const REACH: usize = 20;

/// Makes an event of each number that it is given: of a random one of the addresses under way, or
/// of a new one. An address is forgotten when it has reached the terminal state.
#[derive(Debug, Clone)]
pub struct EventsGenerator {
    error_rate: f64,
    seed: u64,
    random: Rng,
    addresses: Range<u32>,
    under_way: VecDeque<(u32, State)>,
}

impl EventsGenerator {
    /// Makes a generator. With the probability `error_rate` an event is one that mustn't happen.
    pub fn new(error_rate: f64, seed: u64) -> Self {
        let random = Rng::with_seed(seed);
        Self { error_rate, seed, random, addresses: 0..1, under_way: VecDeque::new() }
    }

    fn next_event(&mut self) -> (u32, EventType) {
        let p = self.random.f64();
        let (address, state) = if p * MAX_ADDRESSES >= self.under_way.len() as f64 {
            (self.new_address(), State::Initial)
        } else {
            let place = self.random.usize(..self.under_way.len()).min(REACH);
            let removed = self.under_way.remove(place);
            removed.unwrap_or((self.addresses.start, State::Initial))
        };
        if state != State::Initial && p < self.error_rate {
            // Whoever breaks the rules isn't heard of again.
            return (address, state.random_invalid_event(&mut self.random));
        }
        let event = state.random_event(&mut self.random).unwrap_or(EventType::G);
        match state.transition(event) {
            None | Some(State::Terminal) => {}
            Some(next) => self.under_way.push_back((address, next)),
        }
        (address, event)
    }

    fn new_address(&mut self) -> u32 {
        loop {
            let address = self.random.u32(self.addresses.clone());
            if self.under_way.iter().all(|(known, _)| *known != address) {
                return address;
            }
        }
    }
}

impl ProcessFunction for EventsGenerator {
    type In = i64;
    type Out = Event;

    fn open(&mut self, ctx: &mut RuntimeContext<'_>) -> Result<(), BoxError> {
        // Each subtask has addresses of its own, so that those of others don't get in their way.
        let subtask = ctx.task_info();
        let share = (1 << 31) / subtask.parallelism;
        self.addresses = share * subtask.index..share * (subtask.index + 1);
        self.random = Rng::with_seed(self.seed.wrapping_add(u64::from(subtask.index)));
        Ok(())
    }

    fn process_element(
        &mut self,
        _: i64,
        _: &mut Context<'_>,
        out: &mut Collector<'_, Event>,
    ) -> Result<(), BoxError> {
        let (source_address, event_type) = self.next_event();
        out.collect_owned(&Event { source_address, event_type: event_type as u8 });
        Ok(())
    }
}

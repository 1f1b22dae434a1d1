//! Checks that events follow the rules of a state machine, as Flink's `StateMachineExample` does.

mod dfa;
mod generator;

use std::net::Ipv4Addr;

use sciurus::prelude::*;

use crate::Error;
use crate::execution::Execution;
use crate::output::Output;
use crate::report::Unit;
use dfa::{EventType, State};
use generator::EventsGenerator;

/// What progress is counted in.
const EVENTS: Unit = Unit { operator: "events", records: "events" };

/// Something that happened at an address.
#[derive(Debug, Clone, Record)]
pub struct Event {
    /// The address, of IP version 4.
    pub source_address: u32,
    /// The number of the [`EventType`].
    pub event_type: u8,
}

/// Follows the state machine of each address.
#[derive(Debug, Clone)]
struct StateMachine {
    /// The number of the [`State`]; none where it is the initial one.
    state: ValueState<u8>,
    /// Rules broken, for whoever watches the job's metrics.
    alerts: UserCounter,
    /// Events a second.
    events: UserMeter,
}

impl KeyedProcessFunction for StateMachine {
    type Key = u32;
    type In = Event;
    type Out = String;

    fn open(&mut self, ctx: &mut KeyedRuntimeContext<'_>) -> Result<(), BoxError> {
        ctx.metrics().counter("alerts", &self.alerts).meter("eventRate", &self.events);
        Ok(ctx.register(&mut self.state)?)
    }

    fn process_element(
        &mut self,
        event: EventView<'_>,
        ctx: &mut KeyedContext<'_, u32>,
        out: &mut Collector<'_, String>,
    ) -> Result<(), BoxError> {
        self.events.mark(1);
        let state = self.state.value(ctx)?.map_or(State::Initial, State::of_number);
        let event_type = EventType::of_number(event.event_type);
        match state.transition(event_type) {
            None => {
                self.alerts.add(1);
                let address = Ipv4Addr::from(event.source_address);
                out.collect(&format!("ALERT {address} : {state:?} -> {}", event_type.letter()));
            }
            Some(State::Terminal) => self.state.clear(ctx)?,
            Some(next) => self.state.update(ctx, next as u8)?,
        }
        Ok(())
    }
}

/// Finds addresses whose events break the rules of a state machine
///
/// Each rule broken is an alert: `ALERT 192.0.2.7 : X -> e`. Events are made up, mostly valid ones.
#[derive(Debug, clap::Args)]
pub struct StateMachineExample {
    /// The probability of an event that breaks the rules
    #[arg(long, value_name = "PROBABILITY", default_value = "0", value_parser = probability)]
    error_rate: f64,

    /// How long to wait between two events of a subtask; 0: not at all
    #[arg(long, value_name = "MILLISECONDS", default_value = "1")]
    sleep: u32,

    /// How many events all subtasks make a second [default: by --sleep]
    #[arg(long, value_name = "EVENTS", value_parser = clap::value_parser!(u32).range(1..))]
    rps: Option<u32>,

    /// Ends after so many events [default: never]
    #[arg(long, value_name = "EVENTS")]
    count: Option<u64>,

    /// Makes up the same events each time that it is the same [default: a random one]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

    #[command(flatten)]
    output: Output,

    #[command(flatten)]
    execution: Execution,
}

impl StateMachineExample {
    /// Describes the job and executes it.
    ///
    /// # Errors
    /// [`Error`] where the job can't run or fails.
    pub fn run(&self) -> Result<(), Error> {
        let env = self.execution.environment()?;
        let seed = self.seed.unwrap_or_else(|| fastrand::u64(..));

        let mut numbers = DataGeneratorSource::new(|number| number as i64);
        if let Some(count) = self.count {
            numbers = numbers.count(count);
        }
        if let Some(rate) = self.rows_per_second(env.parallelism()?) {
            numbers = numbers.rows_per_second(rate);
        }
        let numbers = env.from_source(numbers, WatermarkStrategy::no_watermarks(), "numbers");
        let alerts = numbers
            .uid("numbers")
            .process(EventsGenerator::new(self.error_rate, seed))
            .name("events")
            .uid("events")
            // Each address has a state machine of its own.
            .key_by(Event::SOURCE_ADDRESS)
            .process(StateMachine {
                state: ValueState::new("state"),
                alerts: UserCounter::new(),
                events: UserMeter::new(),
            })
            .name("state-machine")
            .uid("state-machine");
        self.output.write(&alerts);

        let statistics =
            self.execution.run(&env, "State machine job", EVENTS, self.output.prints())?;
        self.execution.say(&statistics);
        Ok(())
    }

    fn rows_per_second(&self, parallelism: u32) -> Option<f64> {
        let by_sleep = 1000.0 / f64::from(self.sleep) * f64::from(parallelism);
        Some(self.rps.map_or(by_sleep, f64::from)).filter(|rate| rate.is_finite())
    }
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(probability) if (0.0..=1.0).contains(&probability) => Ok(probability),
        _ => Err("it is not a number from 0 to 1".to_owned()),
    }
}

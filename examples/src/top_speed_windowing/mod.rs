//! Finds the top speed of each car, as Flink's `TopSpeedWindowing` does.

mod cars;
mod windows;

use std::path::PathBuf;

use sciurus::prelude::*;

use crate::Error;
use crate::execution::Execution;
use crate::output::Output;
use crate::report::Unit;
use windows::{EveryMeters, TopSpeedOfLast};

/// What progress is counted in.
const CARS: Unit = Unit { operator: "cars", records: "records" };

/// How far a car goes until its top speed is told again.
const TRIGGER_METERS: f64 = 50.0;

/// How long a speed is remembered, milliseconds.
const EVICTION_MS: Timestamp = 10_000;

/// How long made-up cars go, seconds.
const MADE_UP_SECONDS: u32 = 100;

/// Tells every 50 metres the top speed of each car in the last ten seconds
///
/// What cars tell, and what is told of them, is `(car,speed,distance,time)` in km/h, metres and
/// milliseconds since the Unix epoch.
#[derive(Debug, clap::Args)]
pub struct TopSpeedWindowing {
    /// Files, folders or patterns of what cars tell, one a line [default: made-up cars]
    #[arg(long, value_name = "FILE", num_args = 1..)]
    input: Vec<PathBuf>,

    /// Makes up the same cars each time that it is the same [default: a random one]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

    #[command(flatten)]
    output: Output,

    #[command(flatten)]
    execution: Execution,
}

impl TopSpeedWindowing {
    /// Describes the job and executes it.
    ///
    /// # Errors
    /// [`Error`] where the job can't run or fails.
    pub fn run(&self) -> Result<(), Error> {
        let env = self.execution.environment()?;

        let cars = match self.input.as_slice() {
            [] => {
                let seed = self.seed.unwrap_or_else(|| fastrand::u64(..));
                env.from_iter(cars::made_up(MADE_UP_SECONDS, seed))
            }
            files => {
                let source = FileSource::text(files);
                env.from_source(source, WatermarkStrategy::no_watermarks(), "file-input")
                    // One reader: what a car tells is to stay in order.
                    .set_parallelism(1)
                    .uid("input")
                    .try_map(cars::parse)
                    .set_parallelism(1)
            }
        };
        let top_speeds = cars
            .name("cars")
            .uid("cars")
            .key_by(F0)
            .window(GlobalWindows::create())
            .trigger(EveryMeters(TRIGGER_METERS))
            .aggregate(TopSpeedOfLast(EVICTION_MS))
            .name("top-speed")
            .uid("top-speed");
        self.output.write(&top_speeds);

        let prints = self.output.prints();
        let statistics = self.execution.run(&env, "CarTopSpeedWindowingExample", CARS, prints)?;
        self.execution.say(&statistics);
        Ok(())
    }
}

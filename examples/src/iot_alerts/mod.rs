//! Watches temperature sensors: alerts those that are hot for too long, and those that fall silent.

mod reading;
mod watchdog;

use std::path::PathBuf;
use std::time::Duration;

use sciurus::prelude::*;

use crate::Error;
use crate::execution::Execution;
use crate::output::Output;
use crate::report::Unit;
use reading::Reading;
use watchdog::{Rules, Watchdog};

/// What progress is counted in.
const READINGS: Unit = Unit { operator: "readings", records: "readings" };

/// How much later than a younger one a reading may come.
const LATENESS: Duration = Duration::from_secs(2);

/// Watches temperature sensors, and alerts when one is hot or silent for too long
///
/// Time is that of the readings, so that a day of them is replayed in a moment. At the end of the
/// input all sensors have fallen silent.
#[derive(Debug, clap::Args)]
pub struct IotAlerts {
    /// Files, folders or patterns of readings [default: made-up ones]: JSON lines with `sensor`,
    /// `time` (ISO 8601) and `celsius`, or CSV, if they end in .csv, with these names in a header
    #[arg(long, value_name = "FILE", num_args = 1..)]
    input: Vec<PathBuf>,

    /// Skips and counts malformed readings, instead of failing
    #[arg(long)]
    skip_malformed: bool,

    /// Above which temperature it is hot
    #[arg(long, value_name = "CELSIUS", default_value = "80")]
    hot: f64,

    /// How long it has to be hot
    #[arg(long, value_name = "SECONDS", default_value = "10")]
    hot_for: u32,

    /// How long a sensor may be silent
    #[arg(long, value_name = "SECONDS", default_value = "15")]
    silent_for: u32,

    #[command(flatten)]
    output: Output,

    #[command(flatten)]
    execution: Execution,
}

impl IotAlerts {
    /// Describes the job and executes it.
    ///
    /// # Errors
    /// [`Error`] where the job can't run or fails.
    pub fn run(&self) -> Result<(), Error> {
        let env = self.execution.environment()?;
        let rules = Rules {
            hot_celsius: self.hot,
            hot_for: Timestamp::from(self.hot_for) * 1000,
            silent_for: Timestamp::from(self.silent_for) * 1000,
        };

        // Event time: what the sensor's clock said when it was read.
        let watermarks = WatermarkStrategy::<Reading>::for_bounded_out_of_orderness(LATENESS)
            .with_timestamp_assigner(|reading, _| reading.time.timestamp_millis());
        let readings = self.readings(&env, watermarks);
        let alerts = readings
            .uid("readings")
            // One reader: a sensor's readings are to come in order.
            .set_parallelism(1)
            .key_by(Reading::SENSOR)
            .process(Watchdog::new(rules))
            .name("watchdog")
            .uid("watchdog");
        self.output.write(&alerts);

        let statistics = self.execution.run(&env, "IotAlerts", READINGS, self.output.prints())?;
        self.execution.say(&statistics);
        Ok(())
    }

    fn readings(
        &self,
        env: &StreamExecutionEnvironment,
        watermarks: WatermarkStrategy<Reading>,
    ) -> SingleOutputStreamOperator<Reading> {
        let files = self.input.as_slice();
        let is_csv = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "csv");
        match (files.iter().all(is_csv), self.skip_malformed) {
            _ if files.is_empty() => {
                env.from_source(IteratorSource::new(reading::made_up(300)), watermarks, "readings")
            }
            (true, skip) => {
                let source = CsvSource::new(files).with_header();
                let source = if skip { source.skip_malformed() } else { source };
                env.from_source(source, watermarks, "readings")
            }
            (false, skip) => {
                let source = JsonLinesSource::new(files);
                let source = if skip { source.skip_malformed() } else { source };
                env.from_source(source, watermarks, "readings")
            }
        }
    }
}

//! What each of many devices sent last: a job with as much state as is wanted.

use sciurus::prelude::*;

use crate::Error;
use crate::execution::Execution;
use crate::report::Unit;

/// What progress is counted in.
const MESSAGES: Unit = Unit { operator: "messages", records: "messages" };

/// Remembers what each of many devices sent last, and writes nothing
///
/// The devices take turns, so that after as many messages as there are devices all of them are
/// known. What is kept of each takes some 20 bytes more than its message.
#[derive(Debug, clap::Args)]
pub struct LastSeen {
    /// Ends after so many messages [default: never]
    #[arg(long, value_name = "MESSAGES")]
    count: Option<u64>,

    /// How many messages all readers make a second [default: as many as they can]
    #[arg(long, value_name = "MESSAGES", value_parser = clap::value_parser!(u32).range(1..))]
    rps: Option<u32>,

    /// How many devices there are
    #[arg(long, value_name = "DEVICES", default_value = "100000")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    devices: u64,

    /// How long a message is
    #[arg(long, value_name = "BYTES", default_value = "100")]
    #[arg(value_parser = clap::value_parser!(u32).range(..=1 << 20))]
    bytes: u32,

    #[command(flatten)]
    execution: Execution,
}

impl LastSeen {
    /// Describes the job and executes it.
    ///
    /// # Errors
    /// [`Error`] where the job can't run or fails.
    pub fn run(&self) -> Result<(), Error> {
        let env = self.execution.environment()?;

        let (devices, bytes) = (self.devices, self.bytes as usize);
        let mut source = DataGeneratorSource::new(move |number| {
            ((number % devices) as i64, format!("{number:0bytes$}"))
        });
        if let Some(count) = self.count {
            source = source.count(count);
        }
        if let Some(rate) = self.rps {
            source = source.rows_per_second(f64::from(rate));
        }
        env.from_source(source, WatermarkStrategy::no_watermarks(), "messages")
            .uid("messages")
            .key_by(F0)
            .reduce(|seen, (_, message)| {
                seen.1.clear();
                seen.1.push_str(message);
            })
            .name("last seen")
            .uid("last-seen")
            .sink_to(DiscardingSink)
            .name("nowhere")
            .uid("nowhere");
        let statistics = self.execution.run(&env, "Last seen", MESSAGES, false)?;
        self.execution.say(&statistics);
        Ok(())
    }
}

//! Bills clicks on advertisements: a job whose result must be right whatever happens to it.

mod click;
mod invoices;

use std::path::PathBuf;
use std::time::Duration;

use sciurus::prelude::*;

use crate::Error;
use crate::execution::Execution;
use crate::report::Unit;
use click::Click;
use invoices::Invoices;

/// What progress is counted in.
const CLICKS: Unit = Unit { operator: "clicks", records: "clicks" };

/// How long the clicks on a campaign are added up.
const WINDOW: Duration = Duration::from_secs(10);

/// Bills clicks on advertisements: each user by the minute, each campaign by ten seconds
///
/// The clicks are made up, the same each time. Time is theirs, 10 ms from one to the next of a
/// reader, so that hours of them are billed in a moment. What is written is `user,minute,number,clicks,cents` in DIR/users and `campaign,cents` in DIR/campaigns. With
/// checkpoints (execution.checkpointing.interval) no click is billed twice or lost, whatever fails.
#[derive(Debug, clap::Args)]
pub struct Billing {
    /// Ends after so many clicks [default: never]
    #[arg(long, value_name = "CLICKS")]
    count: Option<u64>,

    /// How many clicks all readers make a second [default: as many as they can]
    #[arg(long, value_name = "CLICKS", value_parser = clap::value_parser!(u32).range(1..))]
    rps: Option<u32>,

    /// How many users click
    #[arg(long, value_name = "USERS", default_value = "1000")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    users: u64,

    /// The folder that the bills are written to [default: they are printed]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,

    #[command(flatten)]
    execution: Execution,
}

impl Billing {
    /// Describes the job and executes it.
    ///
    /// # Errors
    /// [`Error`] where the job can't run or fails.
    pub fn run(&self) -> Result<(), Error> {
        let env = self.execution.environment()?;

        let users = self.users;
        let mut source = DataGeneratorSource::new(move |number| Click::of_number(number, users));
        if let Some(count) = self.count {
            source = source.count(count);
        }
        if let Some(rate) = self.rps {
            source = source.rows_per_second(f64::from(rate));
        }
        let watermarks = WatermarkStrategy::for_monotonous_timestamps()
            .with_timestamp_assigner(|click: click::ClickView<'_>, _| click.time);
        let clicks = env.from_source(source, watermarks, "clicks").uid("clicks");

        let invoices = clicks
            .key_by(Click::USER)
            .process(Invoices::default())
            .name("invoices")
            .uid("invoices");
        let campaigns = clicks
            .map(|click| (i64::from(click.campaign), click.cents))
            .uid("costs")
            .key_by(F0)
            .window(TumblingEventTimeWindows::of(WINDOW))
            .sum(F1)
            .name("campaigns")
            .uid("campaigns");
        if let Some(folder) = &self.output {
            let sink = FileSink::csv(folder.join("users"));
            invoices.sink_to(sink).name("users-sink").uid("users-sink");
            let sink = FileSink::csv(folder.join("campaigns"));
            campaigns.sink_to(sink).name("campaigns-sink").uid("campaigns-sink");
        } else {
            invoices.print().name("users-sink").uid("users-sink");
            campaigns.print().name("campaigns-sink").uid("campaigns-sink");
        }
        let prints = self.output.is_none();
        let statistics = self.execution.run(&env, "Billing", CLICKS, prints)?;
        self.execution.say(&statistics);
        Ok(())
    }
}

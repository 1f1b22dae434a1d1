//! Counts clicks by session, as Flink's `SessionWindowing` does.

use std::time::Duration;

use sciurus::prelude::*;

use crate::Error;
use crate::execution::Execution;
use crate::output::Output;
use crate::report::Unit;

/// What progress is counted in.
const CLICKS: Unit = Unit { operator: "clicks", records: "clicks" };

/// Who clicks, when (milliseconds), and how often.
type Click = (String, Timestamp, i32);

/// How long it takes until a session has ended.
const GAP: Duration = Duration::from_millis(3);

/// Counts clicks by session: a user's session ends when they haven't clicked for 3 ms
///
/// The clicks are a handful that are built in. Each session is told as `(user,start,clicks)`, as
/// soon as it has ended.
#[derive(Debug, clap::Args)]
pub struct SessionWindowing {
    #[command(flatten)]
    output: Output,

    #[command(flatten)]
    execution: Execution,
}

/// Says after each click that none of an earlier time follows.
struct AfterEachClick;

impl WatermarkGenerator<Click> for AfterEachClick {
    fn on_event(&mut self, _: (&str, Timestamp, i32), time: Timestamp, out: &mut WatermarkOutput) {
        out.emit_watermark(time - 1);
    }

    fn on_periodic_emit(&mut self, _: &mut WatermarkOutput) {}
}

impl SessionWindowing {
    /// Describes the job and executes it.
    ///
    /// # Errors
    /// [`Error`] where the job can't run or fails.
    pub fn run(&self) -> Result<(), Error> {
        let env = self.execution.environment_of(1)?;

        let clicks = [("a", 1), ("b", 1), ("b", 3), ("b", 5), ("c", 6), ("a", 10), ("c", 11)];
        let clicks = clicks.map(|(user, time)| (user.to_owned(), time, 1));
        let watermarks = WatermarkStrategy::for_generator(|| AfterEachClick)
            .with_timestamp_assigner(|(_, time, _), _| time);
        let sessions = env
            .from_source(CollectionSource::new(clicks), watermarks, "clicks")
            .uid("clicks")
            // One reader: the clicks are in the order of time.
            .set_parallelism(1)
            .key_by(F0)
            .window(EventTimeSessionWindows::with_gap(GAP))
            .sum(F2)
            .name("sessions")
            .uid("sessions");
        self.output.write(&sessions);

        let statistics =
            self.execution.run(&env, "Session Windowing", CLICKS, self.output.prints())?;
        self.execution.say(&statistics);
        Ok(())
    }
}

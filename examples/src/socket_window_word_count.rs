//! Counts words that arrive over a connection, as Flink's `SocketWindowWordCount` does.

use std::time::Duration;

use sciurus::prelude::*;

use crate::Error;
use crate::execution::Execution;
use crate::report::Unit;

/// What progress is counted in.
const WORDS: Unit = Unit { operator: "words", records: "words" };

/// Counts the words that a text server sends, every five seconds anew
///
/// Start a server and type into it, for instance `nc -lk 9999`; then connect to it with
/// `--port 9999`. At the end of each window there is a line `word : count` for each of its words.
/// The job ends when the server closes the connection.
#[derive(Debug, clap::Args)]
pub struct SocketWindowWordCount {
    /// The text server's name or address
    #[arg(long, value_name = "HOST", default_value = "localhost")]
    hostname: String,

    /// The text server's port
    #[arg(long)]
    port: u16,

    /// How long a window is
    #[arg(long, value_name = "SECONDS", default_value = "5")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    window: u64,

    #[command(flatten)]
    execution: Execution,
}

impl SocketWindowWordCount {
    /// Describes the job and executes it.
    ///
    /// # Errors
    /// [`Error`] where the job can't run or fails.
    pub fn run(&self) -> Result<(), Error> {
        let env = self.execution.environment()?;

        let source = SocketSource::new(self.hostname.as_str(), self.port);
        let lines = env.from_source(source, WatermarkStrategy::no_watermarks(), "socket");
        let counts = lines
            .uid("socket")
            .flat_map::<(String, i64)>(|line, out| {
                for word in line.split_whitespace() {
                    out.collect((word, 1));
                }
            })
            .name("words")
            .uid("words")
            .key_by(F0)
            // Processing time: when the words arrive.
            .window(TumblingProcessingTimeWindows::of(Duration::from_secs(self.window)))
            .reduce(|sum, (_, count)| sum.1 += count)
            .name("counter")
            .uid("counter");
        counts
            .map(|(word, count)| format!("{word} : {count}"))
            // One subtask prints, so that lines begin with the word.
            .set_parallelism(1)
            .print()
            .set_parallelism(1);

        let statistics = self.execution.run(&env, "Socket Window WordCount", WORDS, true)?;
        self.execution.say(&statistics);
        Ok(())
    }
}

//! Counts the words of a text, as Flink's `WordCount` does.

mod top_words;

use std::io::{self, Write};
use std::path::PathBuf;

use sciurus::prelude::*;

use crate::Error;
use crate::execution::Execution;
use crate::hamlet;
use crate::output::Output;
use crate::report::Unit;
use crate::tokenizer::Tokenizer;
use top_words::{Summary, TopWordsSink};

/// What progress is counted in.
const WORDS: Unit = Unit { operator: "tokenizer", records: "words" };

/// Counts the words of a text
///
/// Words are runs of ASCII letters, digits and underscores, in lower case; all other characters,
/// those of other scripts too, separate words. Results are pairs `(word,count)`: each time a word
/// occurs, the count so far; in BATCH mode each word with its final count.
#[derive(Debug, clap::Args)]
pub struct WordCount {
    /// Files, folders or patterns like 'logs/*.txt'; may be repeated [default: a text that is
    /// built in]
    #[arg(long, value_name = "FILE", num_args = 1..)]
    input: Vec<PathBuf>,

    /// Accepted for Flink's sake: the input is read once, and not watched for new files yet
    #[arg(long, value_name = "DURATION")]
    discovery_interval: Option<String>,

    #[command(flatten)]
    output: Output,

    /// Shows the most frequent words and totals in the end, instead of printing each result
    #[arg(long)]
    summary: bool,

    #[command(flatten)]
    execution: Execution,
}

impl WordCount {
    /// Describes the job and executes it.
    ///
    /// # Errors
    /// [`Error`] where the job can't run or fails.
    pub fn run(&self) -> Result<(), Error> {
        let env = self.execution.environment()?;

        if self.discovery_interval.is_some() {
            self.execution.say(
                &"warning: --discovery-interval: the input is read once, it is not watched yet",
            );
        }
        let lines = match self.input.as_slice() {
            [] => env.from_elements(hamlet::lines()),
            files => {
                let source = FileSource::text(files);
                env.from_source(source, WatermarkStrategy::no_watermarks(), "file-input")
            }
        };
        let mut tokenizer = Tokenizer::new();
        let counts = lines
            .uid("input")
            // Each line becomes pairs: (word, 1).
            .flat_map::<(String, i64)>(move |line, out| {
                for word in tokenizer.words(line) {
                    out.collect((word, 1));
                }
            })
            .name("tokenizer")
            .uid("tokenizer")
            // All pairs of a word meet in one subtask, which adds up their numbers.
            .key_by(F0)
            .sum(F1)
            .name("counter")
            .uid("counter");

        if self.summary {
            counts.sink_to(TopWordsSink).name("top-words-sink").uid("top-words-sink");
        }
        let prints = self.output.prints() && !self.summary;
        if prints || !self.output.prints() {
            self.output.write(&counts);
        }

        let statistics = self.execution.run(&env, "WordCount", WORDS, prints)?;
        if self.summary {
            write!(io::stdout(), "\n{}", Summary::of(&statistics))?;
        } else {
            self.execution.say(&statistics);
        }
        Ok(())
    }
}

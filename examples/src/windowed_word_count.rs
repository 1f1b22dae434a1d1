//! Counts words in windows of so many occurrences, as Flink's `WindowWordCount` does.

use std::path::PathBuf;

use sciurus::prelude::*;

use crate::Error;
use crate::execution::Execution;
use crate::hamlet;
use crate::output::Output;
use crate::report::Unit;
use crate::tokenizer::Tokenizer;

/// What progress is counted in.
const WORDS: Unit = Unit { operator: "tokenizer", records: "words" };

/// Counts words in sliding windows of so many occurrences of a word
///
/// Every SLIDE occurrences of a word, tells how often it is among its last WINDOW ones, as
/// `(word,count)`: the first windows of a word are shorter.
#[derive(Debug, clap::Args)]
pub struct WindowedWordCount {
    /// Files, folders or patterns like 'logs/*.txt'; may be repeated [default: a text that is
    /// built in]
    #[arg(long, value_name = "FILE", num_args = 1..)]
    input: Vec<PathBuf>,

    /// How many occurrences of a word a window has
    #[arg(long, value_name = "WORDS", default_value = "10")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    window: u64,

    /// After how many occurrences of a word a window ends
    #[arg(long, value_name = "WORDS", default_value = "5")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    slide: u64,

    #[command(flatten)]
    output: Output,

    #[command(flatten)]
    execution: Execution,
}

impl WindowedWordCount {
    /// Describes the job and executes it.
    ///
    /// # Errors
    /// [`Error`] where the job can't run or fails.
    pub fn run(&self) -> Result<(), Error> {
        let env = self.execution.environment()?;

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
            .flat_map::<(String, i64)>(move |line, out| {
                for word in tokenizer.words(line) {
                    out.collect((word, 1));
                }
            })
            .name("tokenizer")
            .uid("tokenizer")
            .key_by(F0)
            .count_window_sliding(self.window, self.slide)
            .sum(F1)
            .name("counter")
            .uid("counter");
        self.output.write(&counts);

        let statistics =
            self.execution.run(&env, "WindowWordCount", WORDS, self.output.prints())?;
        self.execution.say(&statistics);
        Ok(())
    }
}

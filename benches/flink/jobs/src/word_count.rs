//! Counts words: each update, final counts, or those of each second.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use examples::tokenizer::Tokenizer;
use sciurus::prelude::*;
use sciurus_bench_corpus::LineClock;

use crate::digest::digest_or_discard;

/// Counts words.
#[derive(Debug, clap::Args)]
pub struct WordCount {
    /// The folder of the text
    #[arg(long)]
    input: PathBuf,

    /// What is emitted
    #[arg(long, default_value = "streaming")]
    mode: Mode,

    /// Where digests go; without it counts are dropped
    #[arg(long)]
    out: Option<PathBuf>,

    /// For Flink's sake, which has several
    #[arg(long)]
    tokenizer: Option<String>,
}

/// What is emitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Every update.
    Streaming,
    /// Final counts.
    Batch,
    /// The counts of each second of event time.
    Windows,
}

impl WordCount {
    /// Describes the job and executes it.
    pub fn run(self) -> Result<(), JobError> {
        let env = StreamExecutionEnvironment::new();
        if self.mode == Mode::Batch {
            env.set_runtime_mode(RuntimeMode::Batch);
        }
        let source = FileSource::text(&self.input);
        let lines = if self.mode == Mode::Windows {
            let clock = LineClock::default();
            let watermarks = WatermarkStrategy::for_monotonous_timestamps()
                .with_timestamp_assigner(move |_: &str, _| clock.tick());
            env.from_source(source, watermarks, "input")
        } else {
            env.from_source(source, WatermarkStrategy::no_watermarks(), "input")
        };
        let mut tokenizer = Tokenizer::new();
        let words = lines
            .flat_map::<(String, i64)>(move |line, out| {
                for word in tokenizer.words(line) {
                    out.collect((word, 1));
                }
            })
            .name("tokenizer")
            .key_by(F0);
        if self.mode == Mode::Windows {
            let windows = words.window(TumblingEventTimeWindows::of(Duration::from_secs(1)));
            digest_or_discard(&windows.sum(F1), self.out.as_ref());
        } else {
            digest_or_discard(&words.sum(F1), self.out.as_ref());
        }
        env.execute("WordCount").map(drop)
    }
}

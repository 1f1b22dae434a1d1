//! Records that carry the time at which they were made, at a rate; the last one of each key is kept,
//! and the sink sees how old they are.

use std::path::PathBuf;

use sciurus::prelude::*;

use crate::ages::Ages;
use crate::arithmetic::uniform_key;
use crate::output::now_micros;

/// Measures how old records are at the end.
#[derive(Debug, clap::Args)]
pub struct Paced {
    /// How many records all sources make a second; 0 for as many as they can
    #[arg(long)]
    rate: u32,

    /// How many records there are
    #[arg(long)]
    count: u64,

    /// How many keys there are
    #[arg(long)]
    keys: u64,

    /// Where ages go
    #[arg(long)]
    out: PathBuf,

    /// For how long records aren't looked at in the beginning
    #[arg(long)]
    skip_ms: u32,

    /// Whether to write down when records came
    #[arg(long, default_value = "no")]
    stamps: String,
}

impl Paced {
    /// Describes the job and executes it.
    pub fn run(self) -> Result<(), JobError> {
        let env = StreamExecutionEnvironment::new();
        let keys = self.keys;
        let mut source = DataGeneratorSource::new(move |number| {
            (uniform_key(number, keys) as i64, now_micros())
        })
        .count(self.count);
        if self.rate > 0 {
            source = source.rows_per_second(f64::from(self.rate));
        }
        env.from_source(source, WatermarkStrategy::no_watermarks(), "paced")
            .key_by(F0)
            .reduce(|seen, (_, made)| seen.1 = made)
            .name("last")
            .sink_to(Ages { folder: self.out, skip_ms: self.skip_ms, stamps: self.stamps == "yes" })
            .name("ages");
        env.execute("Paced").map(drop)
    }
}

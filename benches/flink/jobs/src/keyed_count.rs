//! Counts how often each of many keys occurs.

use std::path::PathBuf;

use clap::ValueEnum;
use sciurus::prelude::*;

use crate::arithmetic::{uniform_key, zipf_key};
use crate::digest::digest_or_discard;

/// Counts how often each of many keys occurs.
#[derive(Debug, clap::Args)]
pub struct KeyedCount {
    /// How many records there are
    #[arg(long)]
    count: i64,

    /// How many keys there are
    #[arg(long)]
    keys: u64,

    /// How they are distributed
    #[arg(long, default_value = "uniform")]
    keys_are: Distribution,

    /// Where digests go; without it counts are dropped
    #[arg(long)]
    out: Option<PathBuf>,
}

/// How keys are distributed.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Distribution {
    Uniform,
    Zipf,
}

impl KeyedCount {
    /// Describes the job and executes it.
    pub fn run(self) -> Result<(), JobError> {
        let env = StreamExecutionEnvironment::new();
        let keys = self.keys;
        let key_of = match self.keys_are {
            Distribution::Uniform => uniform_key,
            Distribution::Zipf => zipf_key,
        };
        let counts = env
            .from_sequence(0, self.count - 1)
            .map(move |number| (key_of(number as u64, keys) as i64, 1_i64))
            .name("keys")
            .key_by(F0)
            .sum(F1);
        digest_or_discard(&counts, self.out.as_ref());
        env.execute("Keyed count").map(drop)
    }
}

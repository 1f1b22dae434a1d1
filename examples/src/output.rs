//! Where a job's results go.

use sciurus::prelude::*;

/// Where the results go: by default they are printed.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// Drops the results
    #[arg(long)]
    discard: bool,
}

impl Output {
    /// Sends a stream where the user wants it.
    pub fn write<T: Record>(&self, results: &DataStream<T>) {
        if self.discard {
            results.discard().uid("discarding-sink");
        } else {
            results.print().name("print-sink").uid("print-sink");
        }
    }

    /// Returns whether results are printed.
    pub fn prints(&self) -> bool {
        !self.discard
    }
}

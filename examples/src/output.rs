//! Where a job's results go.

use std::path::PathBuf;

use sciurus::prelude::*;

/// Where the results go: by default they are printed.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// The folder of the files that the results are written to, one a line [default: they are
    /// printed]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Drops the results
    #[arg(long, conflicts_with = "output")]
    discard: bool,
}

impl Output {
    /// Sends a stream where the user wants it.
    pub fn write<T: Record>(&self, results: &DataStream<T>) {
        if let Some(folder) = &self.output {
            results.sink_to(FileSink::text(folder)).name("file-sink").uid("file-sink");
        } else if self.discard {
            results.discard().uid("discarding-sink");
        } else {
            results.print().name("print-sink").uid("print-sink");
        }
    }

    /// Returns whether results are printed.
    pub fn prints(&self) -> bool {
        self.output.is_none() && !self.discard
    }
}

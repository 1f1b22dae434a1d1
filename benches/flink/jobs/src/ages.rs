//! A sink that counts how old records are.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use hdrhistogram::Histogram;
use sciurus::connectors::sink::SinkWriter;
use sciurus::engine::operator::OperatorContext;
use sciurus::prelude::*;
use sciurus::{Batch, Columns};

use crate::output::{new_file, now_micros};

/// How far apart notes of arrivals are at least, microseconds.
const STAMP_MICROS: i64 = 5_000;

/// What is older counts as this old: an hour, microseconds.
const HIGHEST_MICROS: u64 = 3_600_000_000;

type Stamped = (i64, i64);

/// Counts ages; at the end each subtask writes them, a line for each. It can write down, too, when
/// records came.
#[derive(Debug, Clone)]
pub struct Ages {
    /// Where files go.
    pub folder: PathBuf,
    /// For how long records aren't looked at in the beginning.
    pub skip_ms: u32,
    /// Whether to write down when records came.
    pub stamps: bool,
}

impl Sink<Stamped> for Ages {
    type Committable = ();

    fn writer(&self, _: &OperatorContext) -> Result<Box<dyn SinkWriter<Stamped, ()>>, BoxError> {
        let stamps = if self.stamps { Some(new_file(&self.folder, "stamps")?) } else { None };
        Ok(Box::new(AgesWriter {
            folder: self.folder.clone(),
            skip_micros: i64::from(self.skip_ms) * 1000,
            ages: Histogram::new_with_max(HIGHEST_MICROS, 3)?,
            first: None,
            stamps,
            last_stamp: 0,
        }))
    }
}

struct AgesWriter {
    folder: PathBuf,
    skip_micros: i64,
    /// Microseconds.
    ages: Histogram<u64>,
    /// When the first record came.
    first: Option<i64>,
    stamps: Option<File>,
    last_stamp: i64,
}

impl SinkWriter<Stamped, ()> for AgesWriter {
    fn write_batch(
        &mut self,
        batch: &Batch,
        columns: &<Stamped as Record>::Columns,
    ) -> Result<(), BoxError> {
        let now = now_micros();
        if now - *self.first.get_or_insert(now) >= self.skip_micros {
            batch.for_each(|row| {
                let age = (now - columns.get(row).1).max(0);
                self.ages.saturating_record(age as u64);
            });
        }
        if let Some(stamps) = &mut self.stamps
            && now - self.last_stamp >= STAMP_MICROS
        {
            writeln!(stamps, "{now}")?;
            self.last_stamp = now;
        }
        Ok(())
    }

    fn flush(&mut self, end_of_input: bool) -> Result<(), BoxError> {
        if end_of_input {
            let mut file = BufWriter::new(new_file(&self.folder, "ages")?);
            for step in self.ages.iter_recorded() {
                writeln!(file, "{} {}", step.value_iterated_to(), step.count_at_value())?;
            }
            file.flush()?;
        }
        Ok(())
    }
}

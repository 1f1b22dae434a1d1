//! A sink that drops everything.

use sciurus_core::{Batch, BoxError, Record};
use sciurus_engine::operator::OperatorContext;

use crate::sink::{Sink, SinkWriter};

/// Drops every record (Flink's `DiscardingSink`, its `blackhole` table): for measuring what comes
/// before.
#[derive(Debug, Clone, Copy, Default)]
pub struct DiscardingSink;

impl<T: Record> Sink<T> for DiscardingSink {
    type Committable = ();

    fn writer(&self, _: &OperatorContext) -> Result<Box<dyn SinkWriter<T, ()>>, BoxError> {
        Ok(Box::new(Self))
    }
}

impl<T: Record> SinkWriter<T, ()> for DiscardingSink {
    fn write_batch(&mut self, _: &Batch, _: &T::Columns) -> Result<(), BoxError> {
        Ok(())
    }
}

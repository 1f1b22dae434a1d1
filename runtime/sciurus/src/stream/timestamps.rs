//! Timestamps and watermarks in the midst of a job.

use sciurus_core::Record;
use sciurus_engine::operator::{Operator, OperatorContext};
use sciurus_engine::watermark::{TimestampsAndWatermarks, WatermarkStrategy};

use super::{DataStream, SingleOutputStreamOperator};

impl<T: Record> DataStream<T> {
    /// Assigns timestamps and makes watermarks of the records of this stream, each subtask by
    /// itself. Timestamps that records have already are replaced, where the strategy assigns any;
    /// watermarks from upstream end here. Where the source can do it, it knows its splits and does
    /// it better.
    pub fn assign_timestamps_and_watermarks(
        &self,
        strategy: WatermarkStrategy<T>,
    ) -> SingleOutputStreamOperator<T> {
        self.transform("Timestamps/Watermarks", move |context: &OperatorContext| {
            let operator = TimestampsAndWatermarks::new(strategy.clone(), context);
            Ok(Box::new(operator) as Box<dyn Operator>)
        })
    }
}

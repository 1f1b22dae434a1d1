//! Streams of what the program holds.

use sciurus_connectors::{CollectionSource, IteratorSource, NumberSequenceSource, SocketSource};
use sciurus_core::Record;
use sciurus_engine::watermark::WatermarkStrategy;

use crate::environment::StreamExecutionEnvironment;
use crate::stream::SingleOutputStreamOperator;

impl StreamExecutionEnvironment {
    /// Makes a stream of the given records.
    pub fn from_elements<T: Record>(
        &self,
        elements: impl Into<Vec<T>>,
    ) -> SingleOutputStreamOperator<T> {
        let source = CollectionSource::new(elements);
        self.from_source(source, WatermarkStrategy::no_watermarks(), "Collection Source")
    }

    /// Makes a stream of what an iterator yields, read by one subtask as it goes.
    pub fn from_iter<I>(&self, items: I) -> SingleOutputStreamOperator<I::Item>
    where
        I: IntoIterator + Clone + Send + Sync + 'static,
        I::Item: Record,
        I::IntoIter: Send,
    {
        let source = IteratorSource::new(items);
        self.from_source(source, WatermarkStrategy::no_watermarks(), "Iterator Source")
            .set_parallelism(1)
    }

    /// Makes a stream of the numbers from `from` to `to`, both included.
    pub fn from_sequence(&self, from: i64, to: i64) -> SingleOutputStreamOperator<i64> {
        let source = NumberSequenceSource::new(from, to);
        self.from_source(source, WatermarkStrategy::no_watermarks(), "Sequence Source")
    }

    /// Makes a stream of the lines that the server at `host`:`port` sends, until it closes the
    /// connection. [`SocketSource`] has options.
    pub fn socket_text_stream(
        &self,
        host: impl Into<String>,
        port: u16,
    ) -> SingleOutputStreamOperator<String> {
        let source = SocketSource::new(host, port);
        self.from_source(source, WatermarkStrategy::no_watermarks(), "Socket Stream")
            .set_parallelism(1)
    }
}

//! Streams and what can be done with them.

mod data_stream;
mod keyed_stream;
mod single_output;

pub use data_stream::DataStream;
pub use keyed_stream::KeyedStream;
pub use single_output::SingleOutputStreamOperator;

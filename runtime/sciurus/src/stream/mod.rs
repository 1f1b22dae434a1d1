//! Streams and what can be done with them.

mod all_windowed_stream;
mod broadcast_stream;
mod collect;
mod connected_streams;
mod data_stream;
mod data_stream_sink;
mod keyed_connected_streams;
mod keyed_stream;
mod partition_custom;
mod rolling;
mod single_output;
mod timestamps;
mod window_operator;
mod windowed_stream;

pub use all_windowed_stream::AllWindowedStream;
pub use broadcast_stream::{
    BroadcastConnectedStream, BroadcastStream, KeyedBroadcastConnectedStream,
};
pub use collect::CollectedStream;
pub use connected_streams::ConnectedStreams;
pub use data_stream::DataStream;
pub use data_stream_sink::DataStreamSink;
pub use keyed_connected_streams::KeyedConnectedStreams;
pub use keyed_stream::KeyedStream;
pub use single_output::SingleOutputStreamOperator;
pub use windowed_stream::WindowedStream;

//! How batches get from one task to another: partitioners choose the channel, writers fill it,
//! gates are read from.
//!
//! Every channel has a limit of bytes in flight of its own, so that a slow consumer holds back
//! nobody but itself; watermarks and ends of input don't count against it.

mod credit;
mod custom;
mod gate;
mod gather;
mod keys;
mod partitioner;
mod writer;

pub use credit::Credit;
pub use custom::{choose_by_key, choose_by_record};
pub use gate::{ChannelSender, InputGate, LocalChannel, Received};
pub use keys::{ColumnKeys, FunctionKeysFactory, keys_of};
pub use partitioner::{ChooseChannels, KeyExtractor, KeyExtractorFactory, Partitioner};
pub use writer::RecordWriter;

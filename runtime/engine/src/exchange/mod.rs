//! How batches get from one task to another: partitioners choose the channel, writers fill it,
//! gates are read from.
//!
//! Every channel has a limit of bytes in flight of its own, so that a slow consumer holds back
//! nobody but itself; watermarks and ends of input don't count against it.
//!
//! Channels within a process pass batches by reference; those to another worker of the job lead
//! through its [`network`]. [`connect`] makes both.

mod credit;
mod custom;
mod gate;
mod gather;
mod keys;
pub mod network;
mod partitioner;
mod wiring;
mod writer;

pub use credit::Credit;
pub use custom::{choose_by_key, choose_by_record};
pub use gate::{ChannelSender, InputGate, LocalChannel, Received};
pub use keys::{ColumnKeys, FunctionKeysFactory, keys_of};
pub use partitioner::{ChooseChannels, KeyExtractor, KeyExtractorFactory, Partitioner};
pub use wiring::{Endpoints, Location, Remote, connect};
pub use writer::RecordWriter;

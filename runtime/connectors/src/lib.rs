//! Sources and sinks.
//!
//! Sources implement [`sciurus_engine::source::Source`]: an enumerator hands out splits, readers
//! read them. [`mod@file`] reads files by ranges, [`socket`] a connection; [`collection`],
//! [`sequence`] and [`datagen`] make records. Sinks implement [`sink::Sink`], whose writers stage
//! output and whose committers publish it; [`sink_operator`] runs one as the last operator of a
//! chain. [`mod@file::sink`] writes files.

pub mod collect;
pub mod collection;
pub mod columns;
pub mod datagen;
pub mod discarding;
pub mod file;
pub mod print;
pub mod range_split;
#[cfg(test)]
mod rescaling;
pub mod sequence;
pub mod sink;
pub mod sink_operator;
pub mod socket;
#[cfg(test)]
mod testing;

pub use collect::{CollectSink, CollectedRecords, collect};
pub use collection::{CollectionSource, IteratorSource};
pub use datagen::DataGeneratorSource;
pub use discarding::DiscardingSink;
pub use file::{CsvSource, FileSink, FileSource, InputPaths, JsonLinesSource, MalformedRecords};
pub use print::PrintSink;
pub use sequence::NumberSequenceSource;
pub use sink::Sink;
pub use sink_operator::SinkOperatorFactory;
pub use socket::SocketSource;

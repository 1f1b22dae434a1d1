//! What every other crate of Sciurus stands on: how a typed record lies in Arrow columns
//! ([`record`]), what travels between two operators ([`batch`], [`element`]), keys and key groups
//! ([`key`]), time ([`time`], [`clock`]), what a job is as data ([`graph`]), what a checkpoint is
//! ([`checkpoint`]) and the ids of everything ([`ids`]).
//!
//! No threads and no network are touched here, and no files but those of the configuration.

pub mod batch;
pub mod checkpoint;
pub mod clock;
pub mod config;
pub mod element;
pub mod graph;
pub mod ids;
pub mod key;
pub mod record;
pub mod time;

#[doc(hidden)]
pub use record::derived as __private;

pub use batch::Batch;
pub use element::StreamElement;
pub use record::{Builder, Columns, Record};

/// An error of user code: anything that implements [`std::error::Error`].
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

//! Configuration: Flink's keys, values as Flink writes them, typed on reading.
//!
//! - [`Configuration`] holds texts by key; [`ConfigOption`] describes one option; reading is
//!   `conf.get(&execution::BUFFER_TIMEOUT)?`.
//! - [`options`] is the table of all options there are. The documentation
//!   ([`docs`](docs::markdown), committed as `docs/configuration.md`), the checks and the
//!   suggestions for misspelt keys derive from it.
//! - [`load`] finds the configuration of a process and checks it: [`mod@file`] reads `config.yaml` and
//!   `flink-conf.yaml`, [`validate`] checks a whole configuration at once.

mod choice;
mod configuration;
pub mod docs;
pub mod duration;
mod error;
pub mod file;
mod flink_keys;
pub mod load;
mod memory_size;
mod option;
pub mod options;
mod ports;
mod sensitive;
mod splitter;
pub mod validate;
mod value;
mod yaml;

pub use configuration::Configuration;
pub use error::{ConfigError, InvalidValue, ValueError};
pub use memory_size::MemorySize;
pub use option::{AnyOption, ConfigOption};
pub use ports::Ports;
pub use sensitive::{HIDDEN, is_sensitive};
pub use value::OptionValue;
pub use yaml::SyntaxError;

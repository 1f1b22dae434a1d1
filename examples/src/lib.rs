//! The example jobs of Sciurus, each a small program in a file of its own.
//!
//! [`cli`] chooses the job; what all jobs have in common is in [`execution`] (settings, running),
//! [`output`], [`progress`] and [`report`].

pub mod billing;
pub mod cli;
pub mod error;
pub mod execution;
pub mod hamlet;
pub mod iot_alerts;
pub mod last_seen;
pub mod output;
pub mod progress;
pub mod report;
pub mod session_windowing;
pub mod socket_window_word_count;
pub mod state_machine;
pub mod tokenizer;
pub mod top_speed_windowing;
pub mod windowed_word_count;
pub mod word_count;

pub use cli::run;
pub use error::Error;

//! What can go wrong with state, and what to do about it.

use std::sync::Arc;

use sciurus_core::record::DecodeError;

use crate::descriptor::StateKind;

/// An access to keyed or operator state failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// A handle was used before it was registered with the backend.
    #[error(
        "state `{state}` is used before it is registered: register its handle in `open`, \
         with `ctx.register(&mut self.handle)?`"
    )]
    NotRegistered {
        /// The state's name.
        state: Arc<str>,
    },
    /// Two handles of one operator have the same name.
    #[error("state `{state}` is registered twice: give every state of an operator its own name")]
    DuplicateName {
        /// The state's name.
        state: Arc<str>,
    },
    /// The state is there, with another type or of another kind.
    #[error(
        "state `{state}` holds {found}, not {expected}: use the handle it was registered with, \
         or another name for another type"
    )]
    TypeMismatch {
        /// The state's name.
        state: Arc<str>,
        /// What the handle asks for.
        expected: String,
        /// What the backend holds.
        found: String,
    },
    /// Keyed state was used while no key is being processed.
    #[error(
        "state `{state}` is used without a current key: keyed state can only be used while a \
         record or a timer of a keyed stream is processed, not in `open` or `close`"
    )]
    NoCurrentKey {
        /// The state's name.
        state: Arc<str>,
    },
    /// Timers were used while no key is being processed.
    #[error(
        "a timer is registered or deleted without a current key: timers belong to a key and can \
         only be used while a record or a timer of a keyed stream is processed"
    )]
    NoCurrentKeyForTimer,
    /// Bytes of a snapshot don't form a value of the state's type.
    #[error(
        "a value of state `{state}` cannot be read as {kind} of {type_name}: {source}; restore \
         with the type that the snapshot was taken with"
    )]
    Codec {
        /// The state's name.
        state: Arc<str>,
        /// The state's kind.
        kind: StateKind,
        /// The type that was tried.
        type_name: &'static str,
        /// What is wrong with the bytes.
        source: DecodeError,
    },
    /// A snapshot restored from makes no sense.
    #[error(
        "what the snapshot holds of state `{state}` makes no sense: {reason}; it is damaged or \
         wasn't written by Sciurus"
    )]
    Corrupt {
        /// The state's name.
        state: Arc<str>,
        /// What makes no sense.
        reason: String,
    },
    /// The files that state lies in can't be read or written.
    #[error("{reason}; the state of this attempt is lost, that of the last checkpoint is not")]
    Storage {
        /// What was done, to what, and what is wrong.
        reason: String,
    },
    /// More than a backend can hold.
    #[error("{what} exceeds the limit of {limit}: raise the job's parallelism")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        limit: u64,
    },
}

//! Keyed state.
//!
//! [`backend`] says what a backend does, [`keyed`] which there are, [`settings`]
//! how one is made as configured: [`heap`] so far. User code
//! meets state as the primitives of [`handle`], the engine by [`Slot`] and [`mod@column`]. What a key
//! has is told apart by [`namespace`]; [`ttl`] lets it expire; [`timer`] calls it back. What is
//! derived from state, and in no snapshot, is kept by [`key_index`]; what belongs to no key is
//! [`operator`] state. The file form of keyed state is that of [`snapshot`].

pub mod backend;
mod chunk;
pub mod column;
#[cfg(any(test, feature = "testing"))]
pub mod conformance;
pub mod descriptor;
pub mod error;
pub mod handle;
pub mod heap;
pub mod key_index;
pub mod keyed;
pub mod namespace;
pub mod operator;
#[cfg(feature = "rocksdb")]
pub mod rocks;
pub mod settings;
pub mod slot;
pub mod snapshot;
pub mod timer;
pub mod ttl;

pub use backend::{BackendConfig, KeyedStateBackend};
pub use column::ValueColumn;
pub use descriptor::{StateDescriptor, StateId, StateKind};
pub use error::StateError;
pub use handle::{
    AggregateFunction, AggregatingState, ListState, MapState, ReduceFunction, ReducingState,
    StateAccess, StateHandle, ValueState,
};
pub use key_index::KeyIndex;
pub use keyed::{KeyedBackend, KeyedSnapshot};
pub use namespace::Namespace;
pub use operator::{OperatorBackend, OperatorSnapshot};
pub use settings::{
    BackendError, BackendMemory, BackendResources, RestoreInput, StateBackendSettings,
};
pub use slot::Slot;
pub use snapshot::{
    SharedFiles, SnapshotError, SnapshotFile, SnapshotFiles, SnapshotReader, SnapshotStats,
};
pub use timer::{TimeDomain, Timer, TimerKey};
pub use ttl::{StateTtlConfig, TtlUpdateType, TtlVisibility};

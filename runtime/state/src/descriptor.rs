//! What a backend knows about a registered state.

use std::any::type_name;
use std::fmt;
use std::sync::Arc;

/// Which primitive a state is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateKind {
    /// One value a key; reducing and aggregating state too, whose value is the accumulator.
    Value,
    /// A list of elements a key.
    List,
    /// A map a key.
    Map,
}

impl fmt::Display for StateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value => "value state",
            Self::List => "list state",
            Self::Map => "map state",
        })
    }
}

/// A registered state's number in its backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateId(pub(crate) u16);

impl StateId {
    /// How many states one operator may have.
    pub const LIMIT: usize = 1 << 12;

    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Name, kind and type of a state.
#[derive(Debug, Clone)]
pub struct StateDescriptor {
    pub(crate) name: Arc<str>,
    pub(crate) kind: StateKind,
    pub(crate) type_name: &'static str,
}

impl StateDescriptor {
    pub(crate) fn of<T>(name: &Arc<str>, kind: StateKind) -> Self {
        Self { name: name.clone(), kind, type_name: type_name::<T>() }
    }

    /// Returns the name, unique among the operator's states.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the kind.
    pub fn kind(&self) -> StateKind {
        self.kind
    }

    /// Returns the Rust type of the values, for people to read.
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }
}

impl fmt::Display for StateDescriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.kind, self.type_name)
    }
}

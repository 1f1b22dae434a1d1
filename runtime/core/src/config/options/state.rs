//! Where state lives.

use crate::config::choice::choice;

choice! {
    /// Chooses where keyed state lives while a job runs.
    pub enum StateBackendType {
        /// In memory.
        HashMap = "hashmap",
        /// In RocksDB, on local disk.
        RocksDb = "rocksdb",
    }
}

super::options! {
    title: "State";

    /// Where keyed state lives while a job runs: in memory, or on local disk, where it may grow
    /// larger than memory.
    BACKEND: StateBackendType = "state.backend.type"
        .default(|| StateBackendType::HashMap)
        .deprecated_keys(&["state.backend"]);
}

//! How the rocksdb backend keeps state.

use crate::config::MemorySize;
use crate::config::choice::choice;

choice! {
    /// Chooses how RocksDB puts its files in order.
    pub enum RocksDbCompactionStyle {
        /// By levels: little space, quick reads.
        Level = "LEVEL",
        /// By age: fewer writes, more space.
        Universal = "UNIVERSAL",
    }
}

choice! {
    /// Chooses where timers live.
    pub enum RocksDbTimerService {
        /// In memory; every checkpoint writes all of them.
        Heap = "HEAP",
    }
}

choice! {
    /// Chooses how RocksDB compresses its files.
    pub enum RocksDbCompression {
        /// LZ4.
        Lz4 = "LZ4_COMPRESSION",
        /// Not at all.
        None = "NO_COMPRESSION",
    }
}

super::options! {
    title: "RocksDB";

    /// Folder for the files of RocksDB. Without it they lie with the working files of the process.
    LOCAL_DIR: String = "state.backend.rocksdb.localdir"
        .example("/data/rocksdb");

    /// Whether all backends of a process share one budget of memory, its part of the managed
    /// memory.
    MEMORY_MANAGED: bool = "state.backend.rocksdb.memory.managed"
        .default(|| true);

    /// Memory for the state of one slot, instead of the managed memory.
    MEMORY_FIXED_PER_SLOT: MemorySize = "state.backend.rocksdb.memory.fixed-per-slot"
        .example("256 mb");

    /// Memory for the state of the whole process, instead of the managed memory.
    MEMORY_FIXED_PER_TM: MemorySize = "state.backend.rocksdb.memory.fixed-per-tm"
        .example("1 gb");

    /// Part of the memory that is for what was written and isn't in a file yet.
    MEMORY_WRITE_BUFFER_RATIO: f64 = "state.backend.rocksdb.memory.write-buffer-ratio"
        .default(|| 0.5)
        .rule("more than 0 and less than 1", |ratio| *ratio > 0.0 && *ratio < 1.0);

    /// Whether index and filters of a file are read in parts, so that those of large state need not
    /// fit into memory.
    MEMORY_PARTITIONED_INDEX_FILTERS: bool =
        "state.backend.rocksdb.memory.partitioned-index-filters"
        .default(|| true);

    /// Part of the memory in which values that are in use are kept as they are, in front of
    /// RocksDB.
    ROW_CACHE_FRACTION: f64 = "sciurus.state.rocksdb.row-cache.fraction"
        .default(|| 0.4)
        .rule("at least 0 and less than 1", |fraction| (0.0..1.0).contains(fraction));

    /// Size at which what was written becomes a file. The shared budget may end it earlier.
    WRITE_BUFFER_SIZE: MemorySize = "state.backend.rocksdb.writebuffer.size"
        .default(|| MemorySize::from_mib(64))
        .example("64 mb");

    /// Number of write buffers of one backend.
    WRITE_BUFFER_COUNT: u32 = "state.backend.rocksdb.writebuffer.count"
        .default(|| 2)
        .rule("at least 2", |count| *count >= 2);

    /// Number of write buffers that are merged before they become a file.
    WRITE_BUFFERS_TO_MERGE: u32 = "state.backend.rocksdb.writebuffer.number-to-merge"
        .default(|| 1)
        .rule("at least 1", |count| *count >= 1);

    /// Memory for blocks of one backend, where memory is not managed.
    BLOCK_CACHE_SIZE: MemorySize = "state.backend.rocksdb.block.cache-size"
        .default(|| MemorySize::from_mib(8))
        .example("8 mb");

    /// Size of a block, the unit in which files are read.
    BLOCK_SIZE: MemorySize = "state.backend.rocksdb.block.blocksize"
        .default(|| MemorySize::from_kib(4))
        .example("4 kb");

    /// Size of a part of an index or a filter.
    METADATA_BLOCK_SIZE: MemorySize = "state.backend.rocksdb.block.metadata-blocksize"
        .default(|| MemorySize::from_kib(4))
        .example("4 kb");

    /// Whether files have filters that tell at once that a key isn't there.
    USE_BLOOM_FILTER: bool = "state.backend.rocksdb.use-bloom-filter"
        .default(|| true);

    /// Bits of such a filter for each key.
    BLOOM_FILTER_BITS_PER_KEY: f64 = "state.backend.rocksdb.bloom-filter.bits-per-key"
        .default(|| 10.0)
        .rule("more than 0", |bits| *bits > 0.0);

    /// How files are put in order.
    COMPACTION_STYLE: RocksDbCompactionStyle = "state.backend.rocksdb.compaction.style"
        .default(|| RocksDbCompactionStyle::Level);

    /// Whether the sizes of levels follow the size of the last one.
    COMPACTION_DYNAMIC_SIZE: bool = "state.backend.rocksdb.compaction.level.use-dynamic-size"
        .default(|| true);

    /// Size of a file of the first level.
    COMPACTION_FILE_SIZE: MemorySize =
        "state.backend.rocksdb.compaction.level.target-file-size-base"
        .default(|| MemorySize::from_mib(64))
        .example("64 mb");

    /// Size of the first level.
    COMPACTION_LEVEL_SIZE: MemorySize =
        "state.backend.rocksdb.compaction.level.max-size-level-base"
        .default(|| MemorySize::from_mib(256))
        .example("256 mb");

    /// How files are compressed, on every level.
    COMPRESSION: RocksDbCompression = "state.backend.rocksdb.compression.per.level"
        .default(|| RocksDbCompression::Lz4);

    /// Number of threads of a process that write files and put them in order.
    THREAD_NUM: u32 = "state.backend.rocksdb.thread.num"
        .default(|| 2)
        .rule("at least 1", |threads| *threads >= 1);

    /// Number of threads that move files from and to checkpoint storage, for each process.
    TRANSFER_THREAD_NUM: u32 = "state.backend.rocksdb.checkpoint.transfer.thread.num"
        .default(|| 4)
        .rule("at least 1", |threads| *threads >= 1);

    /// Where the timers of the backend live.
    TIMER_SERVICE: RocksDbTimerService = "state.backend.rocksdb.timer-service.factory"
        .default(|| RocksDbTimerService::Heap);
}

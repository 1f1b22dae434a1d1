//! What all backends of a process share: memory, threads and options.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, DBCompactionStyle, DBCompressionType, LogLevel,
    Options, WriteBufferManager,
};
use sciurus_core::clock::Clock;
use sciurus_core::config::options::rocksdb as keys;
use sciurus_core::config::{ConfigError, ConfigOption, Configuration, MemorySize};

use super::filter::{Census, FilterFactory};
use crate::settings::{BackendMemory, BackendResources};

/// The least memory for values in use of one backend, however many there are.
const MIN_ROW_CACHE_BYTES: u64 = 1 << 20;

/// What RocksDB itself is told.
#[derive(Debug, Clone)]
struct Tuning {
    write_buffer_bytes: usize,
    write_buffers: u32,
    write_buffers_to_merge: u32,
    block_bytes: usize,
    metadata_block_bytes: usize,
    partitioned: bool,
    bloom_bits: Option<f64>,
    style: keys::RocksDbCompactionStyle,
    dynamic_levels: bool,
    file_bytes: u64,
    level_bytes: u64,
    compression: keys::RocksDbCompression,
    threads: u32,
}

impl Tuning {
    fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        let bytes =
            |option: &ConfigOption<MemorySize>| configuration.get(option).map(MemorySize::bytes);
        let bloom = configuration.get(&keys::USE_BLOOM_FILTER)?;
        Ok(Self {
            write_buffer_bytes: bytes(&keys::WRITE_BUFFER_SIZE)? as usize,
            write_buffers: configuration.get(&keys::WRITE_BUFFER_COUNT)?,
            write_buffers_to_merge: configuration.get(&keys::WRITE_BUFFERS_TO_MERGE)?,
            block_bytes: bytes(&keys::BLOCK_SIZE)? as usize,
            metadata_block_bytes: bytes(&keys::METADATA_BLOCK_SIZE)? as usize,
            partitioned: configuration.get(&keys::MEMORY_PARTITIONED_INDEX_FILTERS)?,
            bloom_bits: if bloom {
                Some(configuration.get(&keys::BLOOM_FILTER_BITS_PER_KEY)?)
            } else {
                None
            },
            style: configuration.get(&keys::COMPACTION_STYLE)?,
            dynamic_levels: configuration.get(&keys::COMPACTION_DYNAMIC_SIZE)?,
            file_bytes: bytes(&keys::COMPACTION_FILE_SIZE)?,
            level_bytes: bytes(&keys::COMPACTION_LEVEL_SIZE)?,
            compression: configuration.get(&keys::COMPRESSION)?,
            threads: configuration.get(&keys::THREAD_NUM)?,
        })
    }
}

/// How much memory is for what, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Budget {
    /// Values in use, in front of RocksDB.
    pub(super) rows: u64,
    /// Blocks of files, and what was written and isn't in a file yet.
    pub(super) blocks: u64,
    /// Of that, what was written.
    pub(super) buffers: u64,
}

impl Budget {
    /// Divides `total` bytes.
    pub(super) fn divide(total: u64, rows: f64, buffers: f64) -> Self {
        let rows = (total as f64 * rows) as u64;
        let rest = (total - rows) as f64;
        // Flink's division: write buffers take up to half more than their limit while the next
        // one is filled, and are charged to the cache.
        Self {
            rows,
            blocks: (rest * (3.0 - buffers) / 3.0) as u64,
            buffers: (rest * 2.0 * buffers / 3.0) as u64,
        }
    }
}

/// The memory of a process's backends.
enum Memory {
    /// One budget for all.
    Shared { cache: Cache, buffers: WriteBufferManager },
    /// Blocks of so many bytes for each.
    Each { block_cache_bytes: usize },
}

/// What all rocksdb backends of a process share.
pub struct RocksShared {
    tuning: Tuning,
    memory: Memory,
    budget: Budget,
    folder: PathBuf,
    backends: AtomicUsize,
    /// The least memory for values in use of one backend.
    pub(super) least_row_cache_bytes: u64,
}

impl std::fmt::Debug for RocksShared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RocksShared")
            .field("tuning", &self.tuning)
            .field("budget", &self.budget)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl RocksShared {
    /// Reads the options and sets the memory of the process aside.
    ///
    /// # Errors
    /// An option that makes no sense.
    pub fn new(
        configuration: &Configuration,
        resources: BackendResources,
    ) -> Result<Self, ConfigError> {
        let tuning = Tuning::read(configuration)?;
        configuration.get(&keys::TIMER_SERVICE)?;
        let for_slots = configuration
            .get_optional(&keys::MEMORY_FIXED_PER_SLOT)?
            .map(|size| size.bytes().saturating_mul(u64::from(resources.slots)));
        let for_process =
            configuration.get_optional(&keys::MEMORY_FIXED_PER_TM)?.map(MemorySize::bytes);
        let managed = configuration.get(&keys::MEMORY_MANAGED)?.then_some(resources.managed_bytes);
        let rows = configuration.get(&keys::ROW_CACHE_FRACTION)?;
        let ratio = configuration.get(&keys::MEMORY_WRITE_BUFFER_RATIO)?;
        let (memory, budget) = if let Some(total) = for_slots.or(for_process).or(managed) {
            let budget = Budget::divide(total, rows, ratio);
            let cache = Cache::new_lru_cache(budget.blocks as usize);
            let buffers = WriteBufferManager::new_write_buffer_manager_with_cache(
                budget.buffers as usize,
                false,
                cache.clone(),
            );
            (Memory::Shared { cache, buffers }, budget)
        } else {
            let block_cache_bytes = configuration.get(&keys::BLOCK_CACHE_SIZE)?.bytes();
            let rows = (tuning.write_buffer_bytes as u64) * u64::from(resources.slots);
            let budget = Budget { rows, blocks: block_cache_bytes, buffers: 0 };
            (Memory::Each { block_cache_bytes: block_cache_bytes as usize }, budget)
        };
        let folder = configuration.get_optional(&keys::LOCAL_DIR)?;
        Ok(Self {
            tuning,
            memory,
            budget,
            folder: folder.map_or(resources.scratch, PathBuf::from).join("rocksdb"),
            backends: AtomicUsize::new(0),
            least_row_cache_bytes: MIN_ROW_CACHE_BYTES,
        })
    }

    /// Returns what the shared memory holds; `None` where each backend has its own.
    pub fn memory(&self) -> Option<BackendMemory> {
        let Memory::Shared { cache, buffers } = &self.memory else { return None };
        Some(BackendMemory {
            used_bytes: cache.get_usage() as u64,
            limit_bytes: self.budget.blocks,
            write_buffer_bytes: buffers.get_usage() as u64,
            pinned_bytes: cache.get_pinned_usage() as u64,
        })
    }

    /// Returns the folder that working files are put into.
    pub(super) fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    /// Returns how many bytes of values one backend may keep, as many as there are now.
    pub(super) fn row_cache_bytes(&self) -> u64 {
        let backends = self.backends.load(Ordering::Relaxed).max(1) as u64;
        (self.budget.rows / backends).max(self.least_row_cache_bytes)
    }

    /// Returns the options of a database that is only read.
    pub(super) fn reading(&self) -> Options {
        let mut options = Options::default();
        options.set_max_open_files(-1);
        options.set_skip_stats_update_on_db_open(true);
        options.set_log_level(LogLevel::Fatal);
        options.set_block_based_table_factory(&self.tables());
        options
    }

    /// Returns the options of a backend's database.
    pub(super) fn options(&self, census: Census, clock: Arc<dyn Clock>) -> Options {
        let tuning = &self.tuning;
        let mut options = self.reading();
        options.create_if_missing(true);
        options.set_log_level(LogLevel::Warn);
        options.set_keep_log_file_num(2);
        options.set_max_log_file_size(1 << 20);
        options.set_stats_dump_period_sec(0);
        options.set_stats_persist_period_sec(0);
        // Every checkpoint holds the manifest.
        options.set_max_manifest_file_size(1 << 20);
        options.set_use_fsync(false);
        // One thread writes.
        options.set_allow_concurrent_memtable_write(false);
        options.set_avoid_unnecessary_blocking_io(true);
        options.set_max_background_jobs(i32::try_from(tuning.threads).unwrap_or(i32::MAX));
        options.set_write_buffer_size(tuning.write_buffer_bytes);
        options.set_max_write_buffer_number(tuning.write_buffers as i32);
        options.set_min_write_buffer_number_to_merge(tuning.write_buffers_to_merge as i32);
        if let Memory::Shared { buffers, .. } = &self.memory {
            options.set_write_buffer_manager(buffers);
        }
        if tuning.bloom_bits.is_some() {
            options.set_memtable_prefix_bloom_ratio(0.02);
            options.set_memtable_whole_key_filtering(true);
        }
        options.set_compaction_style(match tuning.style {
            keys::RocksDbCompactionStyle::Level => DBCompactionStyle::Level,
            keys::RocksDbCompactionStyle::Universal => DBCompactionStyle::Universal,
        });
        options.set_level_compaction_dynamic_level_bytes(tuning.dynamic_levels);
        options.set_target_file_size_base(tuning.file_bytes);
        options.set_max_bytes_for_level_base(tuning.level_bytes);
        options.set_compression_type(match tuning.compression {
            keys::RocksDbCompression::Lz4 => DBCompressionType::Lz4,
            keys::RocksDbCompression::None => DBCompressionType::None,
        });
        options.set_compaction_filter_factory(FilterFactory { census, clock });
        options
    }

    fn tables(&self) -> BlockBasedOptions {
        let tuning = &self.tuning;
        let mut tables = BlockBasedOptions::default();
        match &self.memory {
            Memory::Shared { cache, .. } => tables.set_block_cache(cache),
            Memory::Each { block_cache_bytes } => {
                tables.set_block_cache(&Cache::new_lru_cache(*block_cache_bytes));
            }
        }
        tables.set_block_size(tuning.block_bytes);
        tables.set_format_version(6);
        tables.set_cache_index_and_filter_blocks(true);
        tables.set_cache_index_and_filter_blocks_with_high_priority(true);
        tables.set_pin_l0_filter_and_index_blocks_in_cache(true);
        if let Some(bits) = tuning.bloom_bits {
            tables.set_bloom_filter(bits, false);
        }
        if tuning.partitioned {
            tables.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
            tables.set_partition_filters(true);
            tables.set_metadata_block_size(tuning.metadata_block_bytes);
            tables.set_pin_top_level_index_and_filter(true);
        }
        tables
    }

    /// Counts a backend as long as the guard is there.
    pub(super) fn join(self: &Arc<Self>) -> Membership {
        self.backends.fetch_add(1, Ordering::Relaxed);
        Membership(self.clone())
    }
}

/// A backend's part in what is shared.
#[derive(Debug)]
pub(super) struct Membership(Arc<RocksShared>);

impl std::ops::Deref for Membership {
    type Target = Arc<RocksShared>;

    fn deref(&self) -> &Arc<RocksShared> {
        &self.0
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.0.backends.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_budget_is_divided_and_never_exceeded() {
        for total in [1 << 20, 100 << 20, 16 << 30_u64] {
            let budget = Budget::divide(total, 0.4, 0.5);
            assert!(budget.rows + budget.blocks <= total, "{budget:?}");
            assert!(budget.buffers <= budget.blocks, "{budget:?}");
        }
    }

    #[test]
    fn backends_share_what_there_is() {
        let mut configuration = Configuration::default();
        configuration.set(&keys::MEMORY_FIXED_PER_SLOT, &MemorySize::from_mib(100));
        let resources =
            BackendResources { scratch: Path::new("/tmp").into(), managed_bytes: 1, slots: 2 };
        let shared = Arc::new(RocksShared::new(&configuration, resources).unwrap());
        assert_eq!(shared.row_cache_bytes(), 80 << 20);
        let guards = [shared.join(), shared.join()];
        assert_eq!(shared.row_cache_bytes(), 40 << 20);
        drop(guards);
        assert_eq!(shared.row_cache_bytes(), 80 << 20);
    }
}

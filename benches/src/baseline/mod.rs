//! Plain loops that do the work of a job without an engine: what the jobs are measured against.

pub mod empty_process;
pub mod map_filter_map;
pub mod word_count;
pub mod word_count_in_place;

//! Jobs on the engine.

mod counting_sink;
pub mod map_filter_map;
pub mod tiny;
pub mod windowed_word_count;
pub mod word_count;

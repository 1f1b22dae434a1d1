//! Options that Flink doesn't have.

use crate::config::MemorySize;

super::options! {
    title: "Sciurus";

    /// Most records in one batch: a batch that has so many is sent on.
    BATCH_MAX_ROWS: u32 = "sciurus.batch.max-rows"
        .default(|| 4096)
        .rule("from 1 to 1048576", |rows| (1..=1 << 20).contains(rows))
        .example("4096");

    /// Size of the records of one batch from which it is sent on, full or not.
    BATCH_MAX_BYTES: MemorySize = "sciurus.batch.max-bytes"
        .default(|| MemorySize::from_kib(256))
        .rule("from 1 kb to 64 mb", |size| (1 << 10..=64 << 20).contains(&size.bytes()))
        .example("256 kb");
}

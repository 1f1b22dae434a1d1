//! `WordCount` on the engine: two sources with tokenizers, a hash exchange, two counters.

use examples::tokenizer::Tokenizer;
use sciurus::prelude::*;

use super::counting_sink::CountingSink;
use crate::error::{IoContext, Result};
use crate::program::{Context, Goal, Outcome, Program};

/// Every update is emitted.
pub const STREAMING: Program = Program {
    name: "word_count",
    about: "word count, 2 + 2 subtasks, every update emitted",
    run: |context| {
        run(context, RuntimeMode::Streaming, Configuration::new()).map(|sink| sink.of_updates())
    },
    goals: &[Goal::CpuRatio { to: "loop_word_count", at_most: 1.15 }],
};

/// Only final counts are emitted.
pub const BATCH: Program = Program {
    name: "word_count_batch",
    about: "word count, 2 + 2 subtasks, final counts only",
    run: |context| {
        run(context, RuntimeMode::Batch, Configuration::new()).map(|sink| sink.of_final_counts())
    },
    goals: &[Goal::CpuRatio { to: "loop_word_count", at_most: 1.1 }],
};

/// A checkpoint every second.
pub const CHECKPOINTED: Program = Program {
    name: "word_count_checkpointed",
    about: "word_count with a checkpoint every second",
    run: |context| run_with_checkpoints(context, "hashmap", "1 s"),
    goals: &[Goal::CpuRatio { to: "word_count", at_most: 1.03 }],
};

/// Counts in RocksDB, with checkpoints as far apart as JVM Flink's were when it was measured.
#[cfg(feature = "rocksdb")]
pub const ROCKSDB: Program = Program {
    name: "word_count_rocksdb",
    about: "word_count with its state in RocksDB and a checkpoint every 5 s",
    run: |context| run_with_checkpoints(context, "rocksdb", "5 s"),
    // JVM Flink needs 4545.
    goals: &[Goal::CpuNsPerRecord(568.0)],
};

fn run_with_checkpoints(context: &Context, backend: &str, interval: &str) -> Result<Outcome> {
    let folder = tempfile::tempdir().at(&std::env::temp_dir())?;
    let directory = folder.path().display().to_string();
    let settings = Configuration::from_pairs([
        ("state.backend.type", backend),
        ("execution.checkpointing.interval", interval),
        ("execution.checkpointing.dir", &directory),
    ]);
    run(context, RuntimeMode::Streaming, settings).map(|sink| sink.of_updates())
}

fn run(context: &Context, mode: RuntimeMode, settings: Configuration) -> Result<CountingSink> {
    let env = StreamExecutionEnvironment::with_configuration(settings);
    env.set_parallelism(2).set_runtime_mode(mode);
    let sink = CountingSink::default();
    let mut tokenizer = Tokenizer::new();
    env.from_source(FileSource::text(context.corpus), WatermarkStrategy::no_watermarks(), "Text")
        .flat_map::<(String, i64)>(move |line, out| {
            for word in tokenizer.words(line) {
                out.collect((word, 1));
            }
        })
        .key_by(F0)
        .sum(F1)
        .sink_to(sink.clone());
    env.execute("word count")?;
    Ok(sink)
}

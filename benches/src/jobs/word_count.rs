//! `WordCount` on the engine: two sources with tokenizers, a hash exchange, two counters.

use examples::tokenizer::Tokenizer;
use sciurus::prelude::*;

use super::counting_sink::CountingSink;
use crate::error::Result;
use crate::program::{Context, Goal, Program};

/// Every update is emitted.
pub const STREAMING: Program = Program {
    name: "word_count",
    about: "word count, 2 + 2 subtasks, every update emitted",
    run: |context| run(context, RuntimeMode::Streaming).map(|sink| sink.of_updates()),
    goals: &[Goal::CpuRatio { to: "loop_word_count", at_most: 1.15 }],
};

/// Only final counts are emitted.
pub const BATCH: Program = Program {
    name: "word_count_batch",
    about: "word count, 2 + 2 subtasks, final counts only",
    run: |context| run(context, RuntimeMode::Batch).map(|sink| sink.of_final_counts()),
    goals: &[Goal::CpuRatio { to: "loop_word_count", at_most: 1.1 }],
};

fn run(context: &Context, mode: RuntimeMode) -> Result<CountingSink> {
    let env = StreamExecutionEnvironment::new();
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

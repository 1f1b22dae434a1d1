//! Word counts of windows by event time, emitted for every word that occurs in a window.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use examples::tokenizer::Tokenizer;
use sciurus::prelude::*;
use sciurus_bench_corpus::LineClock;
use sciurus_connectors::sink::SinkWriter;
use sciurus_core::{Batch, Columns};
use sciurus_engine::operator::OperatorContext;

use crate::error::Result;
use crate::program::{Context, Goal, Outcome, Program};

/// Windows of a second.
pub const TUMBLING: Program = Program {
    name: "window_tumbling",
    about: "word count of each second, 2 + 2 subtasks",
    run: |context| run(context, 1),
    goals: &[Goal::CpuRatio { to: "loop_word_count", at_most: 2.0 }],
};

/// Windows of a minute, one every second.
pub const SLIDING: Program = Program {
    name: "window_sliding",
    about: "word count of the last minute each second, 2 + 2 subtasks",
    run: |context| run(context, 60),
    goals: &[Goal::CpuRatio { to: "window_tumbling", at_most: 1.3 }],
};

fn run(context: &Context, size_s: u64) -> Result<Outcome> {
    let env = StreamExecutionEnvironment::new();
    env.set_parallelism(2);
    let clock = LineClock::default();
    let strategy = WatermarkStrategy::for_monotonous_timestamps()
        .with_timestamp_assigner(move |_, _| clock.tick());
    let sink = SumSink::default();
    let mut tokenizer = Tokenizer::new();
    let words = env
        .from_source(FileSource::text(context.corpus), strategy, "Text")
        .flat_map::<(String, i64)>(move |line, out| {
            for word in tokenizer.words(line) {
                out.collect((word, 1));
            }
        })
        .key_by(F0);
    let second = Duration::from_secs(1);
    if size_s == 1 {
        words.window(TumblingEventTimeWindows::of(second)).sum(F1).sink_to(sink.clone());
    } else {
        let size = Duration::from_secs(size_s);
        words.window(SlidingEventTimeWindows::of(size, second)).sum(F1).sink_to(sink.clone());
    }
    env.execute("windowed word count")?;
    let sum = sink.sum.load(Ordering::Relaxed) as u64;
    // Every word is in as many windows as fit into the size.
    Ok(Outcome { records: sum / size_s, distinct: None })
}

/// Adds up the counts that it gets and drops them.
#[derive(Clone, Default)]
struct SumSink {
    sum: Arc<AtomicI64>,
}

type Counted = (String, i64);

impl Sink<Counted> for SumSink {
    type Committable = ();

    fn writer(
        &self,
        _: &OperatorContext,
    ) -> std::result::Result<Box<dyn SinkWriter<Counted, ()>>, BoxError> {
        Ok(Box::new(self.clone()))
    }
}

impl SinkWriter<Counted, ()> for SumSink {
    fn write_batch(
        &mut self,
        batch: &Batch,
        columns: &<Counted as Record>::Columns,
    ) -> std::result::Result<(), BoxError> {
        let mut sum = 0;
        batch.for_each(|row| sum += columns.get(row).1);
        self.sum.fetch_add(sum, Ordering::Relaxed);
        Ok(())
    }
}

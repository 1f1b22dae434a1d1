//! The jobs.

use std::fs;

use sciurus::Batch;
use sciurus::connectors::sink::{Sink, SinkWriter};
use sciurus::engine::accumulator::Accumulators;
use sciurus::engine::operator::OperatorContext;
use sciurus::engine::source::{
    Boundedness, ReaderContext, Source, SourceReader, SourceSplit, SplitEnumerator,
};
use sciurus::prelude::*;

/// How many numbers the word count counts.
const NUMBERS: i64 = 100_000;

/// Describes and executes a job: what a program's `main` does.
pub fn run(job: &str) {
    match job {
        "counts" => drop(counts().execute("counts").unwrap()),
        "endless" => drop(endless().execute("endless").unwrap()),
        "machine" => drop(of_the_machine().execute("machine").unwrap()),
        "unbounded-batch" => {
            let env = endless();
            env.set_runtime_mode(RuntimeMode::Batch);
            // A program that is run by hand ends with the error.
            env.execute("unbounded-batch").unwrap();
        }
        "collects" => {
            let env = StreamExecutionEnvironment::new();
            drop(env.from_sequence(1, 3).execute_and_collect("collects").unwrap());
        }
        "fails" => drop(failing().execute("fails").unwrap()),
        "hoards" => drop(hoarding().execute("hoards").unwrap()),
        "bad-source" => drop(of_a_bad_source().execute("bad-source").unwrap()),
        "hangs" => drop(hanging().execute("hangs").unwrap()),
        "nothing" => drop(StreamExecutionEnvironment::new()),
        _ => panic!("no such job: {job}"),
    }
}

/// Counts by key what two chains of operators make, over two exchanges.
pub fn counts() -> StreamExecutionEnvironment {
    let env = StreamExecutionEnvironment::new();
    env.set_runtime_mode(RuntimeMode::Batch);
    env.from_sequence(1, NUMBERS)
        .uid("numbers")
        .rebalance()
        .map(|n| (format!("word {}", n % 997), 1_i64))
        .name("words")
        .key_by(F0)
        .sum(F1)
        .name("counter")
        .sink_to(CountsSink)
        .name("counts");
    env
}

/// Counts without an end.
fn endless() -> StreamExecutionEnvironment {
    let env = StreamExecutionEnvironment::new();
    let source = IteratorSource::new(0_i64..).unbounded();
    env.from_source(source, WatermarkStrategy::no_watermarks(), "numbers")
        .set_parallelism(1)
        .map(|n| (n % 100, 1_i64))
        .key_by(F0)
        .sum(F1)
        .discard();
    env
}

/// Is another job in each process, by what the process finds on its machine.
fn of_the_machine() -> StreamExecutionEnvironment {
    let env = StreamExecutionEnvironment::new();
    let cores = std::process::id().to_string();
    env.from_sequence(1, 3).name(&format!("numbers of {cores}")).discard();
    env
}

/// Fails in one subtask, for a reason of its own.
fn failing() -> StreamExecutionEnvironment {
    let env = StreamExecutionEnvironment::new();
    let source = IteratorSource::new(0_i64..).unbounded();
    env.from_source(source, WatermarkStrategy::no_watermarks(), "numbers")
        .set_parallelism(1)
        .key_by_fn::<i64>(|n| n % 100)
        .map(|n| {
            assert!(n < 10_000, "no more");
            n
        })
        .name("picky")
        .rebalance()
        .discard();
    env
}

/// Keeps all that it reads, in the source's own task.
fn hoarding() -> StreamExecutionEnvironment {
    let env = StreamExecutionEnvironment::new();
    env.set_parallelism(1);
    let source = IteratorSource::new(0_i64..).unbounded();
    let mut hoard = Vec::new();
    env.from_source(source, WatermarkStrategy::no_watermarks(), "numbers")
        .map(move |n| {
            hoard.push(vec![1_u8; 256]);
            n
        })
        .name("hoard")
        .discard();
    env
}

/// Reads files that aren't there.
fn of_a_bad_source() -> StreamExecutionEnvironment {
    let env = StreamExecutionEnvironment::new();
    let missing = std::env::temp_dir().join("no-such-folder/no-such-file");
    assert!(fs::metadata(&missing).is_err());
    let source = sciurus::connectors::FileSource::text([missing]);
    env.from_source(source, WatermarkStrategy::no_watermarks(), "files").discard();
    env
}

/// Has a source that doesn't find out what there is to read.
fn hanging() -> StreamExecutionEnvironment {
    let env = StreamExecutionEnvironment::new();
    env.from_source(HangingSource, WatermarkStrategy::no_watermarks(), "hanging").discard();
    env
}

struct HangingSource;

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct NoSplit;

impl SourceSplit for NoSplit {
    fn id(&self) -> String {
        String::new()
    }
}

impl Source for HangingSource {
    type Item = i64;
    type Split = NoSplit;
    type EnumeratorState = ();

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn enumerator(
        &self,
        _: u32,
        _: Option<()>,
    ) -> Result<Box<dyn SplitEnumerator<NoSplit, ()>>, BoxError> {
        loop {
            std::thread::park();
        }
    }

    fn reader(&self, _: &ReaderContext) -> Result<Box<dyn SourceReader<i64, NoSplit>>, BoxError> {
        Err("there is nothing to read".into())
    }
}

/// Counts what it is given into accumulators, which reach the manager with the metrics.
#[derive(Clone, Copy)]
struct CountsSink;

struct CountsWriter(Accumulators);

impl Sink<(String, i64)> for CountsSink {
    type Committable = ();

    fn writer(
        &self,
        context: &OperatorContext,
    ) -> Result<Box<dyn SinkWriter<(String, i64), ()>>, BoxError> {
        Ok(Box::new(CountsWriter(context.accumulators.clone())))
    }
}

impl SinkWriter<(String, i64), ()> for CountsWriter {
    fn write_batch(
        &mut self,
        batch: &Batch,
        columns: &<(String, i64) as Record>::Columns,
    ) -> Result<(), BoxError> {
        use sciurus::Columns;
        batch.for_each(|row| {
            let (word, count) = columns.get(row);
            self.0.add(word, count);
        });
        Ok(())
    }
}

//! What operators cost, without a job around them: prints nanoseconds of processor time a record.
//!
//! `cargo bench -p sciurus-engine --bench operators`

use std::error::Error;
use std::fs;

use sciurus_core::record::{F0, Record};
use sciurus_core::{Batch, BoxError, Columns};
use sciurus_engine::collector::Emitter;
use sciurus_engine::exchange::{ColumnKeys, KeyExtractorFactory, Partitioner};
use sciurus_engine::function::{
    Context, KeyedContext, KeyedProcessFunction, KeyedRuntimeContext, ProcessFunction,
};
use sciurus_engine::operator::{BatchLimits, Operator, OperatorContext};
use sciurus_engine::operators::{KeyedProcess, Map, Process, RollingReduce};
use sciurus_engine::output::Output;
use sciurus_engine::{Collector, TaskError};
use sciurus_state::{StateAccess, ValueState};
use sciurus_testkit::HarnessOptions;

const ROWS: usize = 4_000_000;
const BATCH_ROWS: usize = 4096;
const PASSES: usize = 5;

type ByNumber = (i64, i64);
type ByWord = (String, i64);

/// Passes everything on.
#[derive(Clone)]
struct Pass;

impl ProcessFunction for Pass {
    type In = ByNumber;
    type Out = ByNumber;

    fn process_element(
        &mut self,
        record: (i64, i64),
        _: &mut Context<'_>,
        out: &mut Collector<'_, ByNumber>,
    ) -> Result<(), BoxError> {
        out.collect(record);
        Ok(())
    }
}

/// Sums per key in a value state, or doesn't and passes everything on.
macro_rules! keyed_function {
    ($name:ident: $record:ty, $key:ty) => {
        #[derive(Clone)]
        struct $name(Option<ValueState<i64>>);

        impl KeyedProcessFunction for $name {
            type Key = $key;
            type In = $record;
            type Out = $record;

            fn open(&mut self, ctx: &mut KeyedRuntimeContext<'_>) -> Result<(), BoxError> {
                Ok(self.0.as_mut().map_or(Ok(()), |sum| ctx.register(sum))?)
            }

            fn process_element(
                &mut self,
                (key, n): <$record as Record>::View<'_>,
                ctx: &mut KeyedContext<'_, $key>,
                out: &mut Collector<'_, $record>,
            ) -> Result<(), BoxError> {
                let sum = match &self.0 {
                    None => n,
                    Some(state) => {
                        state.update_with(ctx, |sum| *sum.insert(sum.unwrap_or(0) + n))?
                    }
                };
                out.collect((key, sum));
                Ok(())
            }
        }
    };
}

keyed_function!(SumByNumber: ByNumber, i64);
keyed_function!(SumByWord: ByWord, String);

fn main() -> Result<(), Box<dyn Error>> {
    let numbers = |distinct: usize| {
        keyed::<ByNumber>(&ColumnKeys::<ByNumber, F0>::default(), |emitter, n| {
            emitter.append(((n * 7919 % distinct) as i64, 1), None)
        })
    };
    let words = |distinct: usize| {
        keyed::<ByWord>(&ColumnKeys::<ByWord, F0>::default(), |emitter, n| {
            emitter.append((&format!("word {}", n * 7919 % distinct), 1), None)
        })
    };
    let by_number = ColumnKeys::<ByNumber, F0>::default();
    let by_word = ColumnKeys::<ByWord, F0>::default();
    let sum = || Some(ValueState::new("sum"));
    let batches = numbers(1000)?;
    measure("map", &batches, |context| {
        Map::<ByNumber, ByNumber, _>::new(|record| record, context.limits)
    })?;
    measure("process", &batches, |context| Process::new(Pass, context))?;
    for distinct in [1000, 300_000] {
        let batches = numbers(distinct)?;
        println!("{distinct} keys, integers");
        measure("  keyed process without state", &batches, |context| {
            KeyedProcess::new(SumByNumber(None), by_number.create(), context)
        })?;
        measure("  keyed process with a value state", &batches, |context| {
            KeyedProcess::new(SumByNumber(sum()), by_number.create(), context)
        })?;
        measure("  reduce", &batches, |context| {
            RollingReduce::<ByNumber, _>::new(
                |sum: &mut ByNumber, columns: &<ByNumber as Record>::Columns, row| {
                    sum.1 += columns.get(row).1;
                },
                by_number.create(),
                context,
            )
        })?;
        let batches = words(distinct)?;
        println!("{distinct} keys, words");
        measure("  keyed process without state", &batches, |context| {
            KeyedProcess::new(SumByWord(None), by_word.create(), context)
        })?;
        measure("  keyed process with a value state", &batches, |context| {
            KeyedProcess::new(SumByWord(sum()), by_word.create(), context)
        })?;
        measure("  reduce", &batches, |context| {
            RollingReduce::<ByWord, _>::new(
                |sum: &mut ByWord, columns: &<ByWord as Record>::Columns, row| {
                    sum.1 += columns.get(row).1;
                },
                by_word.create(),
                context,
            )
        })?;
    }
    Ok(())
}

/// Makes batches with their keys, as a hash exchange hands them over.
fn keyed<T: Record>(
    keys: &dyn KeyExtractorFactory,
    append: impl Fn(&mut Emitter<T>, usize) -> bool,
) -> Result<Vec<Batch>, TaskError> {
    let mut emitter = Emitter::new(BatchLimits { max_rows: BATCH_ROWS, ..BatchLimits::default() });
    let mut partitioner = Partitioner::hash(keys.create(), 1, 128);
    let mut batches = Vec::new();
    for row in 0..ROWS {
        if append(&mut emitter, row) {
            partitioner.partition(emitter.take()?, 1, |_, batch| {
                batches.push(batch);
                Ok(())
            })?;
        }
    }
    Ok(batches)
}

fn measure<P: Operator>(
    name: &str,
    batches: &[Batch],
    make: impl Fn(&OperatorContext) -> P,
) -> Result<(), Box<dyn Error>> {
    let context = HarnessOptions::default().context().0;
    let mut best = f64::MAX;
    for _ in 0..PASSES {
        let mut operator = make(&context);
        operator.open(&context)?;
        let mut out = Output::new(context.metrics.clone());
        let start = processor_nanos()?;
        for batch in batches {
            operator.process_batch(0, batch.clone(), &mut out)?;
        }
        let rows: usize = batches.iter().map(Batch::len).sum();
        best = best.min((processor_nanos()? - start) as f64 / rows as f64);
    }
    println!("{name:<40} {best:6.1} ns");
    Ok(())
}

/// The processor time of this thread so far.
fn processor_nanos() -> Result<u64, Box<dyn Error>> {
    let schedule = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = schedule.split_whitespace().next().ok_or("an empty schedstat")?;
    Ok(nanos.parse()?)
}

//! Aggregates and functions of users in the table.

use sciurus_core::record::RowCodec;
use sciurus_core::time::Timestamp;
use sciurus_core::{BoxError, Columns, Record};
use sciurus_engine::exchange::KeyExtractorFactory;
use sciurus_engine::function::{
    BroadcastContext, BroadcastProcessFunction, CoProcessFunction, Context,
    FunctionInitializationContext, FunctionSnapshotContext, KeyedBroadcastProcessFunction,
    KeyedCoProcessFunction, KeyedContext, KeyedProcessFunction, KeyedReadOnlyContext,
    KeyedRuntimeContext, OnTimerContext, ProcessFunction, ReadOnlyContext, ReadOnlyOnTimerContext,
};
use sciurus_engine::operators::{
    BroadcastProcess, CoProcess, KeyedBroadcastProcess, KeyedCoProcess, KeyedProcess, Process,
    RollingReduce, RollingSum,
};
use sciurus_engine::{Collector, TaskResult};
use sciurus_state::operator::{BroadcastState, OperatorListState};
use sciurus_state::{
    AggregateFunction, AggregatingState, ListState, MapState, ReducingState, ValueState,
};
use sciurus_testkit::OperatorCheckpoint;

use crate::drive::{Script, Word, connected, keyed, keys};

/// A key and what a function has to say of it.
type Said = (String, i64, i64);

pub fn rolling_sum(script: &Script) -> TaskResult<Vec<String>> {
    let results = keyed::<Word, _>(script, |context| {
        let schema = arrow_schema::Schema::new(Word::fields());
        RollingSum::<String, i64>::new(schema.into(), vec![0], 1, keys().create(), context)
    });
    Ok(results?.0)
}

pub fn rolling_reduce(script: &Script) -> TaskResult<Vec<String>> {
    let results = keyed::<Word, _>(script, |context| {
        let add = |sum: &mut Word, columns: &<Word as Record>::Columns, row: usize| {
            sum.1 = sum.1 * 2 % 1000 + columns.get(row).1;
        };
        RollingReduce::new(add, keys().create(), context)
    });
    Ok(results?.0)
}

/// Remembers in every kind of keyed state, and by timers of both kinds.
#[derive(Clone)]
struct Remember {
    count: ValueState<i64>,
    values: ListState<i64>,
    by_digit: MapState<i64, i64>,
    sum: ReducingState<i64>,
    longest: AggregatingState<Longest>,
}

/// The greatest value, as an aggregate.
#[derive(Clone)]
struct Longest;

impl AggregateFunction for Longest {
    type Input = i64;
    type Accumulator = i64;
    type Output = i64;

    fn create_accumulator(&self) -> i64 {
        i64::MIN
    }

    fn add(&self, value: i64, greatest: &mut i64) {
        *greatest = value.max(*greatest);
    }

    fn result(&self, greatest: &i64) -> i64 {
        *greatest
    }

    fn merge(&self, one: i64, other: i64) -> i64 {
        one.max(other)
    }
}

impl Remember {
    fn new() -> Self {
        Self {
            count: ValueState::new("count"),
            values: ListState::new("values"),
            by_digit: MapState::new("by digit"),
            sum: ReducingState::new("sum", |one, other| one + other),
            longest: AggregatingState::new("longest", Longest),
        }
    }
}

impl KeyedProcessFunction for Remember {
    type Key = String;
    type In = Word;
    type Out = Said;

    fn open(&mut self, ctx: &mut KeyedRuntimeContext<'_>) -> Result<(), BoxError> {
        use sciurus_state::StateAccess;
        ctx.register(&mut self.count)?;
        ctx.register(&mut self.values)?;
        ctx.register(&mut self.by_digit)?;
        ctx.register(&mut self.sum)?;
        Ok(ctx.register(&mut self.longest)?)
    }

    fn process_element(
        &mut self,
        (key, value): (&str, i64),
        ctx: &mut KeyedContext<'_, String>,
        out: &mut Collector<'_, Said>,
    ) -> Result<(), BoxError> {
        let count = self.count.value(ctx)?.unwrap_or(0) + 1;
        self.count.update(ctx, count)?;
        self.values.add(ctx, value)?;
        let digit = value % 10;
        let seen = self.by_digit.get(ctx, &digit)?.unwrap_or(0) + 1;
        self.by_digit.put(ctx, digit, seen)?;
        self.sum.add(ctx, value)?;
        self.longest.add(ctx, value)?;
        let timestamp = ctx.timestamp().unwrap_or(0);
        let mut timers = ctx.timer_service();
        timers.register_event_time_timer(timestamp + 7)?;
        let now = timers.current_processing_time();
        timers.register_processing_time_timer(now + 5)?;
        out.collect((key, count, timers.current_watermark()));
        Ok(())
    }

    fn on_timer(
        &mut self,
        timestamp: Timestamp,
        ctx: &mut OnTimerContext<'_, String>,
        out: &mut Collector<'_, Said>,
    ) -> Result<(), BoxError> {
        let values: i64 = self.values.get(ctx)?.into_iter().fold(0, |all, v| all * 3 % 997 + v);
        let digits: i64 = self.by_digit.values(ctx)?.into_iter().sum();
        let rest = self.sum.get(ctx)?.unwrap_or(0) + self.longest.get(ctx)?.unwrap_or(0);
        out.collect((ctx.current_key(), timestamp, values * 1_000_000 + digits * 10_000 + rest));
        if timestamp % 3 == 0 {
            self.values.clear(ctx)?;
        }
        Ok(())
    }
}

pub fn keyed_process(script: &Script) -> TaskResult<Vec<String>> {
    let results = keyed::<Said, _>(script, |context| {
        KeyedProcess::new(Remember::new(), keys().create(), context)
    });
    Ok(results?.0)
}

/// Counts the records of both inputs, and says so some time after the last of the first.
#[derive(Clone)]
struct CountBoth {
    counts: ValueState<(i64, i64)>,
}

impl KeyedCoProcessFunction for CountBoth {
    type Key = String;
    type In1 = Word;
    type In2 = Word;
    type Out = Said;

    fn open(&mut self, ctx: &mut KeyedRuntimeContext<'_>) -> Result<(), BoxError> {
        use sciurus_state::StateAccess;
        Ok(ctx.register(&mut self.counts)?)
    }

    fn process_element1(
        &mut self,
        _: (&str, i64),
        ctx: &mut KeyedContext<'_, String>,
        _: &mut Collector<'_, Said>,
    ) -> Result<(), BoxError> {
        let (first, second) = self.counts.value(ctx)?.unwrap_or_default();
        self.counts.update(ctx, (first + 1, second))?;
        let due = ctx.timestamp().unwrap_or(0) + 9;
        Ok(ctx.timer_service().register_event_time_timer(due)?)
    }

    fn process_element2(
        &mut self,
        (key, _): (&str, i64),
        ctx: &mut KeyedContext<'_, String>,
        out: &mut Collector<'_, Said>,
    ) -> Result<(), BoxError> {
        let (first, second) = self.counts.value(ctx)?.unwrap_or_default();
        self.counts.update(ctx, (first, second + 1))?;
        out.collect((key, first, second));
        Ok(())
    }

    fn on_timer(
        &mut self,
        timestamp: Timestamp,
        ctx: &mut OnTimerContext<'_, String>,
        out: &mut Collector<'_, Said>,
    ) -> Result<(), BoxError> {
        let (first, second) = self.counts.value(ctx)?.unwrap_or_default();
        out.collect((ctx.current_key(), timestamp, first * 1000 + second));
        Ok(())
    }
}

pub fn keyed_co_process(script: &Script) -> TaskResult<Vec<String>> {
    let results = connected::<Said, _>(script, false, |context| {
        let function = CountBoth { counts: ValueState::new("counts") };
        KeyedCoProcess::new(function, [keys().create(), keys().create()], context)
    });
    Ok(results?.0)
}

/// Holds records back until there are three; Flink's example of a `CheckpointedFunction`.
#[derive(Clone)]
struct Buffer {
    waiting: Vec<Word>,
    list: OperatorListState<Word>,
}

impl Buffer {
    fn new() -> Self {
        Self { waiting: Vec::new(), list: OperatorListState::split("waiting") }
    }

    fn initialize(&mut self, ctx: &mut FunctionInitializationContext<'_>) -> Result<(), BoxError> {
        ctx.register(&mut self.list)?;
        self.waiting = self.list.get(ctx.operator_state())?.to_vec();
        Ok(())
    }

    fn snapshot(&mut self, ctx: &mut FunctionSnapshotContext<'_>) -> Result<(), BoxError> {
        Ok(self.list.update(ctx.operator_state(), self.waiting.clone())?)
    }

    fn take(&mut self, (key, value): (&str, i64), out: &mut Collector<'_, Word>) {
        self.waiting.push((key.to_owned(), value));
        if self.waiting.len() >= 3 {
            self.waiting.drain(..).for_each(|word| out.collect_owned(&word));
        }
    }
}

impl ProcessFunction for Buffer {
    type In = Word;
    type Out = Word;

    fn initialize_state(
        &mut self,
        ctx: &mut FunctionInitializationContext<'_>,
    ) -> Result<(), BoxError> {
        self.initialize(ctx)
    }

    fn process_element(
        &mut self,
        word: (&str, i64),
        _: &mut Context<'_>,
        out: &mut Collector<'_, Word>,
    ) -> Result<(), BoxError> {
        self.take(word, out);
        Ok(())
    }

    fn snapshot_state(&mut self, ctx: &mut FunctionSnapshotContext<'_>) -> Result<(), BoxError> {
        self.snapshot(ctx)
    }
}

impl CoProcessFunction for Buffer {
    type In1 = Word;
    type In2 = Word;
    type Out = Word;

    fn initialize_state(
        &mut self,
        ctx: &mut FunctionInitializationContext<'_>,
    ) -> Result<(), BoxError> {
        self.initialize(ctx)
    }

    fn process_element1(
        &mut self,
        word: (&str, i64),
        _: &mut Context<'_>,
        out: &mut Collector<'_, Word>,
    ) -> Result<(), BoxError> {
        self.take(word, out);
        Ok(())
    }

    fn process_element2(
        &mut self,
        word: (&str, i64),
        _: &mut Context<'_>,
        out: &mut Collector<'_, Word>,
    ) -> Result<(), BoxError> {
        self.take(word, out);
        Ok(())
    }

    fn snapshot_state(&mut self, ctx: &mut FunctionSnapshotContext<'_>) -> Result<(), BoxError> {
        self.snapshot(ctx)
    }
}

/// What came out and what waits, together: which records wait with which is left open.
fn with_waiting(out: Vec<String>, checkpoint: &OperatorCheckpoint) -> TaskResult<Vec<String>> {
    let mut all: Vec<_> = out
        .into_iter()
        .map(|result| match result.strip_prefix("RecordAt(").and_then(|r| r.rsplit_once(", ")) {
            Some((record, _)) => record.to_owned(),
            None => result,
        })
        .collect();
    let states = checkpoint.operator_state().iter().flat_map(|snapshot| &snapshot.states);
    for item in states.flat_map(|state| &state.items) {
        all.push(format!("{:?}", Word::decode_row(&mut &item[..])?));
    }
    all.sort();
    Ok(all)
}

pub fn process(script: &Script) -> TaskResult<Vec<String>> {
    let (out, checkpoint) =
        keyed::<Word, _>(script, |context| Process::new(Buffer::new(), context))?;
    with_waiting(out, &checkpoint)
}

pub fn co_process(script: &Script) -> TaskResult<Vec<String>> {
    let (out, checkpoint) =
        connected::<Word, _>(script, false, |context| CoProcess::new(Buffer::new(), context))?;
    with_waiting(out, &checkpoint)
}

/// Says what the second stream last said of the key.
#[derive(Clone)]
struct Limits {
    limits: BroadcastState<String, i64>,
    count: ValueState<i64>,
}

impl Limits {
    fn new() -> Self {
        Self { limits: BroadcastState::new("limits"), count: ValueState::new("count") }
    }
}

impl BroadcastProcessFunction for Limits {
    type In = Word;
    type Broadcast = Word;
    type Out = Said;

    fn initialize_state(
        &mut self,
        ctx: &mut FunctionInitializationContext<'_>,
    ) -> Result<(), BoxError> {
        Ok(ctx.register_broadcast(&mut self.limits)?)
    }

    fn process_element(
        &mut self,
        (key, value): (&str, i64),
        ctx: &mut ReadOnlyContext<'_, '_>,
        out: &mut Collector<'_, Said>,
    ) -> Result<(), BoxError> {
        let limit = self.limits.get(ctx.broadcast_state(), &key.to_owned())?;
        out.collect((key, value, limit.copied().unwrap_or(-1)));
        Ok(())
    }

    fn process_broadcast_element(
        &mut self,
        (key, limit): (&str, i64),
        ctx: &mut BroadcastContext<'_, '_>,
        _: &mut Collector<'_, Said>,
    ) -> Result<(), BoxError> {
        if limit % 4 == 0 {
            self.limits.remove(ctx.broadcast_state(), &key.to_owned())?;
        } else {
            self.limits.put(ctx.broadcast_state(), key.to_owned(), limit)?;
        }
        Ok(())
    }
}

impl KeyedBroadcastProcessFunction for Limits {
    type Key = String;
    type In = Word;
    type Broadcast = Word;
    type Out = Said;

    fn initialize_state(
        &mut self,
        ctx: &mut FunctionInitializationContext<'_>,
    ) -> Result<(), BoxError> {
        Ok(ctx.register_broadcast(&mut self.limits)?)
    }

    fn open(&mut self, ctx: &mut KeyedRuntimeContext<'_>) -> Result<(), BoxError> {
        use sciurus_state::StateAccess;
        Ok(ctx.register(&mut self.count)?)
    }

    fn process_element(
        &mut self,
        (key, _): (&str, i64),
        ctx: &mut KeyedReadOnlyContext<'_, '_, String>,
        out: &mut Collector<'_, Said>,
    ) -> Result<(), BoxError> {
        let count = self.count.value(ctx)?.unwrap_or(0) + 1;
        self.count.update(ctx, count)?;
        let limit = self.limits.get(ctx.broadcast_state(), &key.to_owned())?;
        out.collect((key, count, limit.copied().unwrap_or(-1)));
        let due = ctx.timestamp().unwrap_or(0) + 6;
        Ok(ctx.timer_service().register_event_time_timer(due)?)
    }

    fn process_broadcast_element(
        &mut self,
        (key, limit): (&str, i64),
        ctx: &mut BroadcastContext<'_, '_>,
        _: &mut Collector<'_, Said>,
    ) -> Result<(), BoxError> {
        self.limits.put(ctx.broadcast_state(), key.to_owned(), limit)?;
        Ok(())
    }

    fn on_timer(
        &mut self,
        timestamp: Timestamp,
        ctx: &mut ReadOnlyOnTimerContext<'_, '_, String>,
        out: &mut Collector<'_, Said>,
    ) -> Result<(), BoxError> {
        let limits = self.limits.entries(ctx.broadcast_state())?.map(|(_, limit)| *limit).sum();
        let key = ctx.current_key().to_owned();
        let count = self.count.value(ctx)?.unwrap_or(0);
        out.collect((&key, timestamp * 1000 + count, limits));
        Ok(())
    }
}

pub fn broadcast_process(script: &Script) -> TaskResult<Vec<String>> {
    let results =
        connected::<Said, _>(script, true, |context| BroadcastProcess::new(Limits::new(), context));
    Ok(results?.0)
}

pub fn keyed_broadcast_process(script: &Script) -> TaskResult<Vec<String>> {
    let results = connected::<Said, _>(script, true, |context| {
        KeyedBroadcastProcess::new(Limits::new(), keys().create(), context)
    });
    Ok(results?.0)
}

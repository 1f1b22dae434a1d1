//! Windows in the table.

use std::time::Duration;

use sciurus_core::Record;
use sciurus_core::record::F1;
use sciurus_engine::Collector;
use sciurus_engine::TaskResult;
use sciurus_engine::exchange::KeyExtractorFactory;
use sciurus_engine::operator::{Operator, OperatorContext};
use sciurus_engine::windowing::assigner::{
    EventTimeSessionWindows, GlobalWindows, ProcessingTimeSessionWindows, SlidingEventTimeWindows,
    TumblingEventTimeWindows, WindowAssigner,
};
use sciurus_engine::windowing::contents::{
    ColumnExtreme, ColumnSum, ElementList, Extreme, Reduce, WindowContents,
};
use sciurus_engine::windowing::general::{WindowOperator, WindowOptions};
use sciurus_engine::windowing::output::{
    Accumulated, AllElements, Apply, KeyAndValue, PassThrough, RowOutput, WindowElements,
};
use sciurus_engine::windowing::sliced::{SlicedOptions, SlicedWindowOperator};
use sciurus_engine::windowing::slicing::Slicing;
use sciurus_engine::windowing::trigger::{
    ContinuousEventTimeTrigger, CountTrigger, EventTimeTrigger, ProcessingTimeTrigger,
    PurgingTrigger, Trigger,
};
use sciurus_engine::windowing::window::TimeWindow;
use sciurus_state::TimeDomain;

use crate::drive::{Script, Word, keyed, keys};

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn summing<A, G>(
    assigner: A,
    trigger: G,
    allowed_lateness: i64,
    context: &OperatorContext,
) -> impl Operator + use<A, G>
where
    A: WindowAssigner<Word>,
    G: Trigger<Word, A::Window>,
{
    let contents = Reduce::new(|sum: &mut Word, (_, value): (&str, i64)| sum.1 += value);
    let output = RowOutput::<_, _, Word>::new(Accumulated, PassThrough, context.limits);
    let options = WindowOptions { assigner, trigger, allowed_lateness, late_tag: None };
    let extractor = keys().create();
    WindowOperator::<Word, String, _, _, _, _>::new(options, extractor, contents, output, context)
}

pub fn sessions(script: &Script) -> TaskResult<Vec<String>> {
    let sessions = EventTimeSessionWindows::with_gap(millis(7));
    let results =
        keyed::<Word, _>(script, move |context| summing(sessions, EventTimeTrigger, 10, context));
    Ok(results?.0)
}

/// Key, start and end of a window, and the values of its records.
type Described = (String, i64, i64, Vec<i64>);

fn describe(
    key: &str,
    window: &TimeWindow,
    elements: WindowElements<'_, Word>,
    out: &mut Collector<'_, Described>,
) {
    let values = elements.map(|(_, value)| value).collect();
    out.collect_owned(&(key.to_owned(), window.start, window.end, values));
}

pub fn late_elements(script: &Script) -> TaskResult<Vec<String>> {
    let windows = SlidingEventTimeWindows::of(millis(20), millis(7));
    let results = keyed::<Described, _>(script, move |context| {
        let output = RowOutput::new(AllElements, Apply::new(describe), context.limits);
        let options = WindowOptions {
            assigner: windows,
            trigger: EventTimeTrigger,
            allowed_lateness: 15,
            late_tag: None,
        };
        WindowOperator::<Word, String, _, _, _, _>::new(
            options,
            keys().create(),
            ElementList::all(),
            output,
            context,
        )
    });
    Ok(results?.0)
}

pub fn global_counts(script: &Script) -> TaskResult<Vec<String>> {
    let results = keyed::<Word, _>(script, |context| {
        let trigger = PurgingTrigger::of(CountTrigger::of(3));
        summing(GlobalWindows::create(), trigger, 0, context)
    });
    Ok(results?.0)
}

pub fn continuous(script: &Script) -> TaskResult<Vec<String>> {
    let windows = TumblingEventTimeWindows::of(millis(30));
    let results = keyed::<Word, _>(script, move |context| {
        summing(windows, ContinuousEventTimeTrigger::of(millis(8)), 5, context)
    });
    Ok(results?.0)
}

pub fn processing_time_sessions(script: &Script) -> TaskResult<Vec<String>> {
    let sessions = ProcessingTimeSessionWindows::with_gap(millis(6));
    let results = keyed::<Word, _>(script, move |context| {
        summing(sessions, ProcessingTimeTrigger, 0, context)
    });
    Ok(results?.0)
}

fn sliced<C>(
    slicing: Slicing,
    domain: TimeDomain,
    allowed_lateness: i64,
    contents: C,
    context: &OperatorContext,
) -> impl Operator + use<C>
where
    C: WindowContents<Word, Accumulator = i64>,
{
    let schema = arrow_schema::Schema::new(Word::fields());
    let output = KeyAndValue::<String, i64>::new(schema.into(), vec![0], context.limits);
    let options = SlicedOptions { slicing, domain, allowed_lateness, late_tag: None };
    SlicedWindowOperator::<Word, String, TimeWindow, _, _>::new(
        options,
        keys().create(),
        contents,
        output,
        context,
    )
}

pub fn tumbling(script: &Script) -> TaskResult<Vec<String>> {
    let results = keyed::<Word, _>(script, |context| {
        sliced(Slicing::tumbling(12, 1), TimeDomain::Event, 9, ColumnSum::new(F1), context)
    });
    Ok(results?.0)
}

pub fn sliding_sum(script: &Script) -> TaskResult<Vec<String>> {
    let results = keyed::<Word, _>(script, |context| {
        sliced(Slicing::sliding(20, 6, 0), TimeDomain::Event, 0, ColumnSum::new(F1), context)
    });
    Ok(results?.0)
}

pub fn sliding_extreme(script: &Script) -> TaskResult<Vec<String>> {
    let results = keyed::<Word, _>(script, |context| {
        let contents = ColumnExtreme::new(F1, Extreme::Max);
        sliced(Slicing::sliding(24, 6, 0), TimeDomain::Event, 11, contents, context)
    });
    Ok(results?.0)
}

pub fn sliding_processing_time(script: &Script) -> TaskResult<Vec<String>> {
    let results = keyed::<Word, _>(script, |context| {
        sliced(Slicing::sliding(20, 6, 0), TimeDomain::Processing, 0, ColumnSum::new(F1), context)
    });
    Ok(results?.0)
}

use sciurus_core::BoxError;
use sciurus_core::record::F0;
use sciurus_core::time::Timestamp;
use sciurus_engine::exchange::{ColumnKeys, KeyExtractorFactory};
use sciurus_engine::function::{
    CoProcessFunction, Context, KeyedCoProcessFunction, KeyedContext, KeyedRuntimeContext,
    OnTimerContext,
};
use sciurus_engine::operators::{CoFlatMap, CoMap, CoProcess, KeyedCoProcess};
use sciurus_engine::{Collector, TaskResult};
use sciurus_state::{StateAccess, ValueState};
use sciurus_testkit::{Event, TwoInputHarness};

#[test]
fn each_input_has_a_function_of_its_own() -> TaskResult {
    let mut harness = TwoInputHarness::<i64, String, String>::open(|context| {
        CoMap::<i64, String, _, _, _>::new(
            |n: i64| n.to_string(),
            |text: &str| text.to_uppercase(),
            context.limits,
        )
    })?;
    harness.process_element1(7)?;
    harness.process_element2_at("word", 5)?;
    let expected = [Event::Record("7".to_owned()), Event::RecordAt("WORD".to_owned(), 5)];
    assert_eq!(harness.take_output()?, expected);
    Ok(())
}

#[test]
fn both_inputs_collect_into_one_output() -> TaskResult {
    let mut harness = TwoInputHarness::<i64, String, i64>::open(|context| {
        CoFlatMap::<i64, String, _, _, _>::new(
            |n: i64, out: &mut Collector<'_, i64>| (0..n).for_each(|i| out.collect(i)),
            |text: &str, out: &mut Collector<'_, i64>| out.collect(text.len() as i64),
            context.limits,
        )
    })?;
    harness.process_element1(3)?;
    harness.process_element2("word")?;
    assert_eq!(harness.take_records()?, [0, 1, 2, 4]);
    Ok(())
}

#[test]
fn the_watermark_is_the_lesser_of_both_inputs_unless_one_is_idle() -> TaskResult {
    let mut harness = TwoInputHarness::<i64, i64, i64>::open(|context| {
        CoMap::<i64, i64, _, _, _>::new(|n: i64| n, |n: i64| n, context.limits)
    })?;
    harness.process_watermark1(10)?;
    assert!(harness.take_output()?.is_empty());
    harness.process_watermark2(7)?;
    assert_eq!(harness.take_output()?, [Event::Watermark(7)]);
    harness.process_status2(true)?;
    assert_eq!(harness.take_output()?, [Event::Watermark(10)]);
    harness.end_input1()?;
    assert!(!harness.take_output()?.contains(&Event::End));
    harness.end_input2()?;
    assert_eq!(harness.take_output()?.last(), Some(&Event::End));
    harness.close()
}

/// Lets words through that the other input allows.
#[derive(Clone, Default)]
struct Allow {
    allowed: Vec<String>,
}

impl CoProcessFunction for Allow {
    type In1 = String;
    type In2 = String;
    type Out = String;

    fn process_element1(
        &mut self,
        word: &str,
        _: &mut Context<'_>,
        out: &mut Collector<'_, String>,
    ) -> Result<(), BoxError> {
        if self.allowed.iter().any(|allowed| allowed == word) {
            out.collect(word);
        }
        Ok(())
    }

    fn process_element2(
        &mut self,
        word: &str,
        _: &mut Context<'_>,
        _: &mut Collector<'_, String>,
    ) -> Result<(), BoxError> {
        self.allowed.push(word.to_owned());
        Ok(())
    }
}

#[test]
fn both_inputs_share_the_function() -> TaskResult {
    let mut harness = TwoInputHarness::<String, String, String>::open(|context| {
        CoProcess::new(Allow::default(), context)
    })?;
    harness.process_element1("oak")?;
    harness.process_element2("oak")?;
    harness.process_element1("oak")?;
    harness.process_element1("elm")?;
    assert_eq!(harness.take_records()?, ["oak"]);
    Ok(())
}

type Order = (String, i64);
type Payment = (String, f64);

/// Joins an order with its payment; reports orders that were not paid within ten milliseconds.
#[derive(Clone)]
struct Paid {
    order: ValueState<i64>,
    payment: ValueState<f64>,
}

impl KeyedCoProcessFunction for Paid {
    type Key = String;
    type In1 = Order;
    type In2 = Payment;
    type Out = (String, i64, f64);

    fn open(&mut self, ctx: &mut KeyedRuntimeContext<'_>) -> Result<(), BoxError> {
        ctx.register(&mut self.order)?;
        ctx.register(&mut self.payment)?;
        Ok(())
    }

    fn process_element1(
        &mut self,
        (id, amount): (&str, i64),
        ctx: &mut KeyedContext<'_, String>,
        out: &mut Collector<'_, (String, i64, f64)>,
    ) -> Result<(), BoxError> {
        if let Some(paid) = self.payment.value(ctx)? {
            out.collect((id, amount, paid));
            return Ok(self.payment.clear(ctx)?);
        }
        self.order.update(ctx, amount)?;
        let deadline = ctx.timestamp().unwrap_or(0) + 10;
        Ok(ctx.timer_service().register_event_time_timer(deadline)?)
    }

    fn process_element2(
        &mut self,
        (id, paid): (&str, f64),
        ctx: &mut KeyedContext<'_, String>,
        out: &mut Collector<'_, (String, i64, f64)>,
    ) -> Result<(), BoxError> {
        if let Some(amount) = self.order.value(ctx)? {
            out.collect((id, amount, paid));
            return Ok(self.order.clear(ctx)?);
        }
        Ok(self.payment.update(ctx, paid)?)
    }

    fn on_timer(
        &mut self,
        _: Timestamp,
        ctx: &mut OnTimerContext<'_, String>,
        out: &mut Collector<'_, (String, i64, f64)>,
    ) -> Result<(), BoxError> {
        if let Some(amount) = self.order.value(ctx)? {
            out.collect((ctx.current_key(), amount, 0.0));
            self.order.clear(ctx)?;
        }
        Ok(())
    }
}

#[test]
fn keyed_inputs_share_state_and_timers_of_their_key() -> TaskResult {
    let mut harness = TwoInputHarness::<Order, Payment, (String, i64, f64)>::open(|context| {
        let orders = ColumnKeys::<Order, F0>::default().create();
        let payments = ColumnKeys::<Payment, F0>::default().create();
        let function =
            Paid { order: ValueState::new("order"), payment: ValueState::new("payment") };
        KeyedCoProcess::new(function, [orders, payments], context)
    })?;
    harness.process_element1_at(("a", 5), 1)?;
    harness.process_element2_at(("b", 7.5), 2)?;
    harness.process_element1_at(("c", 9), 3)?;
    assert!(harness.take_output()?.is_empty());
    harness.process_element2_at(("a", 5.5), 4)?;
    harness.process_element1_at(("b", 7), 5)?;
    let expected = [
        Event::RecordAt(("a".to_owned(), 5, 5.5), 4),
        Event::RecordAt(("b".to_owned(), 7, 7.5), 5),
    ];
    assert_eq!(harness.take_output()?, expected);
    harness.process_watermark1(20)?;
    assert!(harness.take_output()?.is_empty(), "the other input may still bring the payment");
    harness.process_watermark2(15)?;
    let expected = [Event::RecordAt(("c".to_owned(), 9, 0.0), 13), Event::Watermark(15)];
    assert_eq!(harness.take_output()?, expected);
    Ok(())
}

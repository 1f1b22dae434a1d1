//! Timers against a model, with random keys and times.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use sciurus_core::BoxError;
use sciurus_core::record::F0;
use sciurus_core::time::Timestamp;
use sciurus_engine::exchange::{ColumnKeys, KeyExtractorFactory};
use sciurus_engine::function::{
    KeyedContext, KeyedProcessFunction, KeyedRuntimeContext, OnTimerContext, TimeDomain,
};
use sciurus_engine::operators::KeyedProcess;
use sciurus_engine::{Collector, TaskResult};
use sciurus_state::{ReducingState, StateAccess};
use sciurus_testkit::KeyedHarness;

/// Key, what to do, the time to do it with.
type Order = (i32, i32, i64);
/// Key, time, whether it is event time, how many timers of the key have fired before.
type Fired = (i32, i64, bool, i64);

const REGISTER_EVENT: i32 = 0;
const DELETE_EVENT: i32 = 1;
const REGISTER_PROCESSING: i32 = 2;
const DELETE_PROCESSING: i32 = 3;
const ORDERS: i32 = 4;

/// Carries out orders about timers. A timer for an odd time registers the next one.
#[derive(Clone)]
struct Obey {
    fired: ReducingState<i64>,
}

impl KeyedProcessFunction for Obey {
    type Key = i32;
    type In = Order;
    type Out = Fired;

    fn open(&mut self, ctx: &mut KeyedRuntimeContext<'_>) -> Result<(), BoxError> {
        Ok(ctx.register(&mut self.fired)?)
    }

    fn process_element(
        &mut self,
        (_, order, time): Order,
        ctx: &mut KeyedContext<'_, i32>,
        _: &mut Collector<'_, Fired>,
    ) -> Result<(), BoxError> {
        let mut timers = ctx.timer_service();
        match order {
            REGISTER_EVENT => timers.register_event_time_timer(time)?,
            DELETE_EVENT => timers.delete_event_time_timer(time)?,
            REGISTER_PROCESSING => timers.register_processing_time_timer(time)?,
            DELETE_PROCESSING => timers.delete_processing_time_timer(time)?,
            _ => return Err(format!("nothing has the number {order}").into()),
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        timestamp: Timestamp,
        ctx: &mut OnTimerContext<'_, i32>,
        out: &mut Collector<'_, Fired>,
    ) -> Result<(), BoxError> {
        let before = self.fired.get(ctx)?.unwrap_or(0);
        self.fired.add(ctx, 1)?;
        let is_event = ctx.time_domain() == TimeDomain::Event;
        out.collect((ctx.current_key(), timestamp, is_event, before));
        if timestamp % 2 == 1 {
            let mut timers = ctx.timer_service();
            if is_event {
                timers.register_event_time_timer(timestamp + 3)?;
            } else {
                timers.register_processing_time_timer(timestamp + 3)?;
            }
        }
        Ok(())
    }
}

/// What is to happen to all subtasks at once.
#[derive(Debug, Clone)]
enum Step {
    Records(Vec<Order>),
    Watermark(i64),
    Clock(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let order = (0..6_i32, 0..ORDERS, 0..100_i64);
    let step = prop_oneof![
        vec(order, 1..20).prop_map(Step::Records),
        (0..10_i64).prop_map(Step::Watermark),
        (0..10_i64).prop_map(Step::Clock),
    ];
    vec(step, 1..40)
}

/// Timers as sets that are searched from end to end.
#[derive(Default)]
struct Model {
    timers: BTreeMap<bool, BTreeSet<(i64, i32)>>,
    fired: BTreeMap<i32, i64>,
}

impl Model {
    fn obey(&mut self, (key, order, time): Order) {
        let is_event = matches!(order, REGISTER_EVENT | DELETE_EVENT);
        let timers = self.timers.entry(is_event).or_default();
        if matches!(order, REGISTER_EVENT | REGISTER_PROCESSING) {
            timers.insert((time, key));
        } else {
            timers.remove(&(time, key));
        }
    }

    fn advance(&mut self, is_event: bool, to: i64) -> Vec<Fired> {
        let timers = self.timers.entry(is_event).or_default();
        let mut fired = Vec::new();
        while let Some((time, key)) = timers.first().copied().filter(|(time, _)| *time <= to) {
            timers.pop_first();
            let count = self.fired.entry(key).or_default();
            fired.push((key, time, is_event, *count));
            *count += 1;
            if time % 2 == 1 {
                timers.insert((time + 3, key));
            }
        }
        fired
    }
}

fn check(steps: &[Step], parallelism: u32) -> TaskResult {
    let keys = ColumnKeys::<Order, F0>::default();
    let mut harness = KeyedHarness::<Order, Fired>::open(parallelism, &keys, |context| {
        let function = Obey { fired: ReducingState::new("fired", |a, b| a + b) };
        KeyedProcess::new(function, keys.create(), context)
    })?;
    let mut model = Model::default();
    let (mut watermark, mut clock) = (0, 0);
    for step in steps {
        let mut expected = match step {
            Step::Records(orders) => {
                harness.process_elements(orders.iter().copied())?;
                for order in orders {
                    model.obey(*order);
                }
                Vec::new()
            }
            Step::Watermark(by) => {
                watermark += by + 1;
                harness.process_watermark(watermark)?;
                model.advance(true, watermark)
            }
            Step::Clock(by) => {
                clock += by + 1;
                harness.set_processing_time(clock)?;
                model.advance(false, clock)
            }
        };
        let mut fired = harness.take_records()?;
        // Between keys of different subtasks there is no order. Small positive keys are in the
        // order of their bytes, which timers of one time fire in.
        if parallelism > 1 {
            fired.sort_unstable();
            expected.sort_unstable();
        }
        assert_eq!(fired, expected, "at parallelism {parallelism}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn timers_fire_as_in_the_model_at_any_parallelism(steps in steps()) {
        for parallelism in [1, 2, 3] {
            check(&steps, parallelism)?;
        }
    }
}

use sciurus::prelude::*;

use crate::{environment, sorted};

type Order = (String, i64);

fn orders(env: &StreamExecutionEnvironment) -> SingleOutputStreamOperator<Order> {
    env.from_elements([("oak", 5), ("elm", 50), ("oak", 7)].map(|(shop, n)| (shop.to_owned(), n)))
}

/// Says which subtask knows which limit, and which orders it has seen.
#[derive(Clone)]
struct Know {
    limits: BroadcastState<String, i64>,
    seen: ValueState<i64>,
    subtask: i64,
}

impl Know {
    fn new() -> Self {
        Self { limits: BroadcastState::new("limits"), seen: ValueState::new("seen"), subtask: -1 }
    }

    fn learn(
        &self,
        (shop, limit): (&str, i64),
        ctx: &mut BroadcastContext<'_, '_>,
        out: &mut Collector<'_, Order>,
    ) -> Result<(), BoxError> {
        self.limits.put(ctx.broadcast_state(), shop.to_owned(), limit)?;
        let known = self.limits.get(ctx.broadcast_state(), &shop.to_owned())?;
        out.collect((shop, known.copied().unwrap_or(0) + self.subtask));
        Ok(())
    }
}

impl BroadcastProcessFunction for Know {
    type In = Order;
    type Broadcast = Order;
    type Out = Order;

    fn initialize_state(
        &mut self,
        ctx: &mut FunctionInitializationContext<'_>,
    ) -> Result<(), BoxError> {
        self.subtask = i64::from(ctx.task_info().index);
        assert!(!ctx.is_restored());
        Ok(ctx.register_broadcast(&mut self.limits)?)
    }

    fn process_element(
        &mut self,
        order: (&str, i64),
        _: &mut ReadOnlyContext<'_, '_>,
        out: &mut Collector<'_, Order>,
    ) -> Result<(), BoxError> {
        out.collect(order);
        Ok(())
    }

    fn process_broadcast_element(
        &mut self,
        limit: (&str, i64),
        ctx: &mut BroadcastContext<'_, '_>,
        out: &mut Collector<'_, Order>,
    ) -> Result<(), BoxError> {
        self.learn(limit, ctx, out)
    }
}

impl KeyedBroadcastProcessFunction for Know {
    type Key = String;
    type In = Order;
    type Broadcast = Order;
    type Out = Order;

    fn initialize_state(
        &mut self,
        ctx: &mut FunctionInitializationContext<'_>,
    ) -> Result<(), BoxError> {
        self.subtask = i64::from(ctx.task_info().index);
        Ok(ctx.register_broadcast(&mut self.limits)?)
    }

    fn open(&mut self, ctx: &mut KeyedRuntimeContext<'_>) -> Result<(), BoxError> {
        Ok(ctx.register(&mut self.seen)?)
    }

    fn process_element(
        &mut self,
        (shop, _): (&str, i64),
        ctx: &mut KeyedReadOnlyContext<'_, '_, String>,
        out: &mut Collector<'_, Order>,
    ) -> Result<(), BoxError> {
        let seen = self.seen.value(ctx)?.unwrap_or(0) + 1;
        self.seen.update(ctx, seen)?;
        out.collect((shop, seen));
        Ok(())
    }

    fn process_broadcast_element(
        &mut self,
        limit: (&str, i64),
        ctx: &mut BroadcastContext<'_, '_>,
        out: &mut Collector<'_, Order>,
    ) -> Result<(), BoxError> {
        self.learn(limit, ctx, out)
    }
}

#[test]
fn every_subtask_gets_all_of_a_broadcast_stream() -> Result<(), JobError> {
    let env = environment(3);
    let limits = env.from_elements([("ash".to_owned(), 100)]).broadcast_state();
    let known = orders(&env).connect_broadcast(&limits).process(Know::new());
    let expected = [("ash", 100), ("ash", 101), ("ash", 102), ("elm", 50), ("oak", 5), ("oak", 7)];
    let expected = expected.map(|(shop, n)| (shop.to_owned(), n));
    assert_eq!(sorted(&known)?, expected);
    Ok(())
}

#[test]
fn a_keyed_stream_beside_a_broadcast_one_has_state_of_its_keys() -> Result<(), JobError> {
    let env = environment(2);
    let limits = env.from_elements([("ash".to_owned(), 100)]).broadcast_state();
    let known = orders(&env).key_by(F0).connect_broadcast(&limits).process(Know::new());
    let expected = [("ash", 100), ("ash", 101), ("elm", 1), ("oak", 1), ("oak", 2)];
    let expected = expected.map(|(shop, n)| (shop.to_owned(), n));
    assert_eq!(sorted(&known)?, expected);
    Ok(())
}

use sciurus::prelude::*;

use crate::{environment, sorted};

type Order = (String, i64);
type Rule = (i64, String);

fn orders(env: &StreamExecutionEnvironment) -> SingleOutputStreamOperator<Order> {
    env.from_elements([("oak", 5), ("elm", 50), ("oak", 7)].map(|(shop, n)| (shop.to_owned(), n)))
}

fn rules(env: &StreamExecutionEnvironment) -> SingleOutputStreamOperator<Rule> {
    env.from_elements([(6, "oak"), (10, "elm")].map(|(limit, shop)| (limit, shop.to_owned())))
}

#[test]
fn connected_streams_are_mapped_to_one_type() -> Result<(), JobError> {
    let env = environment(2);
    let texts = orders(&env).connect(&rules(&env)).map(
        |(shop, amount)| format!("{shop} sells {amount}"),
        |(limit, shop)| format!("{shop} may sell {limit}"),
    );
    let expected =
        ["elm may sell 10", "elm sells 50", "oak may sell 6", "oak sells 5", "oak sells 7"];
    assert_eq!(sorted(&texts)?, expected);
    Ok(())
}

#[test]
fn connected_streams_are_flat_mapped_to_one_type() -> Result<(), JobError> {
    let env = environment(2);
    let numbers = orders(&env).connect(&rules(&env)).flat_map::<i64>(
        |(_, amount), out| out.collect(amount),
        |(limit, _), out| {
            out.collect(limit);
            out.collect(-limit);
        },
    );
    assert_eq!(sorted(&numbers)?, [-10, -6, 5, 6, 7, 10, 50]);
    Ok(())
}

/// Pairs each order with its shop's rule, whichever comes first.
#[derive(Clone)]
struct Judge {
    limit: ValueState<i64>,
    waiting: ListState<i64>,
}

impl KeyedCoProcessFunction for Judge {
    type Key = String;
    type In1 = Order;
    type In2 = Rule;
    type Out = (String, i64, bool);

    fn open(&mut self, ctx: &mut KeyedRuntimeContext<'_>) -> Result<(), BoxError> {
        ctx.register(&mut self.limit)?;
        ctx.register(&mut self.waiting)?;
        Ok(())
    }

    fn process_element1(
        &mut self,
        (shop, amount): (&str, i64),
        ctx: &mut KeyedContext<'_, String>,
        out: &mut Collector<'_, Self::Out>,
    ) -> Result<(), BoxError> {
        match self.limit.value(ctx)? {
            Some(limit) => out.collect((shop, amount, amount <= limit)),
            None => self.waiting.add(ctx, amount)?,
        }
        Ok(())
    }

    fn process_element2(
        &mut self,
        (limit, shop): (i64, &str),
        ctx: &mut KeyedContext<'_, String>,
        out: &mut Collector<'_, Self::Out>,
    ) -> Result<(), BoxError> {
        self.limit.update(ctx, limit)?;
        self.waiting.with(ctx, |waiting| {
            for amount in waiting {
                out.collect((shop, *amount, *amount <= limit));
            }
        })?;
        self.waiting.clear(ctx)?;
        Ok(())
    }
}

#[test]
fn keyed_streams_share_state_at_any_parallelism() -> Result<(), JobError> {
    for parallelism in [1, 2, 3] {
        let env = environment(parallelism);
        let judge = Judge { limit: ValueState::new("limit"), waiting: ListState::new("waiting") };
        let judged = orders(&env).connect(&rules(&env)).key_by(F0, F1).process(judge.clone());
        let expected = [("elm", 50, false), ("oak", 5, true), ("oak", 7, false)];
        let expected = expected.map(|(shop, n, fits)| (shop.to_owned(), n, fits));
        assert_eq!(sorted(&judged)?, expected);

        let env = environment(parallelism);
        let by_shop = orders(&env).key_by_fn::<String>(|(shop, _)| shop);
        let judged = by_shop.connect(&rules(&env).key_by(F1)).process(judge);
        assert_eq!(sorted(&judged)?, expected);
    }
    Ok(())
}

/// Counts the records of both inputs.
#[derive(Clone, Default)]
struct Count {
    seen: LongCounter,
}

impl CoProcessFunction for Count {
    type In1 = Order;
    type In2 = Rule;
    type Out = String;

    fn open(&mut self, ctx: &mut RuntimeContext<'_>) -> Result<(), BoxError> {
        ctx.add_accumulator("seen", &self.seen);
        Ok(())
    }

    fn process_element1(
        &mut self,
        (shop, _): (&str, i64),
        _: &mut Context<'_>,
        out: &mut Collector<'_, String>,
    ) -> Result<(), BoxError> {
        self.seen.add(1);
        out.collect(shop);
        Ok(())
    }

    fn process_element2(
        &mut self,
        _: (i64, &str),
        _: &mut Context<'_>,
        _: &mut Collector<'_, String>,
    ) -> Result<(), BoxError> {
        self.seen.add(1);
        Ok(())
    }
}

#[test]
fn one_function_reads_both_streams() -> Result<(), JobError> {
    let env = environment(2);
    let shops = orders(&env).connect(&rules(&env)).process(Count::default());
    let mut collected = shops.execute_and_collect("count")?;
    assert_eq!(collected.by_ref().count(), 3);
    assert_eq!(collected.client().wait()?.accumulators.get("seen"), Some(&5));
    Ok(())
}

use sciurus::prelude::*;

use crate::{environment, sorted};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Record)]
struct Reading {
    sensor: String,
    value: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Record)]
struct Alert {
    sensor: String,
    rise: i64,
}

fn readings(env: &StreamExecutionEnvironment) -> SingleOutputStreamOperator<Reading> {
    let readings = [("a", 1), ("b", 5), ("a", 4), ("b", 6), ("a", -1), ("a", 9)];
    let reading = |(sensor, value): (&str, i64)| Reading { sensor: sensor.to_owned(), value };
    env.from_elements(readings.map(reading)).set_parallelism(1)
}

/// Alerts where a sensor's value rises; counts what it sees.
#[derive(Clone)]
struct Rising {
    last: ValueState<i64>,
    readings: LongCounter,
    negative: OutputTag<Reading>,
}

impl Rising {
    fn new(negative: &OutputTag<Reading>) -> Self {
        Self {
            last: ValueState::new("last"),
            readings: LongCounter::new(),
            negative: negative.clone(),
        }
    }
}

impl KeyedProcessFunction for Rising {
    type Key = String;
    type In = Reading;
    type Out = Alert;

    fn open(&mut self, ctx: &mut KeyedRuntimeContext<'_>) -> Result<(), BoxError> {
        ctx.add_accumulator("readings", &self.readings);
        ctx.register(&mut self.last)?;
        Ok(())
    }

    fn process_element(
        &mut self,
        reading: ReadingView<'_>,
        ctx: &mut KeyedContext<'_, String>,
        out: &mut Collector<'_, Alert>,
    ) -> Result<(), BoxError> {
        self.readings.add(1);
        if reading.value < 0 {
            ctx.output(&self.negative, reading);
            return Ok(());
        }
        if let Some(last) = self.last.value(ctx)? {
            out.collect(AlertView { sensor: ctx.current_key(), rise: reading.value - last });
        }
        self.last.update(ctx, reading.value)?;
        Ok(())
    }
}

fn alert(sensor: &str, rise: i64) -> Alert {
    Alert { sensor: sensor.to_owned(), rise }
}

#[test]
fn a_keyed_function_keeps_state_and_counts() -> Result<(), JobError> {
    for parallelism in [1, 3] {
        let env = environment(parallelism);
        let function = Rising::new(&OutputTag::new("negative"));
        let alerts = readings(&env).key_by(Reading::SENSOR).process(function);
        let mut collected = alerts.execute_and_collect("alerts")?;
        let mut all = collected.by_ref().collect::<Result<Vec<_>, _>>()?;
        all.sort();
        assert_eq!(all, [alert("a", 3), alert("a", 5), alert("b", 1)]);
        let result = collected.client().wait()?;
        assert_eq!(result.accumulators.get("readings"), Some(&6));
    }
    Ok(())
}

#[test]
fn side_outputs_are_streams_like_any_other() -> Result<(), JobError> {
    let env = environment(2);
    let negative = OutputTag::new("negative");
    let alerts = readings(&env).key_by(Reading::SENSOR).process(Rising::new(&negative));
    let negative =
        alerts.get_side_output(&negative).map(|reading| alert(reading.sensor, reading.value));
    let all = sorted(&alerts.union(&[&negative]))?;
    assert_eq!(all, [alert("a", -1), alert("a", 3), alert("a", 5), alert("b", 1)]);
    Ok(())
}

/// Says which subtask it is.
#[derive(Clone, Default)]
struct Subtask {
    index: i64,
}

impl ProcessFunction for Subtask {
    type In = Reading;
    type Out = (i64, i64);

    fn open(&mut self, ctx: &mut RuntimeContext<'_>) -> Result<(), BoxError> {
        self.index = ctx.task_info().index.into();
        Ok(())
    }

    fn process_element(
        &mut self,
        reading: ReadingView<'_>,
        _: &mut Context<'_>,
        out: &mut Collector<'_, (i64, i64)>,
    ) -> Result<(), BoxError> {
        if reading.sensor == "b" {
            return Err(format!("sensor {} is broken", reading.sensor).into());
        }
        out.collect((self.index, reading.value));
        Ok(())
    }
}

#[test]
fn functions_know_their_subtask() -> Result<(), JobError> {
    let env = environment(2);
    let indices = readings(&env)
        .filter(|reading| reading.sensor == "a")
        .broadcast()
        .process(Subtask::default())
        .map(|(index, _)| index);
    let indices = sorted(&indices)?;
    assert_eq!(indices, [0, 0, 0, 0, 1, 1, 1, 1]);
    Ok(())
}

#[test]
fn an_error_of_a_function_fails_the_job_with_its_name() {
    let env = environment(2);
    let stream = readings(&env).rebalance().process(Subtask::default()).name("find broken");
    let message = sorted(&stream).unwrap_err().to_string();
    assert!(message.contains("find broken"), "{message}");
    assert!(message.contains("sensor b is broken"), "{message}");
}

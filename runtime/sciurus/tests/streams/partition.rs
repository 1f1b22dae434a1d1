use sciurus::prelude::*;

use crate::{environment, sorted};

/// Says which subtask a record reached.
#[derive(Clone, Default)]
struct Where {
    subtask: i64,
}

impl ProcessFunction for Where {
    type In = (i64, String);
    type Out = (i64, i64);

    fn open(&mut self, ctx: &mut RuntimeContext<'_>) -> Result<(), BoxError> {
        self.subtask = ctx.task_info().index.into();
        Ok(())
    }

    fn process_element(
        &mut self,
        (number, _): (i64, &str),
        _: &mut Context<'_>,
        out: &mut Collector<'_, (i64, i64)>,
    ) -> Result<(), BoxError> {
        out.collect((number, self.subtask));
        Ok(())
    }
}

fn numbers(env: &StreamExecutionEnvironment) -> SingleOutputStreamOperator<(i64, String)> {
    env.from_elements([0, 1, 2, 3, 4, 5].map(|n| (n, format!("number {n}"))))
}

#[test]
fn a_partitioner_of_keys_names_the_subtask() -> Result<(), JobError> {
    let env = environment(3);
    let reached = numbers(&env)
        .filter(|(number, _)| number != 3)
        .partition_custom(|number, partitions| (number as usize + 1) % partitions, F0)
        .process(Where::default());
    assert_eq!(sorted(&reached)?, [(0, 1), (1, 2), (2, 0), (4, 2), (5, 0)]);
    Ok(())
}

#[test]
fn a_partitioner_of_several_fields_gets_a_tuple() -> Result<(), JobError> {
    let env = environment(2);
    let reached = numbers(&env)
        .partition_custom(
            |(text, number): (&str, i64), _| usize::from(text.ends_with('0') || number > 4),
            (F1, F0),
        )
        .process(Where::default());
    assert_eq!(sorted(&reached)?, [(0, 1), (1, 0), (2, 0), (3, 0), (4, 0), (5, 1)]);
    Ok(())
}

#[test]
fn a_partitioner_of_records_names_the_subtask() -> Result<(), JobError> {
    let env = environment(2);
    let reached = numbers(&env)
        .partition_custom_fn(|(number, text), _| usize::from(number < 2 && text.len() > 3))
        .process(Where::default());
    assert_eq!(sorted(&reached)?, [(0, 1), (1, 1), (2, 0), (3, 0), (4, 0), (5, 0)]);
    Ok(())
}

#[test]
fn a_partition_that_is_not_there_fails_the_job() {
    let env = environment(2);
    let reached = numbers(&env).partition_custom(|_, partitions| partitions, F0);
    let message = sorted(&reached.process(Where::default())).unwrap_err().to_string();
    assert!(message.contains("chose partition 2 of 2"), "{message}");
}

//! Jobs that fail say what failed, where and in which subtask, once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sciurus::prelude::*;

use crate::support::{environment, failure};

/// Checks that the failure of a job names all of these.
fn assert_names(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in: {text}");
        assert_eq!(text.matches(part).count(), 1, "{part:?} is repeated in: {text}");
    }
}

#[test]
fn a_user_function_returns_an_error() {
    let env = environment(2);
    env.from_sequence(1, 10)
        .try_map(|n| if n == 9 { Err("nine is bad".into()) } else { Ok(n) })
        .name("picky")
        .discard();
    let text = failure(&env);
    assert_names(&text, &["job 'test' failed", "'picky' (", "/2)", "nine is bad"]);
}

#[test]
fn an_error_is_told_with_its_causes() {
    #[derive(Debug, thiserror::Error)]
    #[error("the reading is malformed")]
    struct Malformed(#[source] std::num::ParseIntError);
    let env = environment(1);
    env.from_elements(["x".to_owned()])
        .try_map(|text| text.parse::<i64>().map_err(|error| Malformed(error).into()))
        .discard();
    assert_names(&failure(&env), &["the reading is malformed: invalid digit found in string"]);
}

#[test]
fn a_user_function_panics() {
    for chaining in [true, false] {
        let env = environment(2);
        if !chaining {
            env.disable_operator_chaining();
        }
        env.from_sequence(1, 10)
            .map(|n| n)
            .name("before")
            .map(|n| if n == 9 { panic!("nine is bad") } else { n })
            .name("picky")
            .map(|n| n)
            .name("behind")
            .discard();
        let text = failure(&env);
        let place = format!("{}:{}:", file!(), line!() - 6);
        assert_names(&text, &["'picky' (", "/2)", "panicked", "nine is bad", &place]);
    }
}

#[test]
fn a_source_panics() {
    let env = environment(1);
    env.from_iter((0..10_i64).map(|n| if n == 7 { panic!("seven is bad") } else { n }))
        .name("sevens")
        .map(|n| n)
        .discard();
    assert_names(&failure(&env), &["'Source: sevens'", "panicked", "seven is bad", "(1/1)"]);
}

#[test]
fn a_source_that_cannot_be_enumerated_is_named() {
    let env = environment(1);
    let source = FileSource::text("no/such/file");
    let strategy = WatermarkStrategy::no_watermarks();
    env.from_source(source, strategy, "lines").map(|line| line.len() as i64).discard();
    assert_names(&failure(&env), &["'Source: lines'", "no/such/file"]);
}

#[test]
fn a_key_function_panics() {
    let env = environment(2);
    env.from_sequence(1, 10)
        .map(|n| (n, 1_i64))
        .key_by_fn::<i64>(|(n, _)| if *n == 3 { panic!("three is bad") } else { *n })
        .sum(F1)
        .name("sums")
        .discard();
    assert_names(&failure(&env), &["'sums' (", "/2)", "key", "panicked", "three is bad"]);
}

#[test]
fn a_timestamp_function_panics() {
    let env = environment(1);
    let strategy = WatermarkStrategy::for_monotonous_timestamps()
        .with_timestamp_assigner(|n, _| if n == 3 { panic!("three is bad") } else { n });
    env.from_source(NumberSequenceSource::new(1, 10), strategy, "numbers").map(|n| n).discard();
    assert_names(&failure(&env), &["'Source: numbers'", "panicked", "three is bad"]);
}

#[test]
fn a_watermark_generator_panics() {
    #[derive(Clone)]
    struct Bad;
    impl WatermarkGenerator<i64> for Bad {
        fn on_event(&mut self, n: i64, _: Timestamp, _: &mut WatermarkOutput) {
            assert!(n < 3, "three is bad");
        }
        fn on_periodic_emit(&mut self, _: &mut WatermarkOutput) {}
    }
    let env = environment(1);
    let strategy = WatermarkStrategy::for_generator(|| Bad).with_timestamp_assigner(|n, _| n);
    env.from_source(NumberSequenceSource::new(1, 10), strategy, "numbers").map(|n| n).discard();
    assert_names(&failure(&env), &["'Source: numbers'", "panicked", "three is bad"]);
}

/// Fails in one method of its life cycle and counts how often it was closed.
#[derive(Clone, Default)]
struct Faulty {
    in_open: bool,
    in_process: bool,
    in_close: bool,
    closed: Arc<AtomicUsize>,
}

impl ProcessFunction for Faulty {
    type In = i64;
    type Out = i64;

    fn open(&mut self, _: &mut RuntimeContext<'_>) -> Result<(), BoxError> {
        assert!(!self.in_open, "open is bad");
        Ok(())
    }

    fn process_element(
        &mut self,
        value: i64,
        _: &mut Context<'_>,
        out: &mut Collector<'_, i64>,
    ) -> Result<(), BoxError> {
        assert!(!self.in_process, "process is bad");
        out.collect(value);
        Ok(())
    }

    fn close(&mut self) -> Result<(), BoxError> {
        self.closed.fetch_add(1, Ordering::SeqCst);
        assert!(!self.in_close, "close is bad");
        Ok(())
    }
}

/// Runs a faulty function between sound ones and returns the failure, and how often the faulty
/// function and those around it were closed.
fn fail_with(faulty: Faulty) -> (String, usize, usize) {
    let around = Arc::new(AtomicUsize::new(0));
    let sound = || Faulty { closed: around.clone(), ..Faulty::default() };
    let closed = faulty.closed.clone();
    let env = environment(1);
    env.from_sequence(1, 10)
        .process(sound())
        .process(faulty)
        .name("faulty")
        .process(sound())
        .discard();
    let text = failure(&env);
    (text, closed.load(Ordering::SeqCst), around.load(Ordering::SeqCst))
}

#[test]
fn all_functions_are_closed_after_a_panic() {
    let (text, closed, around) = fail_with(Faulty { in_process: true, ..Faulty::default() });
    assert_names(&text, &["'faulty'", "process is bad"]);
    assert_eq!((closed, around), (1, 2));
}

#[test]
fn a_panic_in_open_fails_the_job() {
    let (text, closed, around) = fail_with(Faulty { in_open: true, ..Faulty::default() });
    assert_names(&text, &["'faulty'", "open is bad"]);
    assert_eq!((closed, around), (1, 2));
}

#[test]
fn a_panic_in_close_fails_the_job_and_keeps_no_other_function_from_being_closed() {
    let (text, closed, around) = fail_with(Faulty { in_close: true, ..Faulty::default() });
    assert_names(&text, &["'faulty'", "close is bad"]);
    assert_eq!((closed, around), (1, 2));
}

#[test]
fn the_first_failure_is_the_cause_and_not_that_of_closing() {
    let (text, ..) = fail_with(Faulty { in_process: true, in_close: true, ..Faulty::default() });
    assert_names(&text, &["'faulty'", "process is bad"]);
}

#[test]
fn a_failure_behind_an_exchange_is_the_cause_and_not_that_its_channel_is_gone() {
    for _ in 0..50 {
        let env = environment(3);
        env.from_sequence(1, 1_000_000)
            .rebalance()
            .try_map(|n| if n % 7 == 0 { Err("seven is bad".into()) } else { Ok(n) })
            .name("picky")
            .discard();
        assert_names(&failure(&env), &["'picky'", "seven is bad"]);
    }
}

#[test]
fn one_subtask_of_two_fails_and_the_other_ends_too() {
    #[derive(Clone)]
    struct OneFails {
        index: u32,
        closed: Arc<AtomicUsize>,
    }
    impl ProcessFunction for OneFails {
        type In = i64;
        type Out = i64;
        fn open(&mut self, ctx: &mut RuntimeContext<'_>) -> Result<(), BoxError> {
            self.index = ctx.task_info().index;
            Ok(())
        }
        fn process_element(
            &mut self,
            _: i64,
            _: &mut Context<'_>,
            _: &mut Collector<'_, i64>,
        ) -> Result<(), BoxError> {
            if self.index == 1 {
                return Err("one of two".into());
            }
            Ok(())
        }
        fn close(&mut self) -> Result<(), BoxError> {
            self.closed.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    }
    let env = environment(2);
    let closed = Arc::new(AtomicUsize::new(0));
    env.from_source(
        IteratorSource::new(0_i64..).unbounded(),
        WatermarkStrategy::no_watermarks(),
        "endless",
    )
    .rebalance()
    .process(OneFails { index: 0, closed: closed.clone() })
    .discard();
    assert_names(&failure(&env), &["(2/2)", "one of two"]);
    assert_eq!(closed.load(Ordering::SeqCst), 2);
}

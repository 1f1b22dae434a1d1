use sciurus_core::BoxError;
use sciurus_core::time::MAX_WATERMARK;
use sciurus_engine::operators::{Map, TryMap};
use sciurus_engine::{TaskError, TaskResult};
use sciurus_testkit::{Event, OneInputHarness};

#[test]
fn a_result_has_the_timestamp_of_its_record_and_watermarks_stay_in_place() -> TaskResult {
    let mut harness = OneInputHarness::<i64, String>::open(|context| {
        Map::<i64, String, _>::new(|n| format!("<{n}>"), context.limits)
    })?;
    harness.process_elements_at([(1, 10), (2, 20)])?;
    harness.process_watermark(20)?;
    harness.process_element(3)?;
    harness.end_input()?;
    assert_eq!(
        harness.take_output()?,
        [
            Event::RecordAt("<1>".to_owned(), 10),
            Event::RecordAt("<2>".to_owned(), 20),
            Event::Watermark(20),
            Event::Record("<3>".to_owned()),
            Event::Watermark(MAX_WATERMARK),
            Event::End,
        ]
    );
    harness.close()
}

#[test]
fn an_error_of_the_function_names_the_operator() -> TaskResult {
    let mut harness = OneInputHarness::<String, i64>::open(|context| {
        let parse = |text: &str| text.parse().map_err(BoxError::from);
        TryMap::<String, i64, _>::new(parse, context.limits)
    })?;
    harness.process_elements(["1", "2"])?;
    assert_eq!(harness.take_records()?, [1, 2]);
    let error = harness.process_element("x").unwrap_err();
    assert!(matches!(error.root(), TaskError::User(_)));
    assert_eq!(error.to_string(), "operator 'operator under test': invalid digit found in string");
    harness.close()
}

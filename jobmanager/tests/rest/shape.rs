//! Whether two JSON values have the same shape: the same keys and types.

use serde_json::{Map, Value};

/// Objects whose keys are data: ids, names, labels.
const MAPS: [&str; 8] = [
    "failureLabels",
    "user-config",
    "accumulator-results",
    "serialized-user-task-accumulators",
    "extendedResources",
    "optimizer_properties",
    "applications[].jobs",
    "slots",
];

/// What may be null in one answer and not in another.
const NULLABLE: [&str; 5] = ["application-id", "description", "schedulerType", "operation", "data"];

/// What may be in one answer and not in another: what is left out where there is nothing to say.
const OPTIONAL: [&str; 8] = [
    "inputs",
    "taskName",
    "endpoint",
    "taskManagerId",
    "failure-cause",
    "value",
    "status-duration",
    "name",
];

/// What is in our answers and not in Flink's: users look for it, and clients pass over it.
const ADDITIONS: [&str; 1] = ["slot-shortage"];

/// Compares what was recorded with an answer; returns the differences, each with its place.
pub fn differences(recorded: &Value, answer: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", recorded, answer, &mut found);
    found
}

fn compare(place: &str, recorded: &Value, answer: &Value, found: &mut Vec<String>) {
    let last = place.rsplit('.').next().unwrap_or(place);
    match (recorded, answer) {
        (Value::Object(recorded), Value::Object(answer)) => {
            if is_one_of(place, &MAPS) {
                compare_maps(place, recorded, answer, found);
            } else {
                compare_objects(place, recorded, answer, found);
            }
        }
        (Value::Array(recorded), Value::Array(answer)) => {
            // Elements may be of several shapes: each must be one of those recorded.
            for element in answer {
                let differences: Vec<Vec<String>> = recorded
                    .iter()
                    .map(|candidate| {
                        let mut found = Vec::new();
                        compare(&format!("{place}[]"), candidate, element, &mut found);
                        found
                    })
                    .collect();
                found.extend(differences.into_iter().min_by_key(Vec::len).unwrap_or_default());
            }
        }
        (Value::Null, _) | (_, Value::Null) if NULLABLE.contains(&last) => {}
        (recorded, answer) if kind(recorded) == kind(answer) => {}
        (recorded, answer) => {
            found.push(format!("{place} is {}, not {}", kind(answer), kind(recorded)));
        }
    }
}

fn compare_objects(
    place: &str,
    recorded: &Map<String, Value>,
    answer: &Map<String, Value>,
    found: &mut Vec<String>,
) {
    for (key, value) in recorded {
        match answer.get(key) {
            Some(answered) => compare(&join(place, key), value, answered, found),
            None if OPTIONAL.contains(&key.as_str()) => {}
            None => found.push(format!("{} is missing", join(place, key))),
        }
    }
    for key in answer.keys() {
        let may_be_there = [&OPTIONAL[..], &ADDITIONS[..]].concat().contains(&key.as_str());
        if !recorded.contains_key(key) && !may_be_there {
            found.push(format!("{} is not Flink's", join(place, key)));
        }
    }
}

fn compare_maps(
    place: &str,
    recorded: &Map<String, Value>,
    answer: &Map<String, Value>,
    found: &mut Vec<String>,
) {
    let Some(example) = recorded.values().next() else { return };
    for value in answer.values() {
        compare(&format!("{place}.*"), example, value, found);
    }
}

fn join(place: &str, key: &str) -> String {
    if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") }
}

fn is_one_of(place: &str, names: &[&str]) -> bool {
    names.iter().any(|name| {
        place.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        // Java's JSON has no other way to write it.
        Value::String(text) if text == "NaN" => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[test]
fn shapes_differ_by_keys_and_types() {
    use serde_json::json;
    let recorded = json!({"a": 1, "b": [{"c": "x"}], "d": null});
    assert!(differences(&recorded, &recorded).is_empty());
    assert_eq!(
        differences(&recorded, &json!({"a": "1", "b": [{"c": 1, "e": 2}], "d": null})),
        ["a is a text, not a number", "b[].c is a number, not a text", "b[].e is not Flink's"]
    );
    assert_eq!(differences(&recorded, &json!({"a": 1, "d": 2})).len(), 2);
}

#[test]
fn an_element_has_one_of_the_shapes() {
    use serde_json::json;
    let recorded = json!([{"a": 1}, {"b": 1}]);
    assert!(differences(&recorded, &json!([{"b": 2}, {"b": 3}])).is_empty());
    assert_eq!(differences(&recorded, &json!([{"c": 2}])).len(), 2);
    assert!(differences(&recorded, &json!([])).is_empty());
}

//! The documentation says what the table of endpoints says, and the table what Flink has.

use std::collections::BTreeSet;
use std::path::Path;

use sciurus_jobmanager::rest;

#[test]
fn rest_docs_are_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rest-api.md");
    let expected = rest::markdown();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, expected).unwrap();
        return;
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "docs/rest-api.md is out of date: UPDATE_DOCS=1 cargo test -p sciurus-jobmanager rest_docs"
    );
}

#[test]
fn every_endpoint_of_flink_is_in_the_table() {
    let flinks = include_str!("../testdata/flink-endpoints.txt");
    let ours: BTreeSet<String> = rest::groups()
        .iter()
        .flat_map(|group| &group.endpoints)
        .map(|endpoint| format!("{} {}", endpoint.method, endpoint.path))
        .collect();
    let missing: Vec<&str> = flinks.lines().filter(|line| !ours.contains(*line)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

//! The table of all operators with state.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use sciurus_engine::TaskResult;

use crate::drive::{Script, scripts};
use crate::{functions, windows};

/// An operator, by the name of its type, and what runs a script over it.
type Case = (&'static str, fn(&Script) -> TaskResult<Vec<String>>);

/// All operators with state, each in the shapes that its state can have.
const TABLE: &[Case] = &[
    ("RollingSum", functions::rolling_sum),
    ("RollingReduce", functions::rolling_reduce),
    ("KeyedProcess", functions::keyed_process),
    ("KeyedCoProcess", functions::keyed_co_process),
    ("Process", functions::process),
    ("CoProcess", functions::co_process),
    ("BroadcastProcess", functions::broadcast_process),
    ("KeyedBroadcastProcess", functions::keyed_broadcast_process),
    ("WindowOperator", windows::sessions),
    ("WindowOperator", windows::late_elements),
    ("WindowOperator", windows::global_counts),
    ("WindowOperator", windows::continuous),
    ("WindowOperator", windows::processing_time_sessions),
    ("SlicedWindowOperator", windows::tumbling),
    ("SlicedWindowOperator", windows::sliding_sum),
    ("SlicedWindowOperator", windows::sliding_extreme),
    ("SlicedWindowOperator", windows::sliding_processing_time),
];

/// Operators without state of their own or of functions that can have any.
const STATELESS: &[&str] = &[
    "Filter",
    "FlatMap",
    "TryFlatMap",
    "Map",
    "TryMap",
    "CoMap",
    "CoFlatMap",
    // Watermark generators begin anew; what has come of their watermarks is kept by those to whom
    // it matters.
    "TimestampsAndWatermarks",
    // They stand around others.
    "OrderChecked",
    "Finished",
    "Nothing",
];

/// How many scripts are run: fewer where a backend takes long to open.
fn cases() -> u32 {
    if std::env::var_os("SCIURUS_TEST_STATE_BACKEND").is_some() { 5 } else { 60 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn a_restored_operator_comes_to_the_same_results_at_any_parallelism(script in scripts()) {
        for (operator, run) in TABLE {
            let expected = run(&script.uninterrupted()).unwrap();
            prop_assert_eq!(run(&script).unwrap(), expected, "{}", operator);
        }
    }

    #[test]
    fn in_batch_execution_too(script in scripts()) {
        let script = Script { batch_mode: true, ..script };
        for (operator, run) in TABLE {
            let expected = run(&script.uninterrupted()).unwrap();
            prop_assert_eq!(run(&script).unwrap(), expected, "{}", operator);
        }
    }
}

#[test]
fn the_table_has_all_operators() {
    let mut operators = BTreeSet::new();
    operators_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut operators).unwrap();
    let known = TABLE.iter().map(|(name, _)| *name).chain(STATELESS.iter().copied());
    let known: BTreeSet<String> = known.map(str::to_owned).collect();
    let unknown: Vec<_> = operators.difference(&known).collect();
    assert!(unknown.is_empty(), "neither in the table nor known to have no state: {unknown:?}");
    assert!(operators.contains("RollingSum") && operators.contains("WindowOperator"));
}

/// Collects the names of all types that implement `Operator`.
fn operators_in(folder: &Path, operators: &mut BTreeSet<String>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            operators_in(&path, operators)?;
            continue;
        }
        let source = fs::read_to_string(&path)?;
        for line in source.lines().filter(|line| line.trim_start().starts_with("impl")) {
            let Some((_, implementer)) = line.split_once(" Operator for ") else { continue };
            let name = implementer.split(|c: char| !c.is_alphanumeric()).next();
            operators.extend(name.map(str::to_owned));
        }
    }
    Ok(())
}

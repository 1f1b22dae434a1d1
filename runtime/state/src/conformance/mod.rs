//! The suite that every backend passes: random operations, compared with a naive model.
//!
//! A run keeps the same state several times over: in the `model`, and in one backend for each
//! subtask of a job (`subject`), to which operations (`operation`) go by key group. On the way the
//! clock moves, snapshots are written while writing goes on, and the job is restored from them at
//! another parallelism, in each form that they have.

mod model;
mod operation;
mod subject;

use std::path::Path;

use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::backend::BackendConfig;
use crate::keyed::KeyedBackend;
use crate::namespace::Namespace;
use crate::settings::{BackendError, RestoreInput};
use model::Model;
use operation::{Operation, operations};
use subject::Subject;

/// How long values of states that expire live, in milliseconds.
const TIME_TO_LIVE: i64 = 100;

/// The key groups of the job.
const MAX_PARALLELISM: u32 = 16;

/// The namespaces of the run.
const NAMESPACES: [Namespace; 4] = [Namespace::VOID, Namespace(-5), Namespace(10), Namespace(20)];

/// The number of different keys.
const KEYS: u8 = 40;

/// Returns a key; all lengths up to that of the longest occur, the empty key too.
fn key(number: u8) -> Vec<u8> {
    let number = number % KEYS;
    (0..number).map(|position| b'a' + (position + number) % 26).collect()
}

/// Runs `cases` random sequences of operations on backends that `make` makes. Where a snapshot is
/// files, a copy of them in a folder of `scratch` is restored from, by turns with the form of every
/// backend.
///
/// # Errors
/// The shortest sequence found on which backend and model differ, and where.
pub fn run(
    scratch: &Path,
    make: impl Fn(BackendConfig, Vec<RestoreInput>) -> Result<KeyedBackend, BackendError>,
    cases: u32,
) -> Result<(), String> {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&operations(), |(parallelism, operations)| {
        let mut model = Model::default();
        let mut subject = Subject::new(&make, scratch, parallelism);
        for (step, operation) in operations.iter().enumerate() {
            apply(&mut model, &mut subject, operation)
                .map_err(|error| fail(step, operation, &error))?;
        }
        subject.check_snapshots(&model).map_err(TestCaseError::fail)
    });
    result.map_err(|error| error.to_string())
}

fn fail(step: usize, operation: &Operation, error: &str) -> TestCaseError {
    TestCaseError::fail(format!("step {step}, {operation:?}: {error}"))
}

/// Does the same to both and compares what each has seen.
fn apply(model: &mut Model, subject: &mut Subject, operation: &Operation) -> Result<(), String> {
    let expected = model.apply(operation, subject.parallelism());
    let found = subject.apply(operation, model).map_err(|error| error.to_string())?;
    if found == expected {
        return Ok(());
    }
    let differing = expected.iter().zip(&found).position(|(one, other)| one != other);
    let place = differing.unwrap_or(expected.len().min(found.len()));
    Err(format!("expected {:?}, found {:?}", expected.get(place), found.get(place)))
}

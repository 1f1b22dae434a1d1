//! Runs an operator over an input, with and without restarts.

use std::fmt::Debug;
use std::sync::OnceLock;

use proptest::prelude::*;
use sciurus_core::Record;
use sciurus_core::config::Configuration;
use sciurus_core::record::F0;
use sciurus_core::time::Timestamp;
use sciurus_engine::TaskResult;
use sciurus_engine::exchange::{ColumnKeys, KeyExtractorFactory};
use sciurus_engine::operator::{BatchLimits, Operator, OperatorContext};
use sciurus_state::settings::{BackendResources, StateBackendSettings};
use sciurus_testkit::{HarnessOptions, KeyedHarness, KeyedTwoInputHarness, OperatorCheckpoint};

/// A key and a value.
pub type Word = (String, i64);

pub fn keys() -> ColumnKeys<Word, F0> {
    ColumnKeys::default()
}

/// One thing that happens to an operator.
#[derive(Debug, Clone)]
pub enum Step {
    /// A record of the first input, with its timestamp.
    First(Word, Timestamp),
    /// A record of the second input, where there is one.
    Second(Word, Timestamp),
    /// All watermarks grow by so much.
    Watermark(Timestamp),
    /// The clocks go on by so much.
    Clock(Timestamp),
}

/// An input and where the job is stopped and restored within it.
#[derive(Debug, Clone)]
pub struct Script {
    pub steps: Vec<Step>,
    pub cuts: [usize; 2],
    /// By how much the first watermark behind a restart is below the last one before it: sources
    /// begin with their watermarks anew.
    pub setback: Timestamp,
    pub batch_mode: bool,
}

impl Script {
    /// The same without restarts.
    pub fn uninterrupted(&self) -> Self {
        Self { cuts: [usize::MAX; 2], ..self.clone() }
    }
}

pub fn scripts() -> impl Strategy<Value = Script> {
    let word = ("[a-h]", 0..100_i64);
    let step = prop_oneof![
        8 => (word.clone(), 0..40_i64).prop_map(|(word, late)| Step::First(word, late)),
        3 => (word, 0..40_i64).prop_map(|(word, late)| Step::Second(word, late)),
        2 => (1..15_i64).prop_map(Step::Watermark),
        1 => (1..15_i64).prop_map(Step::Clock),
    ];
    let steps = prop::collection::vec(step, 1..60).prop_map(|mut steps| {
        // Records come around the watermark: some late, most not.
        let mut watermark = 0;
        for step in &mut steps {
            match step {
                Step::First(_, timestamp) | Step::Second(_, timestamp) => {
                    *timestamp += watermark - 10;
                }
                Step::Watermark(by) => watermark += *by,
                Step::Clock(_) => {}
            }
        }
        steps
    });
    (steps, 0.0..1.0, 0.0..1.0, 0..20_i64).prop_map(|(steps, one, other, setback)| {
        let cut = |share: f64| (share * (steps.len() + 1) as f64) as usize;
        let (one, other) = (cut(f64::min(one, other)), cut(f64::max(one, other)));
        Script { steps, cuts: [one, other], setback, batch_mode: false }
    })
}

/// The parallelisms one after the other.
const PARALLELISM: [u32; 3] = [2, 3, 1];

/// How an operator is driven: in one of two harnesses.
trait Harness: Sized {
    fn step(&mut self, step: &Step, time: (Timestamp, Timestamp)) -> TaskResult;
    fn watermark(&mut self, watermark: Timestamp) -> TaskResult;
    fn snapshot(&mut self, id: u64) -> TaskResult<OperatorCheckpoint>;
    fn results(&mut self) -> TaskResult<Vec<String>>;
    fn end(&mut self) -> TaskResult;
}

impl<O: Record + Debug> Harness for KeyedHarness<Word, O> {
    fn step(&mut self, step: &Step, (watermark, clock): (Timestamp, Timestamp)) -> TaskResult {
        match step {
            Step::First((key, value), timestamp) => {
                self.process_element_at((key, *value), *timestamp)
            }
            Step::Second(..) => Ok(()),
            Step::Watermark(_) => self.process_watermark(watermark),
            Step::Clock(_) => self.set_processing_time(clock),
        }
    }

    fn watermark(&mut self, watermark: Timestamp) -> TaskResult {
        self.process_watermark(watermark)
    }

    fn snapshot(&mut self, id: u64) -> TaskResult<OperatorCheckpoint> {
        self.snapshot(id)
    }

    fn results(&mut self) -> TaskResult<Vec<String>> {
        let results = self.take_output()?.into_iter().map(|event| format!("{event:?}"));
        let is_result = |event: &String| event.starts_with("Record");
        Ok(results.filter(is_result).collect())
    }

    fn end(&mut self) -> TaskResult {
        self.end_input()
    }
}

impl<O: Record + Debug> Harness for KeyedTwoInputHarness<Word, Word, O> {
    fn step(&mut self, step: &Step, (watermark, clock): (Timestamp, Timestamp)) -> TaskResult {
        match step {
            Step::First((key, value), timestamp) => {
                self.process_element1_at((key, *value), *timestamp)
            }
            Step::Second((key, value), timestamp) => {
                self.process_element2_at((key, *value), *timestamp)
            }
            Step::Watermark(_) => self.process_watermark(watermark),
            Step::Clock(_) => self.set_processing_time(clock),
        }
    }

    fn watermark(&mut self, watermark: Timestamp) -> TaskResult {
        self.process_watermark(watermark)
    }

    fn snapshot(&mut self, id: u64) -> TaskResult<OperatorCheckpoint> {
        self.snapshot(id)
    }

    fn results(&mut self) -> TaskResult<Vec<String>> {
        let results = self.take_records()?.into_iter().map(|record| format!("{record:?}"));
        Ok(results.collect())
    }

    fn end(&mut self) -> TaskResult {
        self.end_input()
    }
}

/// The backend that the environment asks for, in the words of `state.backend.type`.
fn state_backend() -> &'static StateBackendSettings {
    static SETTINGS: OnceLock<StateBackendSettings> = OnceLock::new();
    SETTINGS.get_or_init(|| {
        let Ok(kind) = std::env::var("SCIURUS_TEST_STATE_BACKEND") else {
            return StateBackendSettings::HashMap;
        };
        let mut configuration = Configuration::new();
        configuration.set_text("state.backend.type", kind);
        let scratch = std::env::temp_dir().join(format!("sciurus-restore-{}", std::process::id()));
        let resources = BackendResources { scratch, managed_bytes: 64 << 20, slots: 1 };
        match StateBackendSettings::from_configuration(&configuration, resources) {
            Ok(settings) => settings,
            Err(error) => unreachable!("{error}"),
        }
    })
}

/// Runs a script and returns all results, sorted, and the last checkpoint, taken behind the end of
/// the input.
fn run<H: Harness>(
    script: &Script,
    open: impl Fn(HarnessOptions, Option<&OperatorCheckpoint>) -> TaskResult<H>,
) -> TaskResult<(Vec<String>, OperatorCheckpoint)> {
    let limits = BatchLimits { max_rows: 3, ..BatchLimits::default() };
    let options = |part: usize, processing_time| HarnessOptions {
        parallelism: PARALLELISM[part],
        limits,
        processing_time,
        batch_mode: script.batch_mode,
        state_backend: state_backend(),
        ..HarnessOptions::default()
    };
    let (mut part, mut watermark, mut clock) = (0, 0, 0);
    let mut results = Vec::new();
    let mut harness = open(options(0, clock), None)?;
    for (place, step) in script.steps.iter().enumerate() {
        while part < 2 && script.cuts[part] == place {
            let checkpoint = harness.snapshot(part as u64 + 1)?;
            results.extend(harness.results()?);
            part += 1;
            harness = open(options(part, clock), Some(&checkpoint))?;
            if watermark > 0 {
                harness.watermark(watermark - script.setback)?;
            }
        }
        match step {
            Step::Watermark(by) => watermark += by,
            Step::Clock(by) => clock += by,
            Step::First(..) | Step::Second(..) => {}
        }
        harness.step(step, (watermark, clock))?;
    }
    harness.end()?;
    results.extend(harness.results()?);
    results.sort();
    // What went out at the end goes out once.
    let checkpoint = harness.snapshot(9)?;
    let mut restored = open(options(0, clock), Some(&checkpoint))?;
    restored.end()?;
    assert_eq!(restored.results()?, [""; 0], "the end goes out twice");
    Ok((results, checkpoint))
}

/// Runs a script over an operator with one keyed input.
pub fn keyed<O: Record + Debug, P: Operator + 'static>(
    script: &Script,
    make: impl Fn(&OperatorContext) -> P + Send + Sync,
) -> TaskResult<(Vec<String>, OperatorCheckpoint)> {
    run(script, |options, checkpoint| match checkpoint {
        None => KeyedHarness::<Word, O>::open_with(options, &keys(), &make),
        Some(checkpoint) => KeyedHarness::restore(options, checkpoint, &keys(), &make),
    })
}

/// Runs a script over an operator with a keyed input and one that is keyed too or broadcast.
pub fn connected<O: Record + Debug, P: Operator + 'static>(
    script: &Script,
    is_broadcast: bool,
    make: impl Fn(&OperatorContext) -> P + Send + Sync,
) -> TaskResult<(Vec<String>, OperatorCheckpoint)> {
    let keys = keys();
    let second: Option<&dyn KeyExtractorFactory> = (!is_broadcast).then_some(&keys);
    run(script, |options, checkpoint| {
        KeyedTwoInputHarness::<Word, Word, O>::open(options, checkpoint, (&keys, second), &make)
    })
}

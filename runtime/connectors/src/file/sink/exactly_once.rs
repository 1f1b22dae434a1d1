//! Whatever is killed when: each record is in one visible file.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use sciurus_core::checkpoint::SnapshotKind;
use sciurus_engine::TaskResult;
use sciurus_state::OperatorSnapshot;

use super::FileSink;
use super::rolling::RollingPolicy;
use crate::testing::{SinkHarness, checkpointed_context};

/// What happens to the job.
#[derive(Debug, Clone)]
enum Step {
    /// The next records are written, by one subtask.
    Write(usize, i64),
    /// A checkpoint is taken.
    Checkpoint,
    /// The last checkpoint is complete; whether the subtasks hear of it.
    Complete(bool),
    /// All is killed, and goes on from the last complete checkpoint with so many subtasks.
    Kill(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..3_usize, 1..6_i64).prop_map(|(subtask, records)| Step::Write(subtask, records)),
        2 => Just(Step::Checkpoint),
        2 => prop::bool::weighted(0.7).prop_map(Step::Complete),
        1 => (1..4_u32).prop_map(Step::Kill),
    ];
    prop::collection::vec(step, 0..40)
}

/// A checkpoint: its number, how many records were written, and the sink's part of it.
type Checkpoint = (u64, i64, Vec<OperatorSnapshot>);

struct Job<'a> {
    folder: &'a Path,
    subtasks: Vec<SinkHarness>,
    written: i64,
    attempts: u32,
    checkpoints: u64,
    taken: Option<Checkpoint>,
    complete: Option<Checkpoint>,
}

impl Job<'_> {
    fn start(&mut self, parallelism: u32) -> TaskResult {
        // Those that are killed close nothing.
        self.subtasks.drain(..).for_each(std::mem::forget);
        self.taken = None;
        self.written = self.complete.as_ref().map_or(0, |(_, written, _)| *written);
        self.attempts += 1;
        for index in 0..parallelism {
            let restored = self.complete.as_ref().map(|(.., state)| &state[..]);
            let mut context = checkpointed_context((index, parallelism), restored);
            context.subtask.attempt = self.attempts;
            let policy = RollingPolicy::never().max_part_bytes(20);
            let sink = FileSink::<i64>::text(self.folder)
                .rolling_policy(policy)
                .bucket_by(|number| if number % 3 == 0 { "a/b".to_owned() } else { String::new() });
            self.subtasks.push(SinkHarness::open(sink, context)?);
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> TaskResult {
        self.checkpoints += 1;
        let id = self.checkpoints;
        let parts = self.subtasks.iter_mut().map(|s| s.checkpoint(id, SnapshotKind::Checkpoint));
        let parts = parts.collect::<TaskResult<_>>()?;
        self.taken = Some((self.checkpoints, self.written, parts));
        Ok(())
    }

    fn complete(&mut self, is_heard_of: bool) -> TaskResult {
        let Some(taken) = self.taken.take() else { return Ok(()) };
        let id = taken.0;
        self.complete = Some(taken);
        if is_heard_of {
            self.subtasks.iter_mut().try_for_each(|subtask| subtask.complete(id))?;
        }
        Ok(())
    }

    fn run(&mut self, steps: &[Step]) -> TaskResult {
        self.start(2)?;
        for step in steps {
            match step {
                Step::Write(subtask, records) => {
                    let numbers: Vec<i64> = (self.written..self.written + records).collect();
                    self.written += records;
                    let subtasks = self.subtasks.len();
                    self.subtasks[subtask % subtasks].write(&numbers)?;
                }
                Step::Checkpoint => self.checkpoint()?,
                Step::Complete(is_heard_of) => self.complete(*is_heard_of)?,
                Step::Kill(parallelism) => self.start(*parallelism)?,
            }
        }
        self.subtasks.iter_mut().try_for_each(SinkHarness::end_input)?;
        self.checkpoint()?;
        self.complete(true)?;
        self.subtasks.iter_mut().try_for_each(|subtask| subtask.node().close())
    }
}

/// The numbers in all visible files, and the names of hidden files that nobody finished.
fn found(folder: &Path, numbers: &mut Vec<i64>, unfinished: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found(&path, numbers, unfinished);
        } else if !name.starts_with('.') {
            let content = fs::read_to_string(path).unwrap();
            numbers.extend(content.lines().map(|line| line.parse::<i64>().unwrap()));
        } else if name.contains(".inprogress.") {
            unfinished.push(name);
        }
    }
}

proptest! {
    // Files are really synced.
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_record_is_in_one_visible_file(steps in steps()) {
        let folder = tempfile::tempdir().unwrap();
        let mut job = Job {
            folder: folder.path(),
            subtasks: Vec::new(),
            written: 0,
            attempts: 0,
            checkpoints: 0,
            taken: None,
            complete: None,
        };
        job.run(&steps).unwrap();
        let (mut numbers, mut unfinished) = (Vec::new(), Vec::new());
        found(folder.path(), &mut numbers, &mut unfinished);
        numbers.sort_unstable();
        prop_assert_eq!(numbers, (0..job.written).collect::<Vec<_>>());
        prop_assert!(unfinished.is_empty(), "each start removes what those before left: {:?}", unfinished);
    }
}

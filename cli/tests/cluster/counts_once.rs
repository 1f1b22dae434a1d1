//! Processes are killed in the midst of a job with checkpoints: what it has committed in the end is
//! what a run without faults commits.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use crate::executables;
use crate::word_count::lines_of;
use sciurus_harness::processes::signal;
use sciurus_harness::{Cluster, LONG, wait_for};

/// How many lines the input has, and how many words there are on each.
const LINES: usize = 600_000;
const WORDS: usize = 8;

/// How many different words there are.
const VOCABULARY: usize = 1_009;

/// A job that counts words, each time one occurs, and what it has to commit.
struct Counting {
    cluster: Cluster,
    job: String,
    output: PathBuf,
    /// Where what outlives the JobManager lies.
    _storage: tempfile::TempDir,
}

impl Counting {
    fn start(task_managers: usize, settings: &[&str]) -> Self {
        let storage = tempfile::tempdir().unwrap();
        let ha = format!("high-availability.storageDir=file://{}/ha", storage.path().display());
        let cluster = Cluster::start(
            executables(),
            task_managers,
            1,
            &["high-availability.type=filesystem", &ha],
        );
        let input = cluster.folder().join("input");
        fs::create_dir(&input).unwrap();
        for file in 0..8 {
            let lines = (0..LINES / 8).map(|line| file * LINES / 8 + line);
            let mut text = String::new();
            for line in lines {
                for word in 0..WORDS {
                    let number = (line * WORDS + word) * 7919 % VOCABULARY;
                    write!(text, "w{number} ").unwrap();
                }
                text.push('\n');
            }
            fs::write(input.join(format!("{file}.txt")), text).unwrap();
        }
        let output = cluster.folder().join("output");
        let directory = format!(
            "-Dexecution.checkpointing.dir=file://{}/checkpoints",
            storage.path().display()
        );
        let mut options = vec![
            "-p2",
            "-Dexecution.checkpointing.interval=200 ms",
            &directory,
            "-Drestart-strategy.type=fixed-delay",
            "-Drestart-strategy.fixed-delay.attempts=1000",
            "-Drestart-strategy.fixed-delay.delay=10 ms",
        ];
        options.extend(settings);
        let arguments = [
            "word_count",
            "--input",
            input.to_str().unwrap(),
            "--output",
            output.to_str().unwrap(),
        ];
        let job = cluster.submit(&options, &arguments);
        cluster.wait_until_all_run(&job);
        Self { cluster, job, output, _storage: storage }
    }

    /// Waits for a checkpoint that is taken from now on.
    fn next_checkpoint(&self) {
        let path = format!("/jobs/{}/checkpoints", self.job);
        let count = || self.cluster.try_get(&path)?["counts"]["completed"].as_u64();
        let before = wait_for("the checkpoints", LONG, count);
        wait_for("a checkpoint", LONG, || {
            let has_ended = self.cluster.state_of(&self.job) == "FINISHED";
            (has_ended || count().is_some_and(|count| count != before)).then_some(())
        });
    }

    fn finishes_right(&self) {
        self.cluster.wait_for_state(&self.job, "FINISHED");
        let mut counts: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for line in lines_of(&self.output) {
            let (word, count) = line.trim_matches(['(', ')']).split_once(',').unwrap();
            counts.entry(word.to_owned()).or_default().push(count.parse().unwrap());
        }
        assert_eq!(counts.len(), VOCABULARY);
        let mut all = 0;
        for (word, mut counts) in counts {
            counts.sort_unstable();
            let is_each_once = (1..).zip(&counts).all(|(expected, count)| expected == *count);
            assert!(is_each_once, "{word}: {} counts up to {:?}", counts.len(), counts.last());
            all += counts.len();
        }
        assert_eq!(all, LINES * WORDS);
    }
}

#[test]
fn killed_workers_lose_and_repeat_nothing() {
    let counting = Counting::start(2, &[]);
    for task_manager in [0, 1, 0] {
        counting.next_checkpoint();
        if let Some(worker) = counting.cluster.workers_of(task_manager).first() {
            signal(*worker, "KILL");
        }
    }
    counting.finishes_right();
}

#[test]
fn killed_task_managers_lose_and_repeat_nothing() {
    let mut counting = Counting::start(3, &[]);
    for _ in 0..2 {
        counting.next_checkpoint();
        let busy = (0..3).find(|&n| !counting.cluster.workers_of(n).is_empty());
        let Some(busy) = busy else { break };
        counting.cluster.task_managers[busy].kill();
        counting.cluster.restart_task_manager(busy);
    }
    counting.finishes_right();
}

#[test]
fn a_killed_job_manager_loses_and_repeats_nothing() {
    let mut counting = Counting::start(2, &[]);
    for _ in 0..2 {
        counting.next_checkpoint();
        counting.cluster.job_manager.kill();
        counting.cluster.restart_job_manager();
        counting.cluster.wait_for_task_managers(2);
    }
    counting.finishes_right();
}

//! The jobs whose throughput is compared. Nexmark's queries belong here, too, once there are such
//! jobs.

use crate::arguments::Arguments;
use crate::input::Text;

/// A checkpoint every five seconds, with state in memory or in RocksDB.
const CHECKPOINTS: (&str, &str) = ("execution.checkpointing.interval", "5 s");
const INCREMENTAL: (&str, &str) = ("execution.checkpointing.incremental", "true");
const ROCKSDB: (&str, &str) = ("state.backend.type", "rocksdb");

/// State in memory leaves managed memory unused: all of it to the heap.
const ALL_TO_HEAP: (&str, &str) = ("taskmanager.memory.managed.size", "0");

/// How many records the jobs with many keys get, and how many keys there are.
const KEYED_RECORDS: u64 = 20_000_000;
const KEYS: u64 = 10_000_000;

/// A job.
#[derive(Debug)]
pub struct Workload {
    /// What the command line calls it.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// At least so many times Flink's records per CPU second.
    pub goal: Option<f64>,
    /// At most this part of Flink's peak memory.
    pub memory_goal: Option<f64>,
    /// Of the cluster.
    pub settings: &'static [(&'static str, &'static str)],
    /// Its arguments, and those for Flink only.
    pub job: Job,
    /// For Flink only.
    pub for_flink: &'static [&'static str],
    /// So many minutes of a round: rounds are halved where it takes long.
    pub is_slow: bool,
}

/// Which job it is, and on what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// Words, by mode.
    Words(&'static str),
    /// Many keys, by distribution.
    Keyed(&'static str),
}

/// All workloads, in the order of the report.
pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "word_count",
        about: "WordCount STREAMING: hash exchange, every update emitted, discarding sink",
        goal: Some(12.0),
        memory_goal: Some(10.0),
        settings: &[],
        job: Job::Words("streaming"),
        for_flink: &[],
        is_slow: false,
    },
    Workload {
        name: "word_count_scanned",
        about: "the same; Flink's job finds words by a loop over characters, not a regular expression",
        goal: None,
        memory_goal: None,
        settings: &[],
        job: Job::Words("streaming"),
        for_flink: &["--tokenizer", "scan"],
        is_slow: false,
    },
    Workload {
        name: "batch",
        about: "WordCount BATCH: final counts only",
        goal: None,
        memory_goal: Some(10.0),
        settings: &[],
        job: Job::Words("batch"),
        for_flink: &[],
        is_slow: false,
    },
    Workload {
        name: "windows",
        about: "WordCount of each second of event time, tumbling windows",
        goal: Some(10.0),
        memory_goal: Some(10.0),
        settings: &[],
        job: Job::Words("windows"),
        for_flink: &[],
        is_slow: false,
    },
    Workload {
        name: "checkpoints",
        about: "WordCount STREAMING, state in memory, checkpoint every 5 s",
        goal: None,
        memory_goal: None,
        settings: &[CHECKPOINTS],
        job: Job::Words("streaming"),
        for_flink: &[],
        is_slow: false,
    },
    Workload {
        name: "rocksdb",
        about: "WordCount STREAMING, state in RocksDB, incremental checkpoint every 5 s",
        goal: Some(8.0),
        memory_goal: None,
        settings: &[CHECKPOINTS, INCREMENTAL, ROCKSDB],
        job: Job::Words("streaming"),
        for_flink: &[],
        is_slow: true,
    },
    Workload {
        name: "uniform",
        about: "counts of 10 M keys, uniform, state in memory",
        goal: None,
        memory_goal: None,
        settings: &[ALL_TO_HEAP],
        job: Job::Keyed("uniform"),
        for_flink: &[],
        is_slow: false,
    },
    Workload {
        name: "zipf",
        about: "counts of 10 M keys, Zipf, state in memory",
        goal: None,
        memory_goal: None,
        settings: &[ALL_TO_HEAP],
        job: Job::Keyed("zipf"),
        for_flink: &[],
        is_slow: false,
    },
    Workload {
        name: "uniform_rocksdb",
        about: "counts of 10 M keys, uniform, state in RocksDB",
        goal: None,
        memory_goal: None,
        settings: &[ROCKSDB],
        job: Job::Keyed("uniform"),
        for_flink: &[],
        is_slow: true,
    },
    Workload {
        name: "zipf_rocksdb",
        about: "counts of 10 M keys, Zipf, state in RocksDB",
        goal: None,
        memory_goal: None,
        settings: &[ROCKSDB],
        job: Job::Keyed("zipf"),
        for_flink: &[],
        is_slow: true,
    },
];

impl Workload {
    /// The arguments of the job, and how many records it gets.
    pub fn arguments(&self, arguments: &Arguments, text: &Text) -> (Vec<String>, u64) {
        match self.job {
            Job::Words(mode) => {
                let folder = text.folder.display().to_string();
                let words = ["word_count", "--input", &folder, "--mode", mode];
                (words.map(str::to_owned).to_vec(), text.words)
            }
            Job::Keyed(distribution) => {
                let records = arguments.scaled(KEYED_RECORDS);
                let (count, keys) = (records.to_string(), arguments.scaled(KEYS).to_string());
                let words =
                    ["keyed", "--count", &count, "--keys", &keys, "--keys-are", distribution];
                (words.map(str::to_owned).to_vec(), records)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        for (index, workload) in WORKLOADS.iter().enumerate() {
            assert!(WORKLOADS[..index].iter().all(|other| other.name != workload.name));
        }
    }
}

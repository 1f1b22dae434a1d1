//! What a benchmark is: a program that runs in a process of its own, and what is asked of it.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::baseline;
use crate::error::{Error, Result};
use crate::jobs;

/// Every program, in the order of the report. A job stands after what it is compared with.
pub const PROGRAMS: &[Program] = &[
    baseline::word_count::PROGRAM,
    baseline::word_count_in_place::PROGRAM,
    baseline::map_filter_map::PROGRAM,
    baseline::empty_process::PROGRAM,
    jobs::word_count::STREAMING,
    jobs::word_count::BATCH,
    jobs::word_count::CHECKPOINTED,
    #[cfg(feature = "rocksdb")]
    jobs::word_count::ROCKSDB,
    jobs::windowed_word_count::TUMBLING,
    jobs::windowed_word_count::SLIDING,
    jobs::map_filter_map::PROGRAM,
    jobs::tiny::PROGRAM,
];

/// Something to measure.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// How the command line and the report call it.
    pub name: &'static str,
    /// What it does, in a few words.
    pub about: &'static str,
    /// Does the work. Runs in a process of its own, whose CPU time and memory are the measurement.
    pub run: fn(&Context) -> Result<Outcome>,
    /// What is asked of it. A loop that misses its goal tells that the machine isn't up to the jobs'.
    pub goals: &'static [Goal],
}

/// A bound that a program is to keep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// CPU time at most this many times that of another program, over the same records.
    CpuRatio {
        /// The other program's name.
        to: &'static str,
        /// The bound.
        at_most: f64,
    },
    /// CPU time per record.
    CpuNsPerRecord(f64),
    /// From the start of the process to its first result.
    FirstResultMs(f64),
    /// The largest resident memory of the process.
    PeakMib(f64),
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CpuRatio { to, at_most } => write!(f, "≤ {at_most} × {to}"),
            Self::CpuNsPerRecord(ns) => write!(f, "≤ {ns} ns/record"),
            Self::FirstResultMs(ms) => write!(f, "first result ≤ {ms} ms"),
            Self::PeakMib(mib) => write!(f, "≤ {mib} MiB"),
        }
    }
}

impl Program {
    /// The program of that name.
    pub fn named(name: &str) -> Result<&'static Self> {
        PROGRAMS.iter().find(|program| program.name == name).ok_or_else(|| {
            let known: Vec<_> = PROGRAMS.iter().map(|program| program.name).collect();
            Error::UnknownProgram { name: name.to_owned(), known: known.join(", ") }
        })
    }

    /// The programs of these names and all that they are compared with, in the report's order.
    /// No name, or `all`, means all.
    pub fn selected(names: &[String]) -> Result<Vec<&'static Self>> {
        if names.is_empty() || names.iter().any(|name| name == "all") {
            return Ok(PROGRAMS.iter().collect());
        }
        let mut wanted: Vec<&str> = Vec::new();
        for name in names {
            wanted.push(Self::named(name)?.name);
        }
        let mut selected: Vec<&'static Self> = Vec::new();
        // Backwards, because what a program is compared with stands before it.
        for program in PROGRAMS.iter().rev() {
            if wanted.contains(&program.name) {
                wanted.extend(program.references());
                selected.push(program);
            }
        }
        selected.reverse();
        Ok(selected)
    }

    /// The names of the programs that this one is compared with.
    pub fn references(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.goals.iter().filter_map(|goal| match goal {
            Goal::CpuRatio { to, .. } => Some(*to),
            _ => None,
        })
    }
}

/// What a program is given to work on.
#[derive(Debug)]
pub struct Context<'a> {
    /// The text to work on, for programs that need one.
    pub corpus: &'a Path,
    /// Called by [`Context::tell_first_result`].
    pub on_first_result: fn(),
}

impl Context<'_> {
    /// Tells the measuring process that the first result is there. For programs whose latency counts.
    pub fn tell_first_result(&self) {
        (self.on_first_result)();
    }
}

/// What a program found out, so that programs that do the same work can be held to the same result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// How many records it worked through: words, or numbers.
    pub records: u64,
    /// How many different ones there were, where it knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distinct: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_references_stand_before_what_refers_to_them() {
        for (position, program) in PROGRAMS.iter().enumerate() {
            let before: Vec<_> = PROGRAMS[..position].iter().map(|program| program.name).collect();
            assert!(!before.contains(&program.name), "{} twice", program.name);
            for reference in program.references() {
                assert!(before.contains(&reference), "{reference} after {}", program.name);
            }
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = Program::selected(&["no_such_job".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("no_such_job") && error.contains("loop_word_count"), "{error}");
    }

    #[test]
    fn no_name_and_all_select_everything() {
        assert_eq!(Program::selected(&[]).unwrap().len(), PROGRAMS.len());
        assert_eq!(Program::selected(&["all".to_owned()]).unwrap().len(), PROGRAMS.len());
    }
}

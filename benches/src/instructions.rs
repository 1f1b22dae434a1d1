//! A guard against regressions that no busy machine disturbs: how many instructions programs take, by
//! valgrind's callgrind, on a small text that is the same everywhere, against a committed baseline.
//!
//! Counts depend on the compiler and a little on the C library and the processor, whose best `memcpy`
//! is taken: a baseline of another compiler only warns.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use comfy_table::{CellAlignment, Table, presets};
use serde::{Deserialize, Serialize};

use crate::error::{Error, IoContext, Result};
use crate::program::Program;

/// What is counted. Those left out depend on the clock.
const PROGRAMS: &[&str] = &[
    "loop_word_count",
    "loop_map_filter_map",
    "word_count",
    "word_count_batch",
    "window_tumbling",
    "map_filter_map",
];

/// How much more a program may take than its baseline says. Threads that wait for each other take
/// different turns each time, which makes up to a hundredth.
const TOLERANCE: f64 = 0.03;

/// The text's size, in words.
const WORDS: usize = 400_000;

/// How many different words it has at most.
const DISTINCT: u64 = 40_000;

/// What was counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// What `rustc --version` says.
    pub compiler: String,
    /// Instructions of each program, in all its threads.
    pub programs: BTreeMap<String, u64>,
}

/// Counts, and compares with the baseline in `path` or writes it. Returns whether all is well.
///
/// # Errors
/// [`Error`] where valgrind or a program can't be run, or the baseline can't be read or written.
pub fn check(path: &Path, update: bool) -> Result<bool> {
    let counted = count()?;
    if update {
        let mut text = serde_json::to_string_pretty(&counted)?;
        text.push('\n');
        fs::write(path, text).at(path)?;
        println!("{}", table(&counted, &counted));
        return Ok(true);
    }
    let baseline: Baseline = serde_json::from_slice(&fs::read(path).at(path)?)?;
    println!("{}", table(&baseline, &counted));
    let regressions = regressions(&baseline, &counted);
    if baseline.compiler != counted.compiler {
        println!(
            "the baseline was counted with {}, this with {}: nothing is concluded",
            baseline.compiler, counted.compiler
        );
        return Ok(true);
    }
    for regression in &regressions {
        println!("{regression}");
    }
    Ok(regressions.is_empty())
}

fn count() -> Result<Baseline> {
    let folder = tempfile::tempdir().at(&std::env::temp_dir())?;
    let text = folder.path().join("text.txt");
    fs::write(&text, synthetic_text()).at(&text)?;
    let compiler = Command::new("rustc").arg("--version").output().map_err(Error::Child)?;
    let compiler = String::from_utf8_lossy(&compiler.stdout).trim().to_owned();
    let mut programs = BTreeMap::new();
    for name in PROGRAMS {
        let program = Program::named(name)?;
        eprintln!("counting the instructions of {name}");
        programs.insert((*name).to_owned(), instructions(program, &text, folder.path())?);
    }
    Ok(Baseline { compiler, programs })
}

/// Runs a program under callgrind.
fn instructions(program: &Program, text: &Path, folder: &Path) -> Result<u64> {
    let executable = std::env::current_exe().map_err(Error::Child)?;
    let output = folder.join("callgrind.out");
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--callgrind-out-file={}", output.display()))
        .arg(executable)
        .args(["--child", program.name, "--corpus"])
        .arg(text)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .map_err(Error::Valgrind)?;
    if !status.success() {
        return Err(Error::ProgramFailed { program: program.name, status });
    }
    let report = fs::read_to_string(&output).at(&output)?;
    total(&report).ok_or(Error::NoInstructions { program: program.name })
}

/// Reads the sum out of what callgrind has written.
fn total(report: &str) -> Option<u64> {
    let line = report
        .lines()
        .find_map(|line| line.strip_prefix("totals:").or_else(|| line.strip_prefix("summary:")))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Makes lines of words, few of them often and many seldom, by a generator of our own: no library's
/// next version may change it.
fn synthetic_text() -> String {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut text = String::with_capacity(WORDS * 8);
    for number in 0..WORDS {
        // The product of two equal distributions favours small numbers.
        let (a, b) = (next() % DISTINCT, next() % DISTINCT);
        let word = a * b / DISTINCT;
        // Writing to a String can't fail.
        let _ = write!(text, "w{:x}", word.wrapping_mul(0x9E37_79B1) % (1 << 28));
        text.push(if number % 12 == 11 { '\n' } else { ' ' });
    }
    text
}

fn regressions(baseline: &Baseline, counted: &Baseline) -> Vec<String> {
    let mut found = Vec::new();
    for (name, &now) in &counted.programs {
        match baseline.programs.get(name) {
            Some(&then) if ratio(now, then) > 1.0 + TOLERANCE => found.push(format!(
                "{name} takes {:.1} % more instructions than the baseline; where that is meant: \
                 make bench-check ARGS=--update",
                100.0 * (ratio(now, then) - 1.0)
            )),
            Some(_) => {}
            None => found.push(format!("{name} has no baseline: make bench-check ARGS=--update")),
        }
    }
    found
}

#[allow(clippy::cast_precision_loss)] // far below 2^53
fn ratio(now: u64, then: u64) -> f64 {
    now as f64 / then as f64
}

#[allow(clippy::cast_precision_loss)] // far below 2^53
fn table(baseline: &Baseline, counted: &Baseline) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["program", "million instructions", "baseline", "ratio"]);
    for (name, &now) in &counted.programs {
        let then = baseline.programs.get(name);
        let millions = |count: u64| format!("{:.1}", count as f64 / 1e6);
        table.add_row([
            name.clone(),
            millions(now),
            then.map_or_else(String::new, |&then| millions(then)),
            then.map_or_else(String::new, |&then| format!("{:.3}", ratio(now, then))),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline(count: u64) -> Baseline {
        let programs = BTreeMap::from([("word_count".to_owned(), count)]);
        Baseline { compiler: "rustc 1".to_owned(), programs }
    }

    #[test]
    fn more_instructions_than_tolerated_are_a_regression() {
        assert_eq!(regressions(&baseline(1000), &baseline(1030)), Vec::<String>::new());
        assert_eq!(regressions(&baseline(1000), &baseline(500)), Vec::<String>::new());
        let found = regressions(&baseline(1000), &baseline(1040));
        assert!(found[0].contains("word_count takes 4.0 % more"), "{found:?}");
        let none = Baseline { programs: BTreeMap::new(), ..baseline(0) };
        assert!(regressions(&none, &baseline(1))[0].contains("has no baseline"));
    }

    #[test]
    fn the_sum_is_read_from_callgrinds_report() {
        assert_eq!(total("version: 1\nevents: Ir\nfn=(1)\n1 5\ntotals: 12345\n"), Some(12_345));
        assert_eq!(total("summary: 7 8\n"), Some(7));
        assert_eq!(total("version: 1\n"), None);
    }

    #[test]
    fn the_text_is_the_same_everywhere() {
        let text = synthetic_text();
        assert_eq!(text.split_whitespace().count(), WORDS);
        let distinct: std::collections::HashSet<_> = text.split_whitespace().collect();
        assert!((10_000..40_000).contains(&distinct.len()), "{}", distinct.len());
        let sum =
            text.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        assert_eq!(sum, 14_625_188_046_113_789_167);
    }

    #[test]
    fn every_program_that_is_counted_exists() {
        for name in PROGRAMS {
            Program::named(name).unwrap();
        }
    }
}

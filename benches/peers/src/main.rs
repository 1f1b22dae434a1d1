//! WordCount without an engine, on timely and on renoir: every update of a count is emitted and
//! dropped, by two workers.
//!
//!     sciurus-bench-peers loop|timely|renoir FOLDER
//!
//! Prints how many updates there were and the sum of their counts, which don't depend on their order.

mod plain;
mod renoir;
mod text;
mod timely;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How many workers there are.
const WORKERS: usize = 2;

/// What all updates come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Updates {
    count: u64,
    sum: u64,
}

impl Updates {
    /// Takes note of an update.
    fn add(&mut self, count: u64) {
        self.count += 1;
        self.sum += count;
    }

    /// Those of two workers.
    fn and(self, other: Self) -> Self {
        Self { count: self.count + other.count, sum: self.sum + other.sum }
    }
}

/// The program of a name.
fn program(name: &str) -> Option<fn(Vec<PathBuf>) -> Updates> {
    match name {
        "loop" => Some(plain::count),
        "timely" => Some(timely::count),
        "renoir" => Some(renoir::count),
        _ => None,
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, folder] = arguments.as_slice() else {
        eprintln!("usage: sciurus-bench-peers loop|timely|renoir FOLDER");
        return ExitCode::from(2);
    };
    let Some(count) = program(name) else {
        eprintln!("there is no program {name}");
        return ExitCode::from(2);
    };
    let updates = count(text::files(Path::new(folder)));
    println!("{} {}", updates.count, updates.sum);
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_come_to_the_same() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "To be, or not to be\n").unwrap();
        std::fs::write(folder.path().join("b"), "that is\n\nTHE question: to be").unwrap();
        let files = text::files(folder.path());
        // "to" and "be" occur three times, six words once.
        let expected = Updates { count: 12, sum: 2 * (1 + 2 + 3) + 6 };
        for name in ["loop", "timely", "renoir"] {
            assert_eq!(program(name).unwrap()(files.clone()), expected, "{name}");
        }
    }
}

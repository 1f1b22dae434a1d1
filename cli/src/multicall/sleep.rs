//! `sleep`, which hooks of pods call before a container ends.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

/// Waits as long as the arguments say, as the program of this name does.
pub fn sleep(arguments: &[OsString]) -> ExitCode {
    let durations = arguments.iter().map(|word| duration(word.to_str()?));
    match durations.collect::<Option<Vec<_>>>() {
        Some(durations) if !durations.is_empty() => {
            std::thread::sleep(
                durations.into_iter().fold(Duration::ZERO, Duration::saturating_add),
            );
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("Usage: sleep NUMBER[smhd]...");
            ExitCode::FAILURE
        }
    }
}

/// Reads `1.5`, `30s`, `2m`, `infinity`.
fn duration(text: &str) -> Option<Duration> {
    if matches!(text, "inf" | "infinity") {
        return Some(Duration::MAX);
    }
    let (number, unit) = match text.char_indices().next_back()? {
        (at, 's') => (&text[..at], 1.0),
        (at, 'm') => (&text[..at], 60.0),
        (at, 'h') => (&text[..at], 3600.0),
        (at, 'd') => (&text[..at], 86_400.0),
        _ => (text, 1.0),
    };
    let seconds = number.parse::<f64>().ok()? * unit;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units() {
        for (text, expected) in [
            ("30", Some(Duration::from_secs(30))),
            ("0.5s", Some(Duration::from_millis(500))),
            ("2m", Some(Duration::from_secs(120))),
            ("1h", Some(Duration::from_secs(3600))),
            ("1d", Some(Duration::from_secs(86_400))),
            ("infinity", Some(Duration::MAX)),
            ("", None),
            ("s", None),
            ("-1", None),
            ("ten", None),
        ] {
            assert_eq!(duration(text), expected, "{text}");
        }
    }
}

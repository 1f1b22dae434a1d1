//! What a checkpoint holds, for people.

use std::fmt::Write;

use chrono::{Local, TimeZone};
use sciurus_core::checkpoint::{Ending, SavepointFormat, SnapshotKind};

use super::report::{Form, KeyedReport, ListReport, OperatorReport, Report, StateReport};

/// Returns the lines.
pub fn text(report: &Report) -> String {
    let mut out = String::new();
    let Report { path, checkpoint_id, job_id, job_name, .. } = report;
    let taken = Local.timestamp_millis_opt(report.timestamp).single();
    let taken = taken.map_or_else(String::new, |time| time.format("%Y-%m-%d %H:%M:%S").to_string());
    let files = count(report.files as u64, "file");
    let lines = [
        ("Path", path.clone()),
        ("Kind", kind(report.kind)),
        ("Number", checkpoint_id.to_string()),
        ("Job", format!("{job_name} ({job_id})")),
        ("Taken", taken),
        ("State", format!("{} in {files} and the metadata", bytes(report.state_bytes))),
        ("Metadata", bytes(report.metadata_bytes)),
    ];
    for (name, value) in lines {
        let _ = writeln!(out, "{name:<9} {value}");
    }
    for operator in &report.operators {
        write_operator(&mut out, operator);
    }
    out.truncate(out.trim_end().len());
    out
}

fn kind(kind: SnapshotKind) -> String {
    match kind {
        SnapshotKind::Checkpoint => "checkpoint, owned by its job".to_owned(),
        SnapshotKind::FullCheckpoint => "full checkpoint, owned by its job".to_owned(),
        SnapshotKind::Savepoint { format, ending } => {
            let format = match format {
                SavepointFormat::Canonical => "canonical",
                SavepointFormat::Native => "native",
            };
            let ending = match ending {
                None => "",
                Some(Ending::Suspend) => "; the job was stopped with it",
                Some(Ending::Drain) => "; the job was drained and stopped with it",
            };
            format!("savepoint, {format}, owned by the user{ending}")
        }
    }
}

fn write_operator(out: &mut String, operator: &OperatorReport) {
    let OperatorReport { id, uid, name, parallelism, max_parallelism, is_finished, .. } = operator;
    let uid = uid.as_ref().map_or_else(|| "no uid".to_owned(), |uid| format!("uid {uid}"));
    let finished = if *is_finished { ", finished" } else { "" };
    let _ = writeln!(
        out,
        "\n{name} ({uid}, id {id})\n  parallelism {parallelism} of {max_parallelism}{finished}, {}",
        bytes(operator.bytes)
    );
    if let Some(size) = operator.enumerator_bytes {
        let _ = writeln!(out, "  enumerator: {}", bytes(size));
    }
    if let Some(keyed) = &operator.keyed {
        write_keyed(out, keyed);
    }
    if !operator.operator_states.is_empty() {
        let _ = writeln!(out, "  operator state:");
        let rows = operator.operator_states.iter().map(list_row);
        write_table(out, &["NAME", "SHARED OUT", "ITEMS", "SIZE"], rows);
    }
    if operator.keyed.is_some() || !operator.operator_states.is_empty() {
        let _ = writeln!(out, "  subtasks:");
        let rows = operator.subtasks.iter().map(|subtask| {
            let groups = subtask.key_groups;
            let groups = groups.map_or_else(|| "-".to_owned(), |(a, b)| format!("{a}-{b}"));
            let (keyed, lists) = (bytes(subtask.keyed_bytes), bytes(subtask.operator_bytes));
            vec![subtask.subtask.to_string(), groups, keyed, lists]
        });
        write_table(out, &["SUBTASK", "KEY GROUPS", "KEYED", "OPERATOR"], rows);
    }
}

fn write_keyed(out: &mut String, keyed: &KeyedReport) {
    let known = |count: Option<u64>, what: &str| count.map(|number| self::count(number, what));
    let counts: Vec<_> =
        [known(keyed.keys, "key"), known(keyed.timers, "timer")].into_iter().flatten().collect();
    let forms = keyed.forms.iter().map(|form| match form {
        Form::Canonical => "canonical".to_owned(),
        Form::Files => {
            let files = self::count(keyed.shared_files as u64, "shared file");
            format!("files of RocksDB ({files}, {})", bytes(keyed.shared_bytes))
        }
    });
    let parts: Vec<_> =
        counts.into_iter().chain([forms.collect::<Vec<_>>().join(" and ")]).collect();
    let _ = writeln!(out, "  keyed state: {}", parts.join(", "));
    if !keyed.states.is_empty() {
        let header = ["NAME", "KIND", "TYPE", "TTL", "KEYS", "ENTRIES", "SIZE"];
        write_table(out, &header, keyed.states.iter().map(state_row));
    }
}

fn state_row(state: &StateReport) -> Vec<String> {
    let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |n| n.to_string());
    vec![
        state.name.clone(),
        state.kind.to_owned(),
        state.type_name.clone(),
        if state.ttl { "yes" } else { "no" }.to_owned(),
        number(state.keys),
        number(state.entries),
        state.bytes.map_or_else(|| "-".to_owned(), bytes),
    ]
}

fn list_row(list: &ListReport) -> Vec<String> {
    let redistribution = list.redistribution.to_owned();
    vec![list.name.clone(), redistribution, list.items.to_string(), bytes(list.bytes)]
}

/// Writes rows in columns.
fn write_table(out: &mut String, header: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let header: Vec<_> = header.iter().map(|name| (*name).to_owned()).collect();
    let rows: Vec<_> = std::iter::once(header).chain(rows).collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<_> = (0..rows[0].len()).map(|column| width(column).unwrap_or(0)).collect();
    for row in &rows {
        let mut line = String::from("   ");
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, " {cell:<width$} ");
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

fn count(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// Returns a size with a unit, as people read it.
fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return count(bytes, "byte");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (size, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1_000, "1.0 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (5_300_000_000_000, "5.3 TB"),
            (u64::MAX, "18446744.1 TB"),
        ] {
            assert_eq!(bytes(size), text);
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut out = String::new();
        let row = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        write_table(&mut out, &["N", "KIND"], [row("long", "x"), row("ü", "")].into_iter());
        assert_eq!(out, "    N     KIND\n    long  x\n    ü\n");
    }
}

//! The documentation of all options, generated from the table.

use std::fmt::Write;

use super::flink_keys::JVM_ONLY;
use super::option::AnyOption;
use super::options;

const INTRODUCTION: &str = "\
# Configuration

<!-- Generated from runtime/core/src/config/options. To write it anew:
     UPDATE_DOCS=1 cargo test -p sciurus-core config_docs -->

Keys, types and defaults are Flink's; Sciurus's own begin with `sciurus.` or `health.`. A setting comes from the
command line (`-Dkey=value`), from `config.yaml` (nested or flat) or from the older
`flink-conf.yaml`. The executable `sciurus` looks for these files in `--configDir`, else in
`FLINK_CONF_DIR`, else in `$FLINK_HOME/conf`, `/opt/flink/conf` and `./conf`. Over the file's settings
it lays those of the environment, as Flink's images do: `JOB_MANAGER_RPC_ADDRESS`,
`TASK_MANAGER_NUMBER_OF_TASK_SLOTS`, and `FLINK_PROPERTIES` with one `key: value` a line, in whose
values `$NAME` stands for other variables. Over all of them it lays `-D`.

How values are written:

| Type | Written | Example |
|---|---|---|
| Boolean | `true` or `false` | `true` |
| Integer, Long | a whole number | `4` |
| Double | a number | `0.5` |
| Duration | a number and `d`, `h`, `min`, `s`, `ms`, `µs` or `ns`; a bare number counts ms | `10 s` |
| MemorySize | a number and `b`, `kb`, `mb`, `gb` or `tb`, in steps of 1024; a bare number counts bytes | `64 kb` |
| Ports | ports and ranges of them, tried in this order; 0 takes any that is free | `8081,9000-9010` |
| Enum | one of the words given, in any case | `STREAMING` |
| List | `a;b` or `[a, b]`; quotes around an element that has the delimiter in it | `'a;b';c` |
| Map | `k:v,k2:v2`, `{k: v, k2: v2}`, or keys of their own below the option's key | `k:v` |

A key that nobody knows gives a warning with the nearest known key, or an error with `--strict`; the
same goes for a key that Flink obeys and Sciurus does not. A value that an option can't read is an
error. Values of keys that hold secrets (`password`, `token`, …) are never shown.
";

const JVM_SECTION: &str = "
## Ignored keys

These only concern a JVM. They are accepted, reported once and ignored:

";

/// Returns the text of `docs/configuration.md`.
pub fn markdown() -> String {
    let mut out = INTRODUCTION.to_owned();
    for group in options::GROUPS {
        // Writing to a string can't fail.
        let _ = write!(out, "\n## {}\n\n| Key | Default | Type | Description |\n", group.title);
        out.push_str("|---|---|---|---|\n");
        for option in group.options {
            write_row(&mut out, *option);
        }
    }
    out.push_str(JVM_SECTION);
    for pattern in JVM_ONLY {
        let _ = writeln!(out, "- `{pattern}`");
    }
    out
}

fn write_row(out: &mut String, option: &dyn AnyOption) {
    let default = option.default_text().map_or("(none)".to_owned(), |text| format!("`{text}`"));
    let (key, type_name) = (option.key(), option.type_name().replace('<', "\\<"));
    let rule = option.rule().map(|rule| format!(", {rule}")).unwrap_or_default();
    let _ = write!(out, "| `{key}` | {default} | {type_name}{rule} | {}", option.description());
    write_keys(out, "If not set, the value of", option.fallback_keys(), " holds.");
    write_keys(out, "Formerly", option.deprecated_keys(), ".");
    out.push_str(" |\n");
}

fn write_keys(out: &mut String, before: &str, keys: &[&str], after: &str) {
    if !keys.is_empty() {
        let _ = write!(out, " {before} `{}`{after}", keys.join("`, `"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn config_docs_are_what_the_table_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, markdown()).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == markdown(),
            "docs/configuration.md is not what the table of options says; to write it anew: \
             UPDATE_DOCS=1 cargo test -p sciurus-core config_docs"
        );
    }

    #[test]
    fn config_docs_have_every_option_in_a_row_of_four_cells() {
        let text = markdown();
        for option in options::all() {
            let start = format!("| `{}` |", option.key());
            let row = text.lines().find(|line| line.starts_with(&start)).unwrap();
            assert_eq!(row.matches('|').count(), 5, "{row}");
        }
    }
}

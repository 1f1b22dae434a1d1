//! `docs/cli.md`: what the commands' own help says, held up to date by a test.

use std::fmt::Write;

use clap::{Command, CommandFactory};

use crate::arguments::Arguments;

const INTRODUCTION: &str = include_str!("docs_introduction.md");

fn markdown() -> String {
    let mut out = INTRODUCTION.to_owned();
    let mut command = Arguments::command();
    command.build();
    write_commands(&mut out, &command, "sciurus");
    out
}

fn write_commands(out: &mut String, parent: &Command, name: &str) {
    for command in parent.get_subcommands() {
        let name = format!("{name} {}", command.get_name());
        let help = command.clone().term_width(100).disable_help_flag(true).render_long_help();
        let help = help.to_string();
        let lines: Vec<_> = help.trim_end().lines().map(str::trim_end).collect();
        // Writing to a string can't fail.
        let _ = write!(out, "\n## {name}\n\n```text\n{}\n```\n", lines.join("\n"));
        write_commands(out, command, &name);
    }
}

#[test]
fn cli_docs_are_what_the_commands_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, markdown()).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == markdown(),
        "docs/cli.md is not what the commands say; to write it anew: \
         UPDATE_DOCS=1 cargo test -p sciurus-cli cli_docs"
    );
}

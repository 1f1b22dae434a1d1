//! All families of metrics that are exposed, and those of Flink's that aren't.
//!
//! A test on a real cluster holds the first table to what is exposed and both to what Flink's own
//! reporter was recorded to expose; the documentation and the queries of alerts and dashboards are
//! checked against it.

mod lacking;
mod table;

pub use lacking::{LACKING, Lacking};
pub use table::GROUPS;

use std::fmt::Write as _;

/// Where a family comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Flink has it as well.
    Flink,
    /// Flink lacks it.
    Native,
}

/// Families of one scope.
#[derive(Debug)]
pub struct Group {
    /// What the families are of.
    pub title: &'static str,
    /// What their names begin with, `flink_` left out.
    pub scope: &'static str,
    /// Their labels.
    pub labels: &'static [&'static str],
    /// The rest of each name, where it comes from, and what it says.
    pub families: &'static [(&'static str, Origin, &'static str)],
}

impl Group {
    /// Returns the full names.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.families.iter().map(|(name, _, _)| format!("flink_{}_{name}", self.scope))
    }
}

/// Returns the names of all families, users' metrics left out.
pub fn names() -> impl Iterator<Item = String> {
    GROUPS.iter().flat_map(Group::names)
}

/// Writes the tables as Markdown.
pub fn markdown() -> String {
    let mut text = String::new();
    for Group { title, scope, labels, families } in GROUPS {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(
            text,
            "\n### {title}\n\nNames begin with `flink_{scope}_`. Labels: {}.\n",
            labels.join(", ")
        );
        let _ = writeln!(text, "| name | meaning | Flink has it |\n| --- | --- | --- |");
        for (name, origin, meaning) in *families {
            let is_flinks = if *origin == Origin::Flink { "yes" } else { "no" };
            let _ = writeln!(text, "| `{name}` | {meaning} | {is_flinks} |");
        }
    }
    let _ = writeln!(text, "\n### What Flink exposes and Sciurus doesn't\n");
    let _ = writeln!(text, "| name | why |\n| --- | --- |");
    for Lacking { name, reason } in LACKING {
        let _ = writeln!(text, "| `{name}` | {reason} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    const MARK: &str = "cargo test -p sciurus-metrics metrics_docs -->\n";

    #[test]
    fn metrics_docs_are_what_the_catalog_says() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
        let page = fs::read_to_string(&path).unwrap();
        let (written, generated) = page.split_once(MARK).unwrap();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&path, format!("{written}{MARK}{}", markdown())).unwrap();
            return;
        }
        assert!(
            generated == markdown(),
            "docs/metrics.md is out of date: UPDATE_DOCS=1 cargo test -p sciurus-metrics metrics_docs"
        );
    }

    #[test]
    fn no_family_is_listed_twice() {
        let mut all: Vec<_> = names().collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}

//! What a metric is of: the names that stand before its own, and its labels.

use std::collections::BTreeSet;

/// What Flink's reporter lets stand in names; all else becomes `_`.
fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, ':' | '_')
}

/// Replaces what no name may hold, as Flink does.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|character| if is_plain(character) { character } else { '_' }).collect()
}

/// How labels are written: which are left out, and whether their values are made plain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LabelFilter {
    pub(super) plain_values: bool,
    pub(super) excluded: BTreeSet<String>,
}

/// What a metric is of: `taskmanager_job_task` with a host, a job, a task as labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    names: String,
    labels: Vec<(String, String)>,
}

impl Scope {
    /// Makes the scope of a process: `jobmanager`, `taskmanager`.
    pub fn new(name: &str) -> Self {
        Self { names: plain(name), labels: Vec::new() }
    }

    /// Returns this scope with a label.
    #[must_use]
    pub fn with(mut self, label: &str, value: impl Into<String>) -> Self {
        self.labels.push((plain(label), value.into()));
        self
    }

    /// Returns a scope within this one.
    #[must_use]
    pub fn within(&self, name: &str) -> Self {
        Self { names: format!("{}_{}", self.names, plain(name)), labels: self.labels.clone() }
    }

    pub(super) fn names(&self) -> &str {
        &self.names
    }

    pub(super) fn labels(&self, filter: &LabelFilter) -> Vec<(String, String)> {
        let is_shown = |(name, _): &&(String, String)| !filter.excluded.contains(name);
        let shown = |(name, value): &(String, String)| {
            let value = if filter.plain_values { plain(value) } else { value.clone() };
            (name.clone(), value)
        };
        let mut labels: Vec<_> = self.labels.iter().filter(is_shown).map(shown).collect();
        labels.sort();
        labels.dedup_by(|one, other| one.0 == other.0);
        labels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_plain_unless_they_are_to_be_left_alone() {
        let scope = Scope::new("taskmanager").with("tm_id", "taskmanager-1").within("job");
        let scope = scope.with("job_name", "a -> ö: b");
        let labels = |plain_values, excluded: &[&str]| {
            let excluded = excluded.iter().map(|&name| name.to_owned()).collect();
            scope.labels(&LabelFilter { plain_values, excluded })
        };
        let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            labels(true, &[]),
            [named("job_name", "a_____:_b"), named("tm_id", "taskmanager_1")]
        );
        assert_eq!(labels(false, &["job_name"]), [named("tm_id", "taskmanager-1")]);
        assert_eq!(scope.names(), "taskmanager_job");
    }
}

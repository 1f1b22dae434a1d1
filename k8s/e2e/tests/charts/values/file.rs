//! Reads a chart's values.yaml with its comments.

use serde_json::Value;

/// A value, or a group of them.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// The path, as `--set` has it.
    pub key: String,
    /// `None` for a group.
    pub default: Option<String>,
    /// The comment above it.
    pub description: String,
}

/// Reads the values: those with a comment above them, and groups.
///
/// Below a value with a comment there are values with comments (then it is a group) or none (then it
/// is one value, a map or a list).
pub fn read(text: &str) -> Vec<Entry> {
    let whole: Value = serde_saphyr::from_str(text).unwrap();
    let keys = keys(text);
    let mut entries: Vec<Entry> = Vec::new();
    // The path so far, and the indentation from which on lines are part of a value.
    let mut path: Vec<(usize, String)> = Vec::new();
    let mut inside: Option<usize> = None;
    for (index, key) in keys.iter().enumerate() {
        if inside.is_some_and(|indent| key.indent > indent) {
            continue;
        }
        path.retain(|(indent, _)| *indent < key.indent);
        path.push((key.indent, key.name.clone()));
        let below = keys[index + 1..].iter().take_while(|below| below.indent > key.indent);
        let is_group = below.clone().any(|below| !below.comment.is_empty());
        inside = (!is_group).then_some(key.indent);
        let names: Vec<_> = path.iter().map(|(_, name)| name.as_str()).collect();
        let pointer = format!("/{}", names.join("/"));
        let value = whole.pointer(&pointer).unwrap_or_else(|| panic!("{pointer} isn't there"));
        entries.push(Entry {
            key: names.join("."),
            default: (!is_group).then(|| show(value)),
            description: key.comment.clone(),
        });
    }
    entries
}

fn show(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() => text.clone(),
        value => value.to_string(),
    }
}

struct Key {
    indent: usize,
    name: String,
    comment: String,
}

fn keys(text: &str) -> Vec<Key> {
    let mut keys = Vec::new();
    let mut comment = String::new();
    for line in text.lines() {
        let bare = line.trim_start();
        let indent = line.len() - bare.len();
        if let Some(said) = bare.strip_prefix('#') {
            let space = if comment.is_empty() { "" } else { " " };
            comment = format!("{comment}{space}{}", said.trim());
            continue;
        }
        let said = std::mem::take(&mut comment);
        let Some((name, _)) = bare.split_once(':') else { continue };
        if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric()) {
            keys.push(Key { indent, name: name.to_owned(), comment: said });
        }
    }
    keys
}

#[test]
fn comments_groups_and_whole_values_are_told_apart() {
    let text = "\
# About the file.

# A group
# of two lines.
group:
  # One.
  one: 1
  # A map.
  map:
    drop: [ALL]
    more:
      deep: true
# Empty.
empty: \"\"
";
    let entries = read(text);
    let found: Vec<_> = entries
        .iter()
        .map(|entry| (&*entry.key, entry.default.as_deref(), &*entry.description))
        .collect();
    let map = r#"{"drop":["ALL"],"more":{"deep":true}}"#;
    assert_eq!(
        found,
        [
            ("group", None, "A group of two lines."),
            ("group.one", Some("1"), "One."),
            ("group.map", Some(map), "A map."),
            ("empty", Some("\"\""), "Empty."),
        ]
    );
}

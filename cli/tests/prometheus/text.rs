//! Reads what Prometheus reads.

use std::collections::{BTreeMap, BTreeSet};

/// A family of metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Family {
    /// `gauge` or `summary`.
    pub kind: String,
    /// What is said of it.
    pub help: String,
    /// The names of the labels that samples have, without a quantile's.
    pub labels: BTreeSet<BTreeSet<String>>,
    /// The samples: name, labels, value.
    pub samples: Vec<(String, BTreeMap<String, String>, String)>,
}

/// Reads an answer.
pub fn parse(text: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let (what, name) = (words.next().unwrap(), words.next().unwrap());
            name.clone_into(&mut current);
            let family = families.entry(name.to_owned()).or_default();
            let rest = words.next().unwrap_or_default().to_owned();
            *(if what == "HELP" { &mut family.help } else { &mut family.kind }) = rest;
            continue;
        }
        let (name, labels, value) = sample(line);
        assert!(name.starts_with(&current), "{name} stands below {current}");
        let names = labels.keys().filter(|name| *name != "quantile").cloned().collect();
        let family = families.get_mut(&current).unwrap();
        family.labels.insert(names);
        family.samples.push((name, labels, value));
    }
    families
}

fn sample(line: &str) -> (String, BTreeMap<String, String>, String) {
    let Some((name, rest)) = line.split_once('{') else {
        let (name, value) = line.split_once(' ').unwrap();
        return (name.to_owned(), BTreeMap::new(), value.to_owned());
    };
    let (labels, value) = rest.rsplit_once('}').unwrap();
    // No value holds a quotation mark here.
    let mut parts = labels.split('"');
    let mut found = BTreeMap::new();
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        found.insert(name.trim_matches([',', '=']).to_owned(), value.to_owned());
    }
    (name.to_owned(), found, value.trim().to_owned())
}

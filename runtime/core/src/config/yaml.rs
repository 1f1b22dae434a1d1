//! The part of YAML that configuration needs: nested maps, lists and scalars, every scalar kept as
//! the text it was written as, since only the option knows its type.

use std::fmt::Write;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};

/// The deepest nesting that is read; it bounds the recursion.
const DEPTH_MAX: usize = 64;

/// Says where a configuration file stops making sense.
///
/// It never quotes the file's values, which may be secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct SyntaxError {
    /// The line, counted from 1.
    pub line: usize,
    /// The column, counted in characters from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: String,
}

impl SyntaxError {
    /// Creates an error for this place.
    pub(super) fn at(place: Place, problem: impl Into<String>) -> Self {
        Self { line: place.line, column: place.column, problem: problem.into() }
    }
}

/// A place in a YAML text; line and column count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub line: usize,
    pub column: usize,
}

impl From<Span> for Place {
    fn from(span: Span) -> Self {
        Self { line: span.start.line(), column: span.start.col() + 1 }
    }
}

/// A piece of YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// No value, `~` or `null`.
    Null,
    Scalar(String),
    Sequence(Vec<Node>),
    /// Entries in the order of the text; keys are unique.
    Mapping(Vec<(String, Place, Node)>),
}

impl Node {
    /// Writes the node on one line, as YAML flow syntax: `[a, 'b, c']`, `{k: v}`.
    pub(super) fn to_flow(&self) -> String {
        let mut out = String::new();
        self.write_flow(&mut out);
        out
    }

    fn write_flow(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Scalar(text) => write_scalar(text, out),
            Self::Sequence(elements) => {
                out.push('[');
                for (index, element) in elements.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    element.write_flow(out);
                }
                out.push(']');
            }
            Self::Mapping(entries) => {
                out.push('{');
                for (index, (key, _, value)) in entries.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    write_scalar(key, out);
                    out.push_str(": ");
                    value.write_flow(out);
                }
                out.push('}');
            }
        }
    }
}

/// Writes a scalar, in quotes if YAML might otherwise read something else.
fn write_scalar(text: &str, out: &mut String) {
    let starts_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || "./$".contains(c));
    let is_plain = text.char_indices().all(|(index, c)| match c {
        ' ' => starts_word(text[index + 1..].chars().next()),
        ':' => text[index + 1..].starts_with('/'),
        c => c.is_alphanumeric() || "._/+@=$-".contains(c),
    });
    if is_plain && starts_word(text.chars().next()) && !is_null(text) && text != "..." {
        out.push_str(text);
    } else if text.chars().any(|c| c.is_control() || "\u{2028}\u{2029}\u{feff}".contains(c)) {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                c if c.is_control() || "\u{2028}\u{2029}\u{feff}".contains(c) => {
                    // Writing to a string can't fail.
                    let _ = write!(out, "\\u{:04x}", u32::from(c));
                }
                c => out.push(c),
            }
        }
        out.push('"');
    } else {
        out.push('\'');
        out.push_str(&text.replace('\'', "''"));
        out.push('\'');
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Reads one YAML document; an empty one is [`Node::Null`].
///
/// # Errors
/// [`SyntaxError`] if the text is not YAML, holds several documents, a key twice, a key that is no
/// scalar, an anchor's alias, or nests deeper than 64 levels.
pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let mut reader = Reader { events: Parser::new_from_str(text) };
    let mut root = Node::Null;
    let mut documents = 0;
    loop {
        let (event, place) = reader.next()?;
        match event {
            Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
            Event::StreamEnd => return Ok(root),
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    return Err(SyntaxError::at(place, "a second document starts"));
                }
                let first = reader.next()?;
                root = reader.node(first, DEPTH_MAX)?;
            }
            _ => return Err(SyntaxError::at(place, "a value stands outside of any document")),
        }
    }
}

struct Reader<'text> {
    events: Parser<'text, StrInput<'text>>,
}

impl<'text> Reader<'text> {
    fn next(&mut self) -> Result<(Event<'text>, Place), SyntaxError> {
        match self.events.next_event() {
            Some(Ok((event, span))) => Ok((event, span.into())),
            Some(Err(error)) => {
                let place = Place { line: error.marker().line(), column: error.marker().col() + 1 };
                Err(SyntaxError::at(place, error.info()))
            }
            None => Ok((Event::StreamEnd, Place { line: 0, column: 0 })),
        }
    }

    fn node(&mut self, first: (Event<'text>, Place), depth: usize) -> Result<Node, SyntaxError> {
        let (event, place) = first;
        let depth =
            depth.checked_sub(1).ok_or_else(|| SyntaxError::at(place, "nested too deeply"))?;
        match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) if is_null(&text) => Ok(Node::Null),
            Event::Scalar(text, ..) => Ok(Node::Scalar(text.into_owned())),
            Event::SequenceStart(..) => {
                let mut elements = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => return Ok(Node::Sequence(elements)),
                        element => elements.push(self.node(element, depth)?),
                    }
                }
            }
            Event::MappingStart(..) => self.mapping(depth),
            Event::Alias(_) => {
                Err(SyntaxError::at(place, "aliases are not supported: write the value out"))
            }
            _ => Err(SyntaxError::at(place, "expected a value")),
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Node, SyntaxError> {
        let mut entries: Vec<(String, Place, Node)> = Vec::new();
        loop {
            let (key, place) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Node::Mapping(entries)),
                (Event::Scalar(key, ..), place) => (key.into_owned(), place),
                (_, place) => return Err(SyntaxError::at(place, "a key must be a plain text")),
            };
            if entries.iter().any(|(known, ..)| *known == key) {
                return Err(SyntaxError::at(place, format!("the key '{key}' occurs twice")));
            }
            let value = self.next()?;
            entries.push((key, place, self.node(value, depth)?));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scalar(text: &str) -> Node {
        Node::Scalar(text.to_owned())
    }

    #[test]
    fn keeps_scalars_as_written() {
        let node = parse("[0x10, 1e3, yes, 'a''b', \"a\\nb\", 10 s, file:///x]").unwrap();
        let texts = ["0x10", "1e3", "yes", "a'b", "a\nb", "10 s", "file:///x"];
        assert_eq!(node, Node::Sequence(texts.map(scalar).to_vec()));
    }

    #[test]
    fn writes_flow_syntax_as_flink_does() {
        for text in [
            "[a;b, c, d'e]",
            "['a, b']",
            "{'k:1': 'v,2'}",
            "[a, '', b]",
            "{k: [1, {}]}",
            "{k: 'v -'}",
        ] {
            let written = parse(text).unwrap().to_flow();
            assert_eq!(parse(&written), parse(text), "{written}");
        }
        assert_eq!(parse("{k: v, k2: file:///v}").unwrap().to_flow(), "{k: v, k2: file:///v}");
        assert_eq!(parse("- 10 s\n- 'x,y'").unwrap().to_flow(), "[10 s, 'x,y']");
    }

    #[test]
    fn says_where_and_never_what() {
        for (text, line, problem) in [
            ("a: 1\nb: 2\na: hunter2", 3, "the key 'a' occurs twice"),
            ("a: &x hunter2\nb: *x", 2, "aliases are not supported: write the value out"),
            ("a: 1\n---\nb: 2", 2, "a second document starts"),
            ("? [a]\n: 1", 1, "a key must be a plain text"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!((error.line, error.problem.as_str()), (line, problem), "{text}");
        }
        let error = parse("a: 1\nb: [hunter2\nc: 1").unwrap_err().to_string();
        assert!(error.starts_with("line ") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn bounds_nesting() {
        assert!(parse(&format!("{}{}", "[".repeat(60), "]".repeat(60))).is_ok());
        assert!(parse(&format!("{}{}", "[".repeat(200), "]".repeat(200))).is_err());
        let blocks: Vec<_> = (0..200).map(|depth| format!("{}a:", " ".repeat(depth))).collect();
        assert!(parse(&blocks.join("\n")).is_err());
    }

    proptest! {
        #[test]
        fn reads_back_what_it_writes(
            list in prop::collection::vec(any::<String>(), 0..4),
            tricky in prop::collection::vec("[-a0 :;,'\"#\\[\\]{}&*!|>%@`?~.\n\t]{0,6}", 0..4),
        ) {
            for texts in [list, tricky] {
                let keys = texts.iter().enumerate();
                let place = Place { line: 1, column: 1 };
                let entries = keys.map(|(n, text)| (format!("{text}{n}"), place, scalar(text)));
                let flat = Node::Sequence(texts.iter().map(|text| scalar(text)).collect());
                let map = Node::Sequence(vec![Node::Mapping(entries.collect()), flat.clone()]);
                prop_assert_eq!(parse(&flat.to_flow()).unwrap(), flat);
                let again = parse(&map.to_flow()).unwrap();
                prop_assert_eq!(again.to_flow(), map.to_flow());
            }
        }

        #[test]
        fn never_panics(text in any::<String>()) {
            let _ = parse(&text);
        }
    }
}

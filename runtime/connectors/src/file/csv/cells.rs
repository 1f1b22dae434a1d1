//! Divides rows into cells.

use std::borrow::Cow;

/// The characters that give CSV its structure; ASCII, so that they are never part of another
/// character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    pub(super) quote: Option<u8>,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) quoted: bool,
}

impl Dialect {
    /// Divides a row.
    pub(super) fn cells(self, row: &str) -> Cells<'_> {
        Cells { dialect: self, rest: Some(row) }
    }

    /// Returns where the first row ends whose line end isn't within quotes: the place of its line
    /// end, or the length of `text`.
    pub(super) fn row_len(self, text: &[u8]) -> usize {
        self.row_ends(text).next().unwrap_or(text.len())
    }

    /// Returns how many bytes of `text` are whole rows.
    pub(super) fn last_record_end(self, text: &[u8]) -> Option<usize> {
        self.row_ends(text).last().map(|place| place + 1)
    }

    /// Returns the places of line ends that aren't within quotes.
    fn row_ends(self, text: &[u8]) -> impl Iterator<Item = usize> {
        let mut place = Place::CellStart;
        text.iter().enumerate().filter_map(move |(at, byte)| {
            let ends_row = *byte == b'\n' && place != Place::Quoted;
            place = match place {
                // A doubled quote stands for one within the cell.
                Place::CellStart | Place::BehindQuote if Some(*byte) == self.quote => Place::Quoted,
                Place::Quoted if Some(*byte) == self.quote => Place::BehindQuote,
                Place::Quoted => Place::Quoted,
                _ if *byte == self.delimiter || *byte == b'\n' => Place::CellStart,
                _ => Place::Unquoted,
            };
            ends_row.then_some(at)
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    CellStart,
    Unquoted,
    Quoted,
    BehindQuote,
}

/// The cells of a row, or what is wrong with one, after which none follow.
pub(super) struct Cells<'a> {
    dialect: Dialect,
    rest: Option<&'a str>,
}

impl<'a> Cells<'a> {
    /// Takes a quoted cell off the front; `rest` is behind the opening quote.
    fn quoted(&mut self, rest: &'a str, quote: u8) -> Result<Cell<'a>, String> {
        let mut text = Cow::Borrowed("");
        let mut rest = rest;
        loop {
            let Some(end) = memchr::memchr(quote, rest.as_bytes()) else {
                return Err(
                    "a quote is opened but not closed on the line (cells with line ends need `multi_line`)"
                        .to_owned(),
                );
            };
            text += &rest[..end];
            rest = &rest[end + 1..];
            match rest.bytes().next() {
                Some(next) if next == quote => {
                    text += &rest[..1];
                    rest = &rest[1..];
                }
                None => break,
                Some(next) if next == self.dialect.delimiter => {
                    self.rest = Some(&rest[1..]);
                    break;
                }
                Some(_) => {
                    let found = rest.chars().next().unwrap_or_default();
                    return Err(format!("'{found}' stands behind a closing quote"));
                }
            }
        }
        Ok(Cell { text, quoted: true })
    }
}

impl<'a> Iterator for Cells<'a> {
    type Item = Result<Cell<'a>, String>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        if let Some(quote) = self.dialect.quote
            && rest.as_bytes().first() == Some(&quote)
        {
            return Some(self.quoted(&rest[1..], quote));
        }
        let text = match memchr::memchr(self.dialect.delimiter, rest.as_bytes()) {
            Some(end) => {
                self.rest = Some(&rest[end + 1..]);
                &rest[..end]
            }
            None => rest,
        };
        Some(Ok(Cell { text: Cow::Borrowed(text), quoted: false }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSV: Dialect = Dialect { delimiter: b',', quote: Some(b'"') };

    fn cells(row: &str) -> Vec<String> {
        CSV.cells(row)
            .map(|cell| match cell {
                Ok(Cell { text, quoted: true }) => format!("<{text}>"),
                Ok(Cell { text, quoted: false }) => text.into_owned(),
                Err(error) => format!("error: {error}"),
            })
            .collect()
    }

    #[test]
    fn cells_are_divided_by_delimiters_outside_of_quotes() {
        assert_eq!(cells("a,b c,"), ["a", "b c", ""]);
        assert_eq!(cells(""), [""]);
        assert_eq!(cells(r#""a,b",c"#), ["<a,b>", "c"]);
        assert_eq!(cells(r#""say ""hi""","#), [r#"<say "hi">"#, ""]);
        assert_eq!(cells(r#"5" disk,"""#), [r#"5" disk"#, "<>"]);
        assert_eq!(cells("é,ü"), ["é", "ü"]);
    }

    #[test]
    fn what_is_wrong_with_quotes_is_said() {
        assert!(cells(r#"a,"b"#)[1].starts_with("error: a quote is opened but not closed"));
        assert_eq!(cells(r#""a"é,b"#), ["error: 'é' stands behind a closing quote"]);
    }

    #[test]
    fn a_row_ends_at_a_line_end_outside_of_quotes() {
        let text = b"a,\"b\nc\",d\ne,5\" f\n\"\"\"\n";
        assert_eq!(CSV.row_len(text), 9);
        assert_eq!(CSV.row_len(&text[10..]), 6);
        assert_eq!(CSV.last_record_end(text), Some(17));
        assert_eq!(CSV.last_record_end(b"\"a\n"), None);
    }
}

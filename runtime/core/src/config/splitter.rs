//! Flink's older notation of lists and maps: `a;b`, `k:v,k2:v2`, with quotes around an element
//! that holds the delimiter.
//!
//! White space around elements is dropped. A quoted element doubles its own quote: `'it''s;';b`.

use super::error::ValueError;

/// Splits `text` at `delimiter`, save inside single or double quotes.
///
/// An empty element between two delimiters counts, one at either end doesn't (as in Flink).
///
/// # Errors
/// [`ValueError::Quoting`] if a quote doesn't close or something else than the delimiter follows
/// it.
pub fn split(text: &str, delimiter: char) -> Result<Vec<String>, ValueError> {
    let chars: Vec<char> = text.chars().collect();
    let mut elements = Vec::new();
    let mut at = 0;
    // Whether an element stands between the last delimiter (or the start) and `at`.
    let mut filled = true;
    while at < chars.len() {
        let first = chars[at];
        if first == delimiter {
            if !filled {
                elements.push(String::new());
            }
            filled = false;
            at += 1;
        } else if first == '\'' || first == '"' {
            let (element, end) = take_quoted(&chars, at)?;
            elements.push(element);
            at = end;
            while chars.get(at).is_some_and(|found| *found != delimiter && found.is_whitespace()) {
                at += 1;
            }
            if chars.get(at).is_some_and(|found| *found != delimiter) {
                return Err(ValueError::Quoting { position: at + 1 });
            }
            filled = true;
        } else if first.is_whitespace() {
            at += 1;
        } else {
            let length = chars[at..].iter().take_while(|found| **found != delimiter).count();
            let element: String = chars[at..at + length].iter().collect();
            elements.push(element.trim_end().to_owned());
            at += length;
            filled = true;
        }
    }
    Ok(elements)
}

/// Returns the text between the quote at `start` and its closing one, and the place behind it.
fn take_quoted(chars: &[char], start: usize) -> Result<(String, usize), ValueError> {
    let quote = chars[start];
    let mut element = String::new();
    let mut at = start + 1;
    while let Some(found) = chars.get(at) {
        if *found != quote {
            element.push(*found);
            at += 1;
        } else if chars.get(at + 1) == Some(&quote) {
            element.push(quote);
            at += 2;
        } else {
            return Ok((element, at + 1));
        }
    }
    Err(ValueError::Quoting { position: start + 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of Flink 2.3.0 for a list of strings.
    #[test]
    fn splits_as_flink_does() {
        for (text, elements) in [
            ("", vec![]),
            ("a", vec!["a"]),
            ("a;b", vec!["a", "b"]),
            (" a ; b ", vec!["a", "b"]),
            ("a;;b", vec!["a", "", "b"]),
            ("a;", vec!["a"]),
            ("'a;b';c", vec!["a;b", "c"]),
            ("\"a\" ;b", vec!["a", "b"]),
            ("'it''s';b", vec!["it's", "b"]),
            ("a'b;c", vec!["a'b", "c"]),
            ("'';b", vec!["", "b"]),
        ] {
            assert_eq!(split(text, ';').unwrap(), elements, "{text}");
        }
    }

    #[test]
    fn refuses_quotes_that_do_not_close_at_an_edge() {
        assert_eq!(split("'k:1':v", ','), Err(ValueError::Quoting { position: 6 }));
        assert_eq!(split("a;'b", ';'), Err(ValueError::Quoting { position: 3 }));
    }
}

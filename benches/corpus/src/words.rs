//! Counts words on one thread, byte by byte: what a decent engineer writes without an engine.

use std::io::{self, Read};

use rustc_hash::FxHashMap;

/// The words of a text and how often each occurs.
pub type WordCounts = FxHashMap<Box<[u8]>, u64>;

/// How much is read at once.
const BUFFER_BYTES: usize = 256 << 10;

/// Maps a byte of a word to lower case and every other byte to 0.
pub const LOWER_CASE: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    loop {
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            table[byte as usize] = byte.to_ascii_lowercase();
        }
        if byte == u8::MAX {
            break table;
        }
        byte += 1;
    }
};

/// Counts the words of `input`: runs of ASCII letters, digits and underscores, in lower case.
pub fn count(mut input: impl Read) -> io::Result<WordCounts> {
    let mut counts = WordCounts::default();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut word = Vec::new();
    loop {
        let read = input.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        for &byte in &buffer[..read] {
            match LOWER_CASE[usize::from(byte)] {
                0 if word.is_empty() => {}
                0 => {
                    add(&mut counts, &word);
                    word.clear();
                }
                lower => word.push(lower),
            }
        }
    }
    if !word.is_empty() {
        add(&mut counts, &word);
    }
    Ok(counts)
}

/// Counts an occurrence; allocates only for a word that was not there.
#[inline]
pub fn add(counts: &mut WordCounts, word: &[u8]) {
    if let Some(count) = counts.get_mut(word) {
        *count += 1;
    } else {
        counts.insert(word.into(), 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(text: &str) -> Vec<(String, u64)> {
        let mut counts: Vec<_> = count(text.as_bytes())
            .unwrap()
            .into_iter()
            .map(|(word, count)| (String::from_utf8(word.into()).unwrap(), count))
            .collect();
        counts.sort();
        counts
    }

    #[test]
    fn words_are_lower_cased_runs_of_ascii_letters_digits_and_underscores() {
        let expected = [("2nd", 1), ("a", 2), ("b_c", 1), ("caf", 1)];
        assert_eq!(counted("A b_C,a--2nd\ncaf\u{e9}"), expected.map(|(w, n)| (w.to_owned(), n)));
    }

    #[test]
    fn nothing_but_separators_has_no_words() {
        assert_eq!(counted(" ,\n"), []);
    }
}

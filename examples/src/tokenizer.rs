//! Splits text into words, quickly.
//!
//! A word is a run of ASCII letters, digits and underscores, in lower case: what Flink's `WordCount`
//! makes with `toLowerCase().split("\\W+")`. Characters of other scripts separate words as
//! punctuation does: `café` has the word `caf`.
//!
//! Going from byte to byte costs a mispredicted branch at either end of each word. So 64 bytes at a
//! time become 64 bits, one for each byte of a word, by vector instructions; words begin and end
//! where neighbouring bits differ.

use std::fmt;

use wide::u8x64;

/// How many bytes are looked at together: a bit of a `u64` for each.
const BLOCK_BYTES: usize = 64;

/// What no word contains, enough to fill a block.
const PADDING: &str = match std::str::from_utf8(&[b' '; BLOCK_BYTES]) {
    Ok(spaces) => spaces,
    Err(_) => "",
};

/// Splits text into words, line after line; it allocates for the longest line only.
#[derive(Clone, Default)]
pub struct Tokenizer {
    /// The line in lower case, with spaces behind it up to a whole number of blocks.
    line: String,
}

impl Tokenizer {
    /// Makes a tokenizer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the words of `text` in lower case and in order.
    #[inline]
    pub fn words(&mut self, text: &str) -> Words<'_> {
        self.line.clear();
        self.line.push_str(text);
        self.line.push_str(&PADDING[..text.len().next_multiple_of(BLOCK_BYTES) - text.len()]);
        self.line.make_ascii_lowercase();
        Words { line: &self.line, next_block: 0, edges: 0, within_word: 0 }
    }
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokenizer").finish_non_exhaustive()
    }
}

/// The words of a line.
#[derive(Debug, Clone)]
pub struct Words<'a> {
    line: &'a str,
    /// Where the block behind the current one begins.
    next_block: usize,
    /// Where in the current block words begin, or have just ended; without those already taken.
    edges: u64,
    /// 1 where the last byte of the current block belongs to a word, otherwise 0.
    within_word: u64,
}

impl Words<'_> {
    /// Takes the place where the next word begins, or the current one ends.
    #[inline]
    fn next_edge(&mut self) -> Option<usize> {
        if self.edges == 0 && !self.find_edges() {
            return None;
        }
        let place = self.next_block - BLOCK_BYTES + self.edges.trailing_zeros() as usize;
        self.edges &= self.edges - 1;
        Some(place)
    }

    /// Goes on to the next block in which a word begins or ends; returns whether there is one.
    // Inlined it would keep `next` from being so.
    #[inline(never)]
    fn find_edges(&mut self) -> bool {
        let blocks = self.line.as_bytes()[self.next_block..].as_chunks().0;
        for block in blocks {
            let words = word_bits(block);
            self.edges = words ^ (words << 1 | self.within_word);
            self.within_word = words >> (BLOCK_BYTES - 1);
            self.next_block += BLOCK_BYTES;
            if self.edges != 0 {
                return true;
            }
        }
        false
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        let start = self.next_edge()?;
        // A word may fill its last block, and no padding follow.
        let end = self.next_edge().unwrap_or(self.line.len());
        Some(&self.line[start..end])
    }
}

/// Returns a bit for each byte of `block`, the lowest for the first: 1 where the byte, in lower
/// case, belongs to a word.
#[inline]
fn word_bits(block: &[u8; BLOCK_BYTES]) -> u64 {
    let bytes = u8x64::new(*block);
    let letter = (bytes - u8x64::splat(b'a')).simd_le(u8x64::splat(b'z' - b'a'));
    let digit = (bytes - u8x64::splat(b'0')).simd_le(u8x64::splat(b'9' - b'0'));
    let underscore = bytes.simd_eq(u8x64::splat(b'_'));
    (letter | digit | underscore).to_bitmask()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        Tokenizer::new().words(text).map(str::to_owned).collect()
    }

    /// Splits as the definition says.
    fn naive(text: &str) -> Vec<String> {
        text.to_ascii_lowercase()
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn words_are_lower_cased_runs_of_letters_digits_and_underscores() {
        assert_eq!(words("To be, or_not 2be--"), ["to", "be", "or_not", "2be"]);
    }

    #[test]
    fn text_without_words_has_none() {
        assert_eq!(words(""), [""; 0]);
        assert_eq!(words(" ,;\t--'?\u{20ac}"), [""; 0]);
    }

    #[test]
    fn other_scripts_separate_words() {
        assert_eq!(words("Caf\u{e9}s \u{444}oo \u{212a}elvin"), ["caf", "s", "oo", "elvin"]);
    }

    #[test]
    fn words_end_where_blocks_do_and_go_on_from_block_to_block() {
        for length in 0..200 {
            let word = "x".repeat(length);
            for text in [word.clone(), format!(" {word} y"), format!("{word} {word}")] {
                assert_eq!(words(&text), naive(&text), "{text}");
            }
        }
    }

    #[test]
    fn every_ascii_character_is_classified_as_defined() {
        for byte in 0..128_u8 {
            let text = format!("a{}b", char::from(byte));
            assert_eq!(words(&text), naive(&text), "byte {byte}");
        }
    }

    #[test]
    fn a_tokenizer_forgets_the_line_before() {
        let mut tokenizer = Tokenizer::new();
        assert_eq!(tokenizer.words("A long LINE before").count(), 4);
        assert_eq!(tokenizer.words("B").collect::<Vec<_>>(), ["b"]);
    }

    proptest! {
        #[test]
        fn any_text_splits_as_the_naive_tokenizer_splits_it(text in "(\\PC|[ -~]{0,9}|\\s){0,80}") {
            prop_assert_eq!(words(&text), naive(&text));
        }

        #[test]
        fn long_words_split_as_the_naive_tokenizer_splits_them(
            text in "([a-zA-Z_0-9]{0,99}[, ]){0,9}",
        ) {
            prop_assert_eq!(words(&text), naive(&text));
        }
    }
}

//! Copies lines together without their line ends: the innermost loop of reading text.

use wide::u8x64;

/// How many bytes are looked at in one step: one for each bit of a mask.
const STEP_BYTES: usize = 64;
/// How many bytes longer than the lines the memory is that they are copied into.
pub(super) const SLACK_BYTES: usize = STEP_BYTES;
/// What lines are expected to have on average; the guess only has to be about right.
const EXPECTED_LINE_BYTES: usize = 32;

/// Copies the lines of `from` one behind the other into `to`, without `\n` or `\r\n`, and returns
/// where each starts and, last, where all end.
///
/// # Panics
/// Where `to` is not longer than `from` by [`SLACK_BYTES`].
pub(super) fn copy_lines(from: &[u8], to: &mut [u8]) -> Vec<i32> {
    assert!(to.len() >= from.len() + SLACK_BYTES, "the memory has some slack");
    let mut lines = Lines {
        offsets: Vec::with_capacity(from.len() / EXPECTED_LINE_BYTES + 2),
        line_start: 0,
        copied: 0,
    };
    lines.offsets.push(0);
    let mut base = 0;
    // But the last: a step reads as much as itself behind its end.
    if let ([steps @ .., _], _) = from.as_chunks() {
        for step in steps {
            lines.copy_step(from, base, line_ends(step), to);
            base += STEP_BYTES;
        }
    }
    lines.copy_rest(from, base, to);
    lines.offsets
}

struct Lines {
    offsets: Vec<i32>,
    /// Where in the output the current line starts.
    line_start: usize,
    /// Where in the output the next byte goes.
    copied: usize,
}

impl Lines {
    /// Copies the step that starts at `base` and has these line ends. Each piece of a line is copied
    /// as 64 bytes, whatever its length: what is too much is overwritten by the next piece. That is
    /// several times faster than copying short pieces of a length that the processor can't predict.
    #[inline]
    fn copy_step(&mut self, from: &[u8], base: usize, mut line_ends: u64, to: &mut [u8]) {
        let mut start = 0;
        loop {
            let piece = &from[base + start..base + start + STEP_BYTES];
            to[self.copied..self.copied + STEP_BYTES].copy_from_slice(piece);
            if line_ends == 0 {
                self.copied += STEP_BYTES - start;
                return;
            }
            let end = line_ends.trailing_zeros() as usize;
            line_ends &= line_ends - 1;
            self.copied += end - start;
            self.end_line(from, base + end);
            start = end + 1;
        }
    }

    /// Copies what is behind the last whole step, and the last line where it has no line end.
    fn copy_rest(&mut self, from: &[u8], base: usize, to: &mut [u8]) {
        for (at, byte) in from.iter().enumerate().skip(base) {
            if *byte == b'\n' {
                self.end_line(from, at);
            } else {
                to[self.copied] = *byte;
                self.copied += 1;
            }
        }
        if !from.ends_with(b"\n") {
            self.end_line(from, from.len());
        }
    }

    #[inline]
    fn end_line(&mut self, from: &[u8], at: usize) {
        if self.copied > self.line_start && from[at - 1] == b'\r' {
            self.copied -= 1;
        }
        self.offsets.push(self.copied as i32);
        self.line_start = self.copied;
    }
}

/// Returns a mask of the line ends among some bytes, the first byte's in the lowest bit.
#[inline]
fn line_ends(bytes: &[u8; STEP_BYTES]) -> u64 {
    u8x64::new(*bytes).simd_eq(u8x64::splat(b'\n')).to_bitmask()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_line_end_has_its_bit() {
        for place in 0..STEP_BYTES {
            let mut bytes = [b'a'; STEP_BYTES];
            bytes[place] = b'\n';
            assert_eq!(line_ends(&bytes), 1 << place);
        }
        assert_eq!(line_ends(&[b'\n'; STEP_BYTES]), u64::MAX);
    }

    proptest! {
        #[test]
        fn lines_are_those_of_a_naive_split(text in "[ab\r\n]{0,40}|([a]{0,90}\r?\n){0,9}[a\r]{0,9}") {
            prop_assume!(!text.is_empty());
            let mut to = vec![0; text.len() + SLACK_BYTES];
            let offsets = copy_lines(text.as_bytes(), &mut to);
            let line = |bound: &[i32]| {
                std::str::from_utf8(&to[bound[0] as usize..bound[1] as usize]).unwrap().to_owned()
            };
            let lines: Vec<_> = offsets.windows(2).map(line).collect();
            let whole = text.strip_suffix('\n').unwrap_or(&text);
            let naive: Vec<_> =
                whole.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
            prop_assert_eq!(lines, naive);
        }
    }
}

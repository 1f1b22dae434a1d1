//! The word count loop made faster: the whole buffer is lower-cased first, in place, where the
//! compiler can do many bytes at a time, and words are looked up where they lie. Copying a word byte
//! by byte and hashing it eight bytes at a time right after stalls the processor at every word.

use std::io::{self, Read};

use sciurus_bench_corpus::words::{self, LOWER_CASE, WordCounts};

use super::word_count;
use crate::error::Result;
use crate::program::{Context, Goal, Outcome, Program};

/// How much is read at once. Longer words make the buffer grow.
const BUFFER_BYTES: usize = 256 << 10;

/// The loop, as a program to measure.
pub const PROGRAM: Program = Program {
    name: "loop_word_count_in_place",
    about: "the same loop, tuned: lower-cases the buffer in place",
    run,
    goals: &[Goal::CpuRatio { to: word_count::PROGRAM.name, at_most: 1.0 }],
};

fn run(context: &Context) -> Result<Outcome> {
    word_count::run_with(context, |file| count(file, BUFFER_BYTES))
}

/// Counts like [`words::count`].
fn count(mut input: impl Read, buffer_bytes: usize) -> io::Result<WordCounts> {
    let mut counts = WordCounts::default();
    let mut buffer = vec![0; buffer_bytes];
    // The beginning of a word whose end hasn't been read yet lies at the start of the buffer.
    let mut carried = 0;
    loop {
        if carried == buffer.len() {
            buffer.resize(carried * 2, 0);
        }
        let read = input.read(&mut buffer[carried..])?;
        if read == 0 {
            break;
        }
        let end = carried + read;
        for byte in &mut buffer[carried..end] {
            *byte = LOWER_CASE[usize::from(*byte)];
        }
        let mut start = 0;
        for (position, &byte) in buffer[..end].iter().enumerate().skip(carried) {
            if byte == 0 {
                if position > start {
                    words::add(&mut counts, &buffer[start..position]);
                }
                start = position + 1;
            }
        }
        buffer.copy_within(start..end, 0);
        carried = end - start;
    }
    if carried > 0 {
        words::add(&mut counts, &buffer[..carried]);
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_plain_loop_at_any_buffer_size() {
        let text =
            "A squirrel, a Squirrel; the_squirrel's 3rd caf\u{e9}\n  squirrelsquirrelsquirrel";
        let plain = words::count(text.as_bytes()).unwrap();
        for buffer_bytes in 1..=text.len() + 1 {
            assert_eq!(count(text.as_bytes(), buffer_bytes).unwrap(), plain, "{buffer_bytes}");
        }
    }
}

//! The text that is counted where no other is given: a soliloquy from Shakespeare's *Hamlet*, the
//! one that Flink's `WordCount` has.

/// Returns the lines of the text.
pub fn lines() -> Vec<String> {
    include_str!("../data/hamlet.txt").lines().map(str::to_owned).collect()
}

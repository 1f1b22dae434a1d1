//! Names as parts of the names of metrics.

/// Replaces what has a meaning in the names of metrics or in queries, as Flink does.
pub fn sanitized(name: &str) -> String {
    let is_special = |character| matches!(character, ' ' | '.' | ':' | ',');
    name.chars().map(|character| if is_special(character) { '_' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_flink_shows() {
        assert_eq!(sanitized("Source: generator -> tokenizer"), "Source__generator_->_tokenizer");
        assert_eq!(sanitized("discard-sink: Writer"), "discard-sink__Writer");
    }
}

use std::time::Instant;

use sciurus::prelude::*;

fn stamp(words: DataStream<String>) {
    words.map(|_: &str| Instant::now()); //~ `Instant` cannot be a record of a stream
}

fn parse(words: DataStream<Result<i64, String>>) {} //~ `Result<i64, String>` cannot be a record

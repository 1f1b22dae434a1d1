use sciurus::prelude::*;

fn words(lines: DataStream<String>) {
    lines.flat_map::<(String, i64)>(|line, out| out.collect(line)); //~ expected `(&str, i64)`, found `&str`
    lines.map(|line| line); //~ `&str` cannot be a record of a stream
    lines.map(|line| line.as_bytes().iter()); //~ cannot be a record of a stream
    lines.filter(|line| line.len()); //~ expected `bool`, found `usize`
}

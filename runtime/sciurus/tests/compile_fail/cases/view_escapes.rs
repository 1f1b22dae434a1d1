use sciurus::prelude::*;

fn longest(lines: DataStream<String>) {
    let mut longest = "";
    lines.filter(move |line| {
        longest = line; //~ `line` escapes the closure
        true
    });
    let mut kept = Vec::new();
    lines.filter(move |line| {
        kept.push(line); //~ `line` escapes the closure
        true
    });
}

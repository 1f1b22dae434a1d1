use sciurus::prelude::*;

fn other_lines(lines: DataStream<String>) {
    let local = String::from("local");
    lines.filter(|line| line != local); //~ `local`
}

use sciurus::prelude::*;

fn connected(words: DataStream<(String, i64)>, numbers: DataStream<(i64, f64)>) {
    words.connect(&numbers).key_by(F1, F0);
    words.connect(&numbers).key_by(F0, F0); //~ expected `String`, found `i64`
    words.key_by(F0).connect(&numbers.key_by(F0)); //~ found `&KeyedStream<(i64, f64), i64>`
    words.key_by(F0).connect(&numbers); //~ expected `&KeyedStream<_, String>`
}

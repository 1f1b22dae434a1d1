use sciurus::prelude::*;

fn totals(words: KeyedStream<(String, i64), String>) {
    words.sum(F0); //~ `String` is no number
    //~^ `sum` takes fields that are integers or floats
    words.sum(F2); //~ F2` is no field of `(String, i64)`
}

use sciurus::prelude::*;

#[derive(Clone, Record)]
struct Reading {
    sensor: String,
    value: f64,
}

fn keys(words: DataStream<(String, i64)>, readings: DataStream<Reading>) {
    words.key_by(F2); //~ F2` does not select key columns of `(String, i64)`
    //~^ give `key_by` a field (`F0`, `Reading::SENSOR`) or a tuple of fields
    words.key_by(Reading::SENSOR); //~ does not select key columns of `(String, i64)`
    readings.key_by(F0); //~ F0` does not select key columns of `Reading`
    words.key_by((F0, F2)); //~ F2` is no field of `(String, i64)`
    words.key_by(|(word, _)| word); //~ for a computed key use `key_by_fn::<Key>(|record| …)`
    words.key_by("f0"); //~ `&str` does not select key columns
}

use sciurus::prelude::*;

#[derive(Clone, Record)]
struct Reading {
    value: Option<Option<f64>>, //~ an `Option` of an `Option` or of `()` has no columns of its own
}

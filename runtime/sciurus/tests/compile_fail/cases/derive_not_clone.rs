use sciurus::prelude::*;

#[derive(Record)]
struct Reading { //~ the trait bound `Reading: Clone` is not satisfied
    value: f64,
}

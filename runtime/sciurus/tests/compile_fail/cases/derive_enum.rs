use sciurus::prelude::*;

#[derive(Clone, Record)]
enum Event { //~ an enum cannot be a record: all rows of a stream have the same columns
    //~^ use a struct, with `Option` fields
    Opened { door: i64 },
    Closed,
}

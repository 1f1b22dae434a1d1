use sciurus::prelude::*;

#[derive(Clone, Record)]
struct Tick; //~ a record has one field at least; `()` is the record without content

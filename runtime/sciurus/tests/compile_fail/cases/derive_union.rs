use sciurus::prelude::*;

#[derive(Clone, Copy, Record)]
union Bits { //~ a union cannot be a record; use a struct
    float: f64,
    bits: u64,
}

use sciurus::prelude::*;

#[derive(Clone, Record)]
#[record(name = "reading")] //~ the only `record` attribute is `crate = "…"`
struct Reading {
    value: f64,
}

#[derive(Clone, Record)]
struct Sensor {
    #[record(key)] //~ fields take no `record` attribute
    id: u64,
}

use std::collections::HashMap;
use std::net::IpAddr;

use sciurus::prelude::*;

#[derive(Clone, Record)]
struct Request {
    path: String,
    from: IpAddr, //~ `IpAddr` cannot be a record of a stream
    //~^ not a `Record`
    //~^ records are primitives, `String`, `Bytes`, date and time types
}

#[derive(Clone, Record)]
struct Counts(HashMap<String, i64>); //~ HashMap<String, i64>` cannot be a record of a stream

#[derive(Clone)]
struct Plain(i64);

#[derive(Clone, Record)]
struct Nested {
    plain: Vec<Plain>, //~ `Plain` cannot be a record of a stream
    //~^ #[derive(Clone, Record)]
}

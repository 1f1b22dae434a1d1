use sciurus::prelude::*;

#[derive(Clone, Record)]
struct Tagged<T> { //~ a record has no type parameters: name the types of its fields
    tag: String,
    value: T,
}

#[derive(Clone, Record)]
struct Word<'a> { //~ a record owns its data: use `String` for `&str`
    word: &'a str,
}

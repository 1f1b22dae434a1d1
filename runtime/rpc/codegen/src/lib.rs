//! Generates the code of `sciurus-rpc` from its `.proto` files: see this crate's test.
//!
//! A crate of its own, since `sciurus-rpc` doesn't compile where its generated code is out of date.

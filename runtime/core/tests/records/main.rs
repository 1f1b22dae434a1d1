//! Every kind of record, and combinations of them, against what [`Record`](sciurus_core::Record)
//! promises.

#![allow(clippy::unwrap_used)]

mod conformance;
mod foreign;
mod formats;
mod nested;
mod scalars;
mod text_form;

//! `#[derive(Record)]`: lays a struct in Arrow columns, one a field.
//!
//! [`input`] reads and checks the struct, [`view`], [`columns`], [`record`] and [`fields`] each
//! write one part of the code. What that code refers to is `__private` of the crate it is made for.

mod columns;
mod fields;
mod input;
mod record;
mod view;

use proc_macro::TokenStream;
use quote::quote;

use crate::input::Input;

/// Makes a struct a `Record` of a stream: one column a field, as for a tuple.
///
/// ```
/// # use sciurus_derive::Record;
/// #[derive(Clone, Record)]
/// # #[record(crate = "sciurus_core")]
/// pub struct Reading {
///     pub sensor: String,
///     pub value: f64,
/// }
///
/// let hot = ReadingView { sensor: "kiln", value: 1_100.0 };
/// assert_eq!(Reading::from(hot).sensor, "kiln");
/// ```
///
/// Every field must be a `Record` itself, and the struct `Clone`. Besides the `Record`
/// implementation this makes:
///
/// - `ReadingView<'a>`, a row as closures see it: `Copy`, with the struct's fields as views
///   (`sensor: &'a str, value: f64`), their names and their visibility. `ReadingView::from(&reading)`
///   borrows an owned record, `Reading::from(view)` copies a view.
/// - Field selectors, constants named like the fields in upper case: `Reading::SENSOR`,
///   `Reading::VALUE`. They choose keys and fields to aggregate:
///   `.key_by(Reading::SENSOR).max(Reading::VALUE)`.
///
/// A tuple struct lies as its fields too, in columns `f0`, `f1`, …; its selectors are `F0`, `F1`, …
///
/// As text a record is `Reading(sensor=a, value=1.0)`, a tuple struct `Celsius(21.5)`.
///
/// In a crate that sees `sciurus` under another name, name it: `#[record(crate = "other::name")]`.
#[proc_macro_derive(Record, attributes(record))]
pub fn derive_record(tokens: TokenStream) -> TokenStream {
    let input = match syn::parse(tokens).and_then(|input| Input::read(&input)) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error().into(),
    };
    let view = view::write_type(&input);
    let view_impls = view::write_impls(&input);
    let columns = columns::write(&input);
    let record = record::write(&input);
    let fields = fields::write(&input);
    // The constant keeps every name but the view's out of the caller's module.
    quote! {
        #view
        #[doc(hidden)]
        #[allow(clippy::all, clippy::pedantic, clippy::restriction, clippy::nursery)]
        #[allow(missing_docs, non_camel_case_types, dead_code, trivial_bounds)]
        const _: () = {
            #view_impls
            #columns
            #record
            #fields
        };
    }
    .into()
}

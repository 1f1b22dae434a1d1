//! The view: the struct again, with the fields' views for fields.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use crate::input::{Input, InputField};

/// Writes the view type.
pub fn write(input: &Input) -> TokenStream {
    let Input { vis, name, view, private, .. } = input;
    let fields = input.fields.iter().map(|field| write_field(field, private));
    let body = if input.named { quote!({ #(#fields,)* }) } else { quote!(( #(#fields,)* );) };
    let summary = format!("One row of [`{name}`], borrowed.");
    quote! {
        #[doc = #summary]
        #[derive(::core::clone::Clone, ::core::marker::Copy)]
        #[derive(::core::fmt::Debug, ::core::cmp::PartialEq)]
        #vis struct #view<'a> #body
    }
}

fn write_field(field: &InputField, private: &TokenStream) -> TokenStream {
    let InputField { vis, member, docs, column, .. } = field;
    let record = field.record(private);
    let docs = if docs.is_empty() {
        let summary = format!("The field `{column}`.");
        quote!(#[doc = #summary])
    } else {
        quote!(#(#docs)*)
    };
    let name = match member {
        syn::Member::Named(name) => quote!(#name:),
        syn::Member::Unnamed(_) => TokenStream::new(),
    };
    let vis = vis.to_token_stream();
    quote!(#docs #vis #name #record::View<'a>)
}

//! The view: the struct again, with the fields' views for fields.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use crate::input::{Input, InputField};

/// Writes the view type.
pub fn write_type(input: &Input) -> TokenStream {
    let Input { vis, name, view, private, .. } = input;
    let fields = input.fields.iter().map(|field| write_field(field, private));
    let body = if input.named { quote!({ #(#fields,)* }) } else { quote!(( #(#fields,)* );) };
    let summary = format!("One row of [`{name}`], borrowed.");
    quote! {
        #[doc = #summary]
        #vis struct #view<'a> #body
    }
}

fn write_field(field: &InputField, private: &TokenStream) -> TokenStream {
    let InputField { vis, member, docs, column, .. } = field;
    let record = field.record(private);
    let ty = quote_spanned!(field.ty.span()=> #record::View<'a>);
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
    quote!(#docs #vis #name #ty)
}

/// Writes what is usually derived: a derive wouldn't carry the bounds.
pub fn write_impls(input: &Input) -> TokenStream {
    let Input { view, .. } = input;
    let bounds = input.bounds();
    let members: Vec<_> = input.fields.iter().map(|field| &field.member).collect();
    let name = view.to_string();
    let debug = if input.named {
        let names = input.fields.iter().map(|field| &field.column);
        quote!(f.debug_struct(#name)#(.field(#names, &self.#members))*.finish())
    } else {
        quote!(f.debug_tuple(#name)#(.field(&self.#members))*.finish())
    };
    quote! {
        impl ::core::clone::Clone for #view<'_> #bounds {
            #[inline]
            fn clone(&self) -> Self {
                *self
            }
        }

        impl ::core::marker::Copy for #view<'_> #bounds {}

        impl ::core::cmp::PartialEq for #view<'_> #bounds {
            fn eq(&self, other: &Self) -> bool {
                #(self.#members == other.#members)&&*
            }
        }

        impl ::core::fmt::Debug for #view<'_> #bounds {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                #debug
            }
        }
    }
}

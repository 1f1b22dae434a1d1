//! The field selectors: `Reading::SENSOR`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::input::{Input, InputField};

/// Writes a constant and its type for each field.
pub fn write(input: &Input) -> TokenStream {
    input.fields.iter().map(|field| write_field(input, field)).collect()
}

fn write_field(input: &Input, field: &InputField) -> TokenStream {
    let Input { name, private, .. } = input;
    let InputField { vis, member, index, column, selector, ty, .. } = field;
    let record = field.record(private);
    let bounds = input.bounds();
    let plain = syn::ext::IdentExt::unraw(name);
    let marker = format_ident!("__{plain}_{column}");
    let summary = format!("Selects the field `{column}`.");
    quote! {
        #[doc = #summary]
        #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
        #vis struct #marker;

        impl #name {
            #[doc = #summary]
            #vis const #selector: #marker = #marker;
        }

        impl #private::Field<#name> for #marker #bounds {
            type Type = #ty;
            const INDEX: usize = #index;

            // The view's type is written as the trait writes it: rustc then binds `'_` alike.
            #[inline]
            fn get(self, view: <#name as #private::Record>::View<'_>) -> #record::View<'_> {
                view.#member
            }

            fn get_mut(self, record: &mut #name) -> &mut #ty {
                &mut record.#member
            }
        }

        impl #private::KeyColumns<#name> for #marker #bounds {
            type Key = #ty;

            fn indices() -> ::std::vec::Vec<usize> {
                ::std::vec![#index]
            }
        }
    }
}

//! The columns a batch of such records is read from, and the builder it is written to.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Index;

use crate::input::Input;

/// Writes the columns and the builder.
pub fn write(input: &Input) -> TokenStream {
    let columns = write_columns(input);
    let builder = write_builder(input);
    quote!(#columns #builder)
}

fn write_columns(input: &Input) -> TokenStream {
    let Input { vis, name, view, columns, private, .. } = input;
    let records: Vec<_> = input.fields.iter().map(|field| field.record(private)).collect();
    let members = input.fields.iter().map(|field| &field.member);
    let index: Vec<_> = input.fields.iter().map(|field| Index::from(field.index)).collect();
    let len = input.fields.len();
    let bounds = input.bounds();
    quote! {
        #vis struct #columns(#(#records::Columns,)*) #bounds;

        impl ::core::clone::Clone for #columns #bounds {
            fn clone(&self) -> Self {
                Self(#(::core::clone::Clone::clone(&self.#index),)*)
            }
        }

        impl #private::Columns for #columns #bounds {
            type Record = #name;

            fn from_array(
                array: &#private::ArrayRef,
            ) -> ::core::result::Result<Self, #private::SchemaMismatch> {
                <Self as #private::Columns>::from_columns(
                    #private::struct_columns::<#name>(array)?,
                )
            }

            fn from_columns(
                columns: &[#private::ArrayRef],
            ) -> ::core::result::Result<Self, #private::SchemaMismatch> {
                let columns = #private::exactly::<#len, #name>(columns)?;
                ::core::result::Result::Ok(Self(#(#private::column(&columns[#index])?,)*))
            }

            #[inline]
            fn len(&self) -> usize {
                #private::Columns::len(&self.0)
            }

            #[inline]
            fn get(&self, row: usize) -> #view<'_> {
                #view { #(#members: #private::Columns::get(&self.#index, row),)* }
            }
        }
    }
}

fn write_builder(input: &Input) -> TokenStream {
    let Input { vis, name, view, builder, private, .. } = input;
    let records: Vec<_> = input.fields.iter().map(|field| field.record(private)).collect();
    let members = input.fields.iter().map(|field| &field.member);
    let index: Vec<_> = input.fields.iter().map(|field| Index::from(field.index)).collect();
    let bounds = input.bounds();
    quote! {
        #vis struct #builder(#(#records::Builder,)*) #bounds;

        impl #private::Builder for #builder #bounds {
            type Record = #name;

            fn with_capacity(rows: usize) -> Self {
                Self(#(<#records::Builder as #private::Builder>::with_capacity(rows),)*)
            }

            #[inline]
            fn append(&mut self, view: #view<'_>) {
                #(#private::Builder::append(&mut self.#index, view.#members);)*
            }

            fn append_hidden(&mut self) {
                #(#private::Builder::append_hidden(&mut self.#index);)*
            }

            #[inline]
            fn len(&self) -> usize {
                #private::Builder::len(&self.0)
            }

            #[inline]
            fn bytes(&self) -> usize {
                0 #(+ #private::Builder::bytes(&self.#index))*
            }

            fn finish(&mut self) -> #private::ArrayRef {
                #private::struct_array::<#name>(#private::Builder::finish_columns(self))
            }

            fn finish_columns(&mut self) -> ::std::vec::Vec<#private::ArrayRef> {
                ::std::vec![#(#private::Builder::finish(&mut self.#index),)*]
            }
        }
    }
}

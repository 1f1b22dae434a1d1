//! The `Record` implementation and the conversions between the struct and its view.

use proc_macro2::TokenStream;
use quote::quote;

use crate::input::Input;

/// Writes the implementations.
pub fn write(input: &Input) -> TokenStream {
    let Input { name, view, columns, builder, private, .. } = input;
    let records: Vec<_> = input.fields.iter().map(|field| field.record(private)).collect();
    let members: Vec<_> = input.fields.iter().map(|field| &field.member).collect();
    let names = input.fields.iter().map(|field| &field.column);
    let types = input.fields.iter().map(|field| &field.ty);
    let format = write_format(input);
    let bounds = input.bounds();
    quote! {
        impl #private::Record for #name #bounds {
            type View<'a> = #view<'a>;
            type Columns = #columns;
            type Builder = #builder;

            fn data_type() -> #private::DataType {
                #private::DataType::Struct(<Self as #private::Record>::fields())
            }

            fn fields() -> #private::Fields {
                #private::Fields::from(::std::vec![#(#private::arrow_field::<#types>(#names),)*])
            }

            #[inline]
            fn view(&self) -> #view<'_> {
                #view { #(#members: #records::view(&self.#members),)* }
            }

            fn from_view(view: #view<'_>) -> Self {
                Self { #(#members: #records::from_view(view.#members),)* }
            }

            fn encode(view: #view<'_>, out: &mut ::std::vec::Vec<u8>) {
                #(#records::encode(view.#members, out);)*
            }

            fn decode(
                input: &mut &[u8],
            ) -> ::core::result::Result<Self, #private::DecodeError> {
                ::core::result::Result::Ok(Self { #(#members: #records::decode(input)?,)* })
            }

            fn format(view: #view<'_>, out: &mut ::std::string::String) {
                #format
            }
        }

        impl<'a> ::core::convert::From<&'a #name> for #view<'a> #bounds {
            #[inline]
            fn from(record: &'a #name) -> Self {
                <#name as #private::Record>::view(record)
            }
        }

        impl ::core::convert::From<#view<'_>> for #name #bounds {
            fn from(view: #view<'_>) -> Self {
                <#name as #private::Record>::from_view(view)
            }
        }
    }
}

/// Writes the body of `format`: `Reading(sensor=a, value=1.0)`, `Celsius(21.5)`.
fn write_format(input: &Input) -> TokenStream {
    let name = syn::ext::IdentExt::unraw(&input.name);
    let steps = input.fields.iter().map(|field| {
        let before = match (field.index, input.named) {
            (0, true) => format!("{name}({}=", field.column),
            (0, false) => format!("{name}("),
            (_, true) => format!(", {}=", field.column),
            (_, false) => ", ".to_owned(),
        };
        let record = field.record(&input.private);
        let member = &field.member;
        quote! {
            out.push_str(#before);
            #record::format(view.#member, out);
        }
    });
    quote! {
        #(#steps)*
        out.push(')');
    }
}

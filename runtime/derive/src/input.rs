//! The struct that the derive stands on, read and checked.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Error, Fields, GenericArgument, Ident, Index, Member};
use syn::{Path, PathArguments, Result, Type, Visibility};

/// The struct, checked.
pub struct Input {
    pub vis: Visibility,
    pub name: Ident,
    /// The name of the view type.
    pub view: Ident,
    /// The name of the columns type, invisible to the caller.
    pub columns: Ident,
    /// The name of the builder type, invisible to the caller.
    pub builder: Ident,
    /// The module that generated code refers to.
    pub private: TokenStream,
    /// Whether the fields have names.
    pub named: bool,
    pub fields: Vec<InputField>,
}

/// One field of the struct.
pub struct InputField {
    pub vis: Visibility,
    pub docs: Vec<Attribute>,
    /// How the field is reached in the struct and in its view.
    pub member: Member,
    /// The field's place.
    pub index: usize,
    /// The column's name.
    pub column: String,
    /// The name of the selector: the column's in upper case.
    pub selector: Ident,
    pub ty: Type,
}

impl Input {
    /// Reads the struct.
    ///
    /// # Errors
    /// What can't be a record, at the place that says so.
    pub fn read(input: &DeriveInput) -> Result<Self> {
        let fields = match &input.data {
            Data::Struct(data) => &data.fields,
            Data::Enum(data) => {
                return Err(Error::new(
                    data.enum_token.span,
                    "an enum cannot be a record: all rows of a stream have the same columns; use \
                     a struct, with `Option` fields for what only some of the variants have",
                ));
            }
            Data::Union(data) => {
                return Err(Error::new(
                    data.union_token.span,
                    "a union cannot be a record; use a struct",
                ));
            }
        };
        if let Some(parameter) = input.generics.params.first() {
            return Err(Error::new(
                parameter.span(),
                match parameter {
                    syn::GenericParam::Lifetime(_) => {
                        "a record owns its data: use `String` for `&str`, `Vec` for slices; its \
                         view is what borrows"
                    }
                    _ => "a record has no type parameters: name the types of its fields",
                },
            ));
        }
        if fields.is_empty() {
            return Err(Error::new(
                input.ident.span(),
                "a record has one field at least; `()` is the record without content",
            ));
        }
        let name = &input.ident;
        let plain = name.unraw();
        Ok(Self {
            vis: input.vis.clone(),
            name: name.clone(),
            view: format_ident!("{plain}View"),
            columns: format_ident!("__{plain}Columns"),
            builder: format_ident!("__{plain}Builder"),
            private: private_module(&input.attrs)?,
            named: matches!(fields, Fields::Named(_)),
            fields: fields
                .iter()
                .enumerate()
                .map(|(index, field)| InputField::read(index, field))
                .collect::<Result<_>>()?,
        })
    }
}

impl Input {
    /// Returns `where` clauses that ask for what the struct and its fields have to be.
    ///
    /// They stand on every generated item: rustc then complains about a wrong field once, at the
    /// field, and takes the clause for granted inside the item.
    pub fn bounds(&self) -> TokenStream {
        let Self { name, .. } = self;
        let fields = self.fields.iter().map(|field| {
            let ty = &field.ty;
            let private = at(ty.span(), &self.private);
            quote_spanned!(ty.span()=> #ty: #private::Record,)
        });
        let clone = quote_spanned!(name.span()=> #name: ::core::clone::Clone,);
        quote!(where #(#fields)* #clone)
    }
}

impl InputField {
    fn read(index: usize, field: &syn::Field) -> Result<Self> {
        if let Some(attribute) = field.attrs.iter().find(|a| a.path().is_ident("record")) {
            return Err(Error::new(attribute.span(), "fields take no `record` attribute"));
        }
        let (member, column, span) = match &field.ident {
            Some(name) => (Member::Named(name.clone()), name.unraw().to_string(), name.span()),
            None => (Member::Unnamed(Index::from(index)), format!("f{index}"), field.ty.span()),
        };
        refuse_option_of_null(&field.ty)?;
        Ok(Self {
            vis: field.vis.clone(),
            docs: field.attrs.iter().filter(|a| a.path().is_ident("doc")).cloned().collect(),
            member,
            index,
            selector: Ident::new(&column.to_uppercase(), span),
            column,
            ty: field.ty.clone(),
        })
    }

    /// Returns `<Type as Record>`, placed at the field's type so that errors point there.
    pub fn record(&self, private: &TokenStream) -> TokenStream {
        let ty = &self.ty;
        let private = at(ty.span(), private);
        quote_spanned!(ty.span()=> <#ty as #private::Record>)
    }
}

/// Places all of `tokens` at `span`.
fn at(span: Span, tokens: &TokenStream) -> TokenStream {
    let place = |mut token: TokenTree| {
        token.set_span(span);
        token
    };
    tokens.clone().into_iter().map(place).collect()
}

/// Refuses `Option<Option<…>>` and `Option<()>` where they are written so; under other names the
/// compiler finds them later, and elsewhere.
fn refuse_option_of_null(ty: &Type) -> Result<()> {
    let is_null = |inner: &Type| match inner {
        Type::Tuple(tuple) => tuple.elems.is_empty(),
        inner => option_of(inner).is_some(),
    };
    if option_of(ty).is_some_and(is_null) {
        return Err(Error::new(
            ty.span(),
            "an `Option` of an `Option` or of `()` has no columns of its own: use one `Option`, or \
             `bool`",
        ));
    }
    Ok(())
}

/// Returns the type in `Option<…>`.
fn option_of(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Option")?;
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) => match arguments.args.first() {
            Some(GenericArgument::Type(inner)) => Some(inner),
            _ => None,
        },
        _ => None,
    }
}

/// Reads `#[record(crate = "…")]`; by default the crate is `sciurus`.
fn private_module(attributes: &[Attribute]) -> Result<TokenStream> {
    let mut krate = quote!(::sciurus);
    for attribute in attributes.iter().filter(|a| a.path().is_ident("record")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("crate") {
                return Err(meta.error("the only `record` attribute is `crate = \"…\"`"));
            }
            let path: syn::LitStr = meta.value()?.parse()?;
            krate = path.parse_with(Path::parse_mod_style)?.into_token_stream();
            Ok(())
        })?;
    }
    Ok(quote!(#krate::__private))
}

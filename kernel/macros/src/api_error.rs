//! `#[derive(ApiError)]`: parse every variant's `#[api(..)]`, then write one table.
//!
//! All mistakes of an enum are reported at once, each at the tokens that are wrong.

mod attribute;

use crate::title;
use attribute::{Answer, answer};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use std::collections::HashSet;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Member, Result, Variant};

/// The four expressions a variant contributes.
struct Arms {
    codes: TokenStream,
    code: TokenStream,
    retry_after: TokenStream,
    details: TokenStream,
}

/// Writes the implementation, or says everything that is wrong with the enum.
pub fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new(
            input.ident.span(),
            "ApiError is derived for enums: one variant per answer",
        ));
    };
    let mut mistakes: Option<Error> = None;
    let mut seen = HashSet::new();
    let mut arms = Vec::new();
    for variant in &data.variants {
        match answer(variant).and_then(|answer| once(&mut seen, answer)) {
            Ok(answer) => arms.push(arms_of(variant, &answer)),
            Err(mistake) => match &mut mistakes {
                Some(all) => all.combine(mistake),
                none => *none = Some(mistake),
            },
        }
    }
    match mistakes {
        Some(mistakes) => Err(mistakes),
        None => Ok(implementation(input, &arms)),
    }
}

fn implementation(input: &DeriveInput, arms: &[Arms]) -> TokenStream {
    let name = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    let codes = arms.iter().map(|arm| &arm.codes);
    let code = arms.iter().map(|arm| &arm.code);
    let retry_after = arms.iter().map(|arm| &arm.retry_after);
    let details = arms.iter().map(|arm| &arm.details);
    quote! {
        #[automatically_derived]
        impl #generics ::hanse_http::ApiError for #name #arguments #bounds {
            fn codes() -> ::std::vec::Vec<::hanse_http::ErrorCode> {
                let codes: [::std::vec::Vec<::hanse_http::ErrorCode>; _] = [#(#codes),*];
                ::std::iter::Iterator::collect(::std::iter::Iterator::flatten(
                    ::std::iter::IntoIterator::into_iter(codes),
                ))
            }
            fn code(&self) -> ::std::option::Option<::hanse_http::ErrorCode> {
                match *self { #(#code,)* }
            }
            fn retry_after(&self) -> ::std::option::Option<u32> {
                match *self { #(#retry_after,)* }
            }
            fn details(&self) -> ::std::option::Option<::hanse_http::serde_json::Value> {
                match *self { #(#details,)* }
            }
        }
    }
}

fn arms_of(variant: &Variant, answer: &Answer) -> Arms {
    let name = &variant.ident;
    let none = quote!(::std::option::Option::None);
    let silent = quote!(Self::#name { .. } => #none);
    match answer {
        Answer::Internal => Arms {
            codes: quote!(::std::vec::Vec::new()),
            code: silent.clone(),
            retry_after: silent.clone(),
            details: silent,
        },
        Answer::Public { status, code, retry_after, details } => {
            let title = title::words(&name.to_string());
            let entry =
                quote!(::hanse_http::ErrorCode { status: #status, code: #code, title: #title });
            let field = |member: &Option<Member>, value: TokenStream| match member {
                Some(member) => quote_spanned! { member.span() =>
                    Self::#name { #member: ref value, .. } => ::std::option::Option::Some(#value)
                },
                None => silent.clone(),
            };
            Arms {
                codes: quote!(::std::vec::Vec::from([#entry])),
                code: quote!(Self::#name { .. } => ::std::option::Option::Some(#entry)),
                retry_after: field(retry_after, quote!(*value)),
                details: field(details, quote!(::std::clone::Clone::clone(value))),
            }
        }
        Answer::Transparent => {
            let inner = variant.fields.iter().next().map(|field| &field.ty);
            let span = inner.span();
            let ask = |method: TokenStream| quote_spanned!(span => Self::#name(ref inner) => ::hanse_http::ApiError::#method(inner));
            Arms {
                codes: quote_spanned!(span => <#inner as ::hanse_http::ApiError>::codes()),
                code: ask(quote!(code)),
                retry_after: ask(quote!(retry_after)),
                details: ask(quote!(details)),
            }
        }
    }
}

/// Refuses a code that stands twice: a code has one page, one status and one title.
fn once(seen: &mut HashSet<String>, answer: Answer) -> Result<Answer> {
    if let Answer::Public { code, .. } = &answer
        && !seen.insert(code.value())
    {
        return Err(Error::new(
            code.span(),
            format!("{} already stands for another variant", code.value()),
        ));
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    fn mistakes(input: DeriveInput) -> Vec<String> {
        expand(&input).unwrap_err().into_iter().map(|error| error.to_string()).collect()
    }

    #[test]
    fn every_mistake_of_an_enum_is_reported_at_once() {
        let found = mistakes(parse_quote! {
            enum Broken {
                Silent,
                #[api(200, "PRJ-001")] Success,
                #[api(404, "prj-1")] Shape,
                #[api(404)] NoCode,
                #[api(secret)] Word,
                #[api(transparent)] Two(A, B),
                #[api(internal, "PRJ-009")] Chatty,
                #[api(404, "PRJ-002")] First,
                #[api(409, "PRJ-002")] Second,
                #[api(429, "PRJ-003", retry_after = after)] NoField { seconds: u32 },
            }
        });
        let expected = [
            "Silent says nothing",
            "400 to 599",
            "capitals",
            "followed by its code",
            "expected a status and a code",
            "exactly one unnamed field",
            "nothing follows internal",
            "PRJ-002 already stands",
            "NoField has no such field",
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found} does not say {expected}");
        }
    }

    #[test]
    fn only_enums_have_answers() {
        assert!(
            mistakes(parse_quote!(
                struct Lone;
            ))[0]
                .contains("enums")
        );
    }
}

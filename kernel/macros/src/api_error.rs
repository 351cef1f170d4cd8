//! `#[derive(ApiError)]`: parse every variant's `#[api(..)]`, then write one table.
//!
//! All mistakes of an enum are reported at once, each at the tokens that are wrong.

use crate::title;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use std::collections::HashSet;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DeriveInput, Error, Fields, Ident, LitInt, LitStr, Member, Result, Token,
    Variant,
};

/// What `#[api(..)]` says of a variant.
enum Answer {
    Public { status: u16, code: LitStr, retry_after: Option<Member>, details: Option<Member> },
    Internal,
    Transparent,
}

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

fn answer(variant: &Variant) -> Result<Answer> {
    let mut attributes = variant.attrs.iter().filter(|attribute| attribute.path().is_ident("api"));
    let Some(attribute) = attributes.next() else {
        let name = &variant.ident;
        let advice = format!(
            "{name} says nothing to the caller: add #[api(<status>, \"<CODE-001>\")], #[api(internal)] or #[api(transparent)]"
        );
        return Err(Error::new(name.span(), advice));
    };
    if let Some(second) = attributes.next() {
        return Err(Error::new_spanned(second, "one #[api(..)] per variant"));
    }
    let answer: Answer = attribute.parse_args()?;
    fits(&answer, variant, attribute)?;
    Ok(answer)
}

/// Checks what the attribute claims against the fields the variant has.
fn fits(answer: &Answer, variant: &Variant, attribute: &Attribute) -> Result<()> {
    match answer {
        Answer::Internal => Ok(()),
        Answer::Transparent => match &variant.fields {
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => Ok(()),
            _ => Err(Error::new_spanned(
                attribute,
                "transparent wants exactly one unnamed field, itself an ApiError",
            )),
        },
        Answer::Public { retry_after, details, .. } => {
            for member in [retry_after, details].into_iter().flatten() {
                if !variant.fields.members().any(|field| field == *member) {
                    return Err(Error::new(
                        member.span(),
                        format!("{} has no such field", variant.ident),
                    ));
                }
            }
            Ok(())
        }
    }
}

impl Parse for Answer {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(LitInt) {
            return public(input);
        }
        let word: Ident = input.parse().map_err(|error| Error::new(error.span(), EXPECTED))?;
        let answer = match word.to_string().as_str() {
            "internal" => Self::Internal,
            "transparent" => Self::Transparent,
            _ => return Err(Error::new(word.span(), EXPECTED)),
        };
        if input.is_empty() {
            Ok(answer)
        } else {
            Err(input.error(format!("nothing follows {word}")))
        }
    }
}

const EXPECTED: &str =
    "expected a status and a code, as in (404, \"PRJ-001\"), or internal, or transparent";

fn public(input: ParseStream<'_>) -> Result<Answer> {
    let number: LitInt = input.parse()?;
    let status = match number.base10_parse() {
        Ok(status @ 400..=599) => status,
        _ => return Err(Error::new(number.span(), "an error status is 400 to 599")),
    };
    input
        .parse::<Token![,]>()
        .map_err(|error| Error::new(error.span(), "a status is followed by its code"))?;
    let code: LitStr =
        input.parse().map_err(|error| Error::new(error.span(), "the code is a string"))?;
    if !is_code(&code.value()) {
        return Err(Error::new(
            code.span(),
            "a code is two to four capitals, a dash and three digits: \"PRJ-001\"",
        ));
    }
    let (mut retry_after, mut details) = (None, None);
    while !input.is_empty() {
        input.parse::<Token![,]>()?;
        if input.is_empty() {
            break;
        }
        let (name, field) = argument(input)?;
        let slot = match name.to_string().as_str() {
            "retry_after" => &mut retry_after,
            "details" => &mut details,
            _ => {
                return Err(Error::new(
                    name.span(),
                    "expected retry_after = <field> or details = <field>",
                ));
            }
        };
        if slot.replace(field).is_some() {
            return Err(Error::new(name.span(), format!("{name} stands twice")));
        }
    }
    Ok(Answer::Public { status, code, retry_after, details })
}

fn argument(input: ParseStream<'_>) -> Result<(Ident, Member)> {
    let name = input.parse()?;
    input.parse::<Token![=]>()?;
    Ok((name, input.parse()?))
}

fn is_code(code: &str) -> bool {
    code.split_once('-').is_some_and(|(area, number)| {
        (2..=4).contains(&area.len())
            && area.bytes().all(|byte| byte.is_ascii_uppercase())
            && number.len() == 3
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
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

//! What stands in `#[api(..)]`: parsing, and the checks that need only the variant itself.

use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Attribute, Error, Fields, Ident, LitInt, LitStr, Member, Result, Token, Variant};

/// What `#[api(..)]` says of a variant.
pub enum Answer {
    Public { status: u16, code: LitStr, retry_after: Option<Member>, details: Option<Member> },
    Internal,
    Transparent,
}

/// Reads the one `#[api(..)]` of a variant.
pub fn answer(variant: &Variant) -> Result<Answer> {
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

//! `#[stage_test]`: one scene, a test per engine and topology.
//!
//! The scene stays an ordinary `async fn` inside a module of its own name, so that the three tests
//! share it and failures read `a_guest_cannot_close::sqlite_loopback`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Ident, ItemFn, Path, PathSegment, Result, Token};

/// What stands in the parentheses.
#[derive(Default)]
struct Arguments {
    services: Option<Path>,
    local: bool,
    split: bool,
}

enum Argument {
    Services(Path),
    Local(Ident),
    Split(Ident),
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name: Ident = input.parse()?;
        if name == "local" {
            return Ok(Self::Local(name));
        }
        if name == "split" {
            return Ok(Self::Split(name));
        }
        if name != "services" {
            return Err(Error::new(
                name.span(),
                "expected services = <path of a function>, local or split",
            ));
        }
        input.parse::<Token![=]>()?;
        Ok(Self::Services(input.call(Path::parse_mod_style)?))
    }
}

impl Arguments {
    fn parse(tokens: TokenStream) -> Result<Self> {
        let mut arguments = Self::default();
        for argument in Punctuated::<Argument, Token![,]>::parse_terminated.parse2(tokens)? {
            match argument {
                Argument::Services(path) if arguments.services.is_some() => {
                    return Err(Error::new_spanned(path, "services stands twice"));
                }
                Argument::Services(path) => arguments.services = Some(path),
                Argument::Local(word) if arguments.local => {
                    return Err(Error::new(word.span(), "local stands twice"));
                }
                Argument::Local(_) => arguments.local = true,
                Argument::Split(word) if arguments.split => {
                    return Err(Error::new_spanned(word, "split stands twice"));
                }
                Argument::Split(_) => arguments.split = true,
            }
        }
        Ok(arguments)
    }
}

/// Writes the module, or says why the function is no scene.
pub fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let arguments = Arguments::parse(arguments)?;
    let mut scene: ItemFn = syn::parse2(item)?;
    check(&scene)?;
    let (on_module, rest): (Vec<_>, Vec<_>) =
        scene.attrs.drain(..).partition(|attribute| is(attribute, &["doc", "cfg"]));
    let (on_tests, on_scene) =
        rest.into_iter().partition(|attribute| is(attribute, &["ignore", "should_panic"]));
    scene.attrs = on_scene;
    let on_tests: Vec<Attribute> = on_tests;
    let name = &scene.sig.ident;
    let services = arguments.services.map_or_else(|| quote!(services), from_inside);
    let loopback = [("sqlite_loopback", "Sqlite", "Loopback")];
    let stages = [("sqlite_local", "Sqlite", "Local"), ("postgres_local", "Postgres", "Local")];
    let split = [("postgres_split", "Postgres", "Split")];
    let more = loopback.iter().filter(|_| !arguments.local);
    let more = more.chain(split.iter().filter(|_| arguments.split));
    let tests = stages.iter().chain(more).map(|(test, engine, topology)| {
        let (ident, engine, topology) =
            (format_ident!("{test}"), format_ident!("{engine}"), format_ident!("{topology}"));
        quote! {
            #(#on_tests)*
            #[test]
            fn #ident() {
                ::hanse_testkit::run(
                    ::hanse_testkit::Engine::#engine,
                    ::hanse_testkit::Topology::#topology,
                    ::std::concat!(::std::module_path!(), "::", #test),
                    #services(),
                    #name,
                );
            }
        }
    });
    Ok(quote! {
        #(#on_module)*
        mod #name {
            use super::*;
            #scene
            #(#tests)*
        }
    })
}

fn check(scene: &ItemFn) -> Result<()> {
    let signature = &scene.sig;
    if signature.asyncness.is_none() {
        return Err(Error::new(signature.fn_token.span, "a scene is an async fn"));
    }
    if signature.inputs.len() != 1 {
        return Err(Error::new(
            signature.ident.span(),
            "a scene takes the stage: async fn name(t: Stage)",
        ));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new_spanned(&signature.generics, "a scene is not generic"));
    }
    Ok(())
}

fn is(attribute: &Attribute, names: &[&str]) -> bool {
    names.iter().any(|name| attribute.path().is_ident(name))
}

/// The same path, seen from one module further in.
fn from_inside(mut path: Path) -> TokenStream {
    let head = path.segments.first().map(|segment| segment.ident.to_string());
    match head.as_deref() {
        Some("super") => {
            path.segments.insert(0, PathSegment::from(Ident::from(<Token![super]>::default())));
        }
        Some("self") => {
            if let Some(first) = path.segments.first_mut() {
                *first = PathSegment::from(Ident::from(<Token![super]>::default()));
            }
        }
        _ => {}
    }
    quote!(#path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(arguments: TokenStream, item: TokenStream) -> String {
        expand(arguments, item).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_scene_is_refused() {
        assert_eq!(
            refused(
                quote!(),
                quote!(
                    fn still(t: Stage) {}
                )
            ),
            "a scene is an async fn"
        );
        assert!(
            refused(
                quote!(),
                quote!(
                    async fn empty() {}
                )
            )
            .contains("takes the stage")
        );
        assert!(
            refused(
                quote!(fast),
                quote!(
                    async fn odd(t: Stage) {}
                )
            )
            .starts_with("expected services")
        );
        assert_eq!(
            refused(
                quote!(local, local),
                quote!(
                    async fn odd(t: Stage) {}
                )
            ),
            "local stands twice"
        );
    }

    #[test]
    fn relative_paths_are_seen_from_the_inner_module() {
        let from =
            |path: &str| from_inside(syn::parse_str(path).unwrap()).to_string().replace(' ', "");
        assert_eq!(from("super::both"), "super::super::both");
        assert_eq!(from("self::both"), "super::both");
        assert_eq!(from("crate::both"), "crate::both");
        assert_eq!(from("both"), "both");
    }
}

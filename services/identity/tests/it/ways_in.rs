//! AUTN-07: every way in, read from the source. A session or an access token comes only from
//! `mint`; what is proven comes only from the functions below. Whoever adds one adds a line here, and a
//! scene that shows that it asks for the second factor.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use quote::ToTokens as _;
use syn::visit::Visit;

/// Who calls what leads to a token: `file: caller -> callee`.
const WAYS: &[&str] = &[
    "administration/acting.rs: impersonate_user -> Proven::by",
    "administration/acting.rs: impersonate_user -> delegate",
    "external/doors.rs: enter -> Proven::by",
    "external/doors.rs: enter -> mint",
    "external/doors.rs: link_external -> mint",
    "http/continuing.rs: continue_login -> mint",
    "http/factors.rs: confirm_factor -> Proven::by",
    "http/factors.rs: confirm_factor -> mint",
    "http/password.rs: change_password -> Proven::by_session",
    "http/registration.rs: enter -> Proven::by_creating",
    "http/registration.rs: enter -> mint",
    "http/renewal.rs: set -> Proven::renewed",
    "http/renewal.rs: set -> mint",
    "http/session.rs: advance -> tokens",
    "http/shown.rs: check -> Proven::by",
    "http/sign_in.rs: login_user -> mint",
    "machines/mod.rs: exchange_key -> Proven::by",
    "machines/mod.rs: exchange_key -> delegate",
    "mint/mod.rs: delegate -> sign",
    "mint/mod.rs: mint -> begin",
    "mint/mod.rs: mint -> tokens",
    "mint/mod.rs: begin -> insert",
    "mint/mod.rs: sign -> keys.sign",
    "mint/mod.rs: tokens -> sign",
    "mint/pending.rs: open -> Proven::again",
    "oidc/alone.rs: grant -> Proven::by",
    "oidc/alone.rs: grant -> delegate",
    "oidc/authorize.rs: step_up -> Proven::by_session",
    "oidc/authorize.rs: step_up -> mint",
    "oidc/code_grant.rs: begin -> Proven::by_session",
    "oidc/code_grant.rs: begin -> mint",
    "oidc/exchange.rs: exchange -> Proven::by_session",
    "oidc/exchange.rs: exchange -> delegate",
    "pages/enrolment.rs: submit_enrolment -> Proven::by",
    "pages/enrolment.rs: submit_enrolment -> mint",
    "pages/passkey.rs: admit -> mint",
    "pages/second_factor.rs: submit_second_factor -> mint",
    "pages/sign_in.rs: submit_sign_in -> mint",
    "passkeys/registering.rs: go_on -> Proven::by",
    "passkeys/registering.rs: go_on -> mint",
    "passkeys/signing_in.rs: login_passkey -> mint",
    "passkeys/signing_in.rs: prove -> Proven::by",
    "password/hashing.rs: prove -> Proven::by_password",
];

/// Functions of `mint` that lead to a token.
const MINTING: [&str; 6] = ["mint", "tokens", "delegate", "sign", "begin", "insert"];

struct Calls {
    file: String,
    caller: String,
    imports: BTreeSet<String>,
    found: BTreeSet<String>,
}

impl Calls {
    fn note(&mut self, callee: &str) {
        self.found.insert(format!("{}: {} -> {callee}", self.file, self.caller));
    }

    /// A function of `mint`, named here by a path or by an import.
    fn is_minting(&self, path: &syn::Path) -> bool {
        let names: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        let Some((last, before)) = names.split_last() else { return false };
        let inside = self.file.starts_with("mint/");
        MINTING.contains(&last.as_str())
            && match before.last() {
                Some(module) => module == "mint",
                None => inside || self.imports.contains(last),
            }
    }
}

impl<'ast> Visit<'ast> for Calls {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.ident != "tests" {
            syn::visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let text = item.to_token_stream().to_string().replace(' ', "");
        if text.contains("mint::") {
            let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
            self.imports.extend(words.map(str::to_owned));
            assert!(!text.contains("mint::*"), "{}: name what you use of mint", self.file);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.caller = item.sig.ident.to_string();
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.caller = item.sig.ident.to_string();
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        let names: Vec<String> = path.path.segments.iter().map(|s| s.ident.to_string()).collect();
        if let [.., kind, function] = names.as_slice()
            && kind == "Proven"
        {
            self.note(&format!("Proven::{function}"));
        } else if self.is_minting(&path.path) {
            let name = names.last().cloned().unwrap_or_default();
            self.note(&name);
        }
        syn::visit::visit_expr_path(self, path);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let receiver = call.receiver.to_token_stream().to_string().replace(' ', "");
        if call.method == "sign" && receiver.ends_with("keys") {
            self.note("keys.sign");
        }
        syn::visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        let text = item.tokens.to_string();
        assert!(!text.contains("Proven ::"), "{}: no proof inside a macro", self.file);
    }
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn nothing_else_leads_to_a_session_or_a_token() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut ways = BTreeSet::new();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let file = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let inserts = text.contains("INSERT INTO sessions");
        assert!(!inserts || file == "mint/mod.rs", "{file} inserts sessions");
        let claims = text.contains("Claims {") && !file.ends_with("http/jwks.rs");
        assert!(!claims || file == "mint/mod.rs", "{file} makes claims of access tokens");
        let mut calls =
            Calls { file, caller: String::new(), imports: BTreeSet::new(), found: BTreeSet::new() };
        calls.visit_file(&syn::parse_file(&text).unwrap());
        ways.extend(calls.found);
    }
    let known: BTreeSet<String> = WAYS.iter().map(|way| (*way).to_owned()).collect();
    let new: Vec<_> = ways.difference(&known).collect();
    let gone: Vec<_> = known.difference(&ways).collect();
    assert!(new.is_empty() && gone.is_empty(), "new ways in: {new:#?}\ngone: {gone:#?}");
}

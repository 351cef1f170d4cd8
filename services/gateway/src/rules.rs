//! The operator's rules: any prefix of addresses can go to any system, wholly, by share or by header.
//!
//! That is how an old monolith stands behind the gateway on the first day, how a service takes over
//! its addresses bit by bit (a strangler migration), and how a new version gets a hundredth of the
//! callers first. Rules are tried in order; a request that none takes goes to the services.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use hanse_redis::Redis;
use hanse_telemetry::metrics::Metrics;
use hanse_tls::{Connector, TlsError};
use hanse_upstream::{Affinity, Names, Upstream, UpstreamConfig, Written};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Request, Uri};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::path;

/// How often the names of upstreams are looked up.
const LOOK_UP: Duration = Duration::from_secs(5);

/// A system that rules can name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NamedUpstream {
    /// Its name in the rules, in `/upstreams` and in metrics.
    pub name: String,
    /// Where it is: addresses or names with a port, each with a weight behind a star if need be, such
    /// as `10.0.0.5:8080*3`, or `https://old.example.com`, all by TLS or none.
    pub endpoints: Vec<String>,
    /// How it is spoken to.
    pub settings: UpstreamConfig,
}

/// Who may use a rule's addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleAccess {
    /// Whoever has a valid access token of ours.
    #[default]
    User,
    /// Anybody: the system behind checks for itself.
    Public,
}

/// Which address the system behind is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Address {
    /// The one that the client wrote.
    #[default]
    AsSent,
    /// The canonical one, as our own services expect it.
    Canonical,
    /// What the client wrote behind the prefix.
    Stripped,
}

/// A rule.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RuleConfig {
    /// Addresses it is for: `/legacy` is `/legacy` and all below, with or without `/api` before.
    pub prefix: String,
    /// Where they go.
    pub upstream: String,
    /// Callers of a hundred it is for; who they are does not change.
    pub percent: u8,
    /// Only requests with this header, as `name: value`; all when empty.
    pub header: String,
    /// Who may use it.
    pub access: RuleAccess,
    /// Which address is asked for.
    pub address: Address,
    /// Seconds that an answer to a read may be given again to the same caller, or to everybody who shows
    /// neither a token nor a cookie; all gateways then share it, if they share a Redis. A change of the
    /// same address ends it. An answer that says `no-cache`, or that it is good for less time, is not
    /// kept. 0 for never. Equal reads that are under way together are then answered by
    /// one, too.
    pub cache_seconds: u32,
    /// Lets equal reads of a caller that are under way together be answered by one.
    pub coalesce: bool,
}

impl Default for RuleConfig {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            upstream: String::new(),
            percent: 100,
            header: String::new(),
            access: RuleAccess::default(),
            address: Address::default(),
            cache_seconds: 0,
            coalesce: false,
        }
    }
}

/// Mistakes in upstreams and rules, as (key, what is wrong).
pub(crate) fn mistakes(upstreams: &[NamedUpstream], rules: &[RuleConfig]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (at, upstream) in upstreams.iter().enumerate() {
        let key = |name: &str| format!("gateway.upstreams[{at}].{name}");
        if upstream.name.is_empty()
            || upstreams.iter().take(at).any(|other| other.name == upstream.name)
        {
            found.push((key("name"), "every upstream needs a name of its own".into()));
        }
        let wrong = upstream.endpoints.iter().filter_map(|text| Written::parse(text).err());
        found.extend(wrong.map(|what| (key("endpoints"), what)));
        let written = written(upstream);
        if written.iter().any(Written::secure) && !written.iter().all(Written::secure) {
            found.push((key("endpoints"), "some speak TLS and some do not".into()));
        }
        found.extend(upstream.settings.mistakes(&key("settings")));
    }
    for (at, rule) in rules.iter().enumerate() {
        let key = |name: &str| format!("gateway.routes[{at}].{name}");
        if rule.prefix.len() < 2 || path::canonical(&rule.prefix).is_err() {
            found.push((key("prefix"), "write it like /legacy".into()));
        }
        if upstreams.iter().all(|upstream| upstream.name != rule.upstream) {
            found.push((key("upstream"), format!("there is no upstream {}", rule.upstream)));
        }
        if rule.percent > 100 {
            found.push((key("percent"), "must be at most 100".into()));
        }
        if !rule.header.is_empty() && parse_header(&rule.header).is_none() {
            found.push((key("header"), "write it as name: value".into()));
        }
    }
    found
}

fn parse_header(text: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = text.split_once(':')?;
    Some((name.trim().parse().ok()?, HeaderValue::from_str(value.trim()).ok()?))
}

fn written(upstream: &NamedUpstream) -> Vec<Written> {
    upstream.endpoints.iter().filter_map(|text| Written::parse(text).ok()).collect()
}

/// The upstream of a part of the configuration. One that stays the same should be kept on a reload:
/// it has connections and knows its endpoints' health.
///
/// # Errors
/// [`TlsError`] when its authorities cannot be read.
pub(crate) fn upstream(named: &NamedUpstream, metrics: &Metrics) -> Result<Upstream, TlsError> {
    let (written, settings) = (written(named), named.settings.clone());
    let secure = written.iter().any(Written::secure);
    let names = Arc::new(Names::new(written, LOOK_UP));
    if !secure {
        return Ok(Upstream::new(&named.name, settings, names, metrics));
    }
    let tls = Connector::trusting(&settings.ca_file)?;
    Ok(Upstream::encrypted(&named.name, settings, names, tls, metrics))
}

/// Rules in force. Each set of rules has a cache of its own, so a reload forgets what was kept; only what
/// lies in Redis is given until its time is over.
#[derive(Default)]
pub struct Rules {
    rules: Vec<Rule>,
}

pub(crate) struct Rule {
    prefix: String,
    written: String,
    pub(crate) upstream: Upstream,
    percent: u8,
    header: Option<(HeaderName, HeaderValue)>,
    pub(crate) access: RuleAccess,
    address: Address,
    pub(crate) memory: Option<crate::memory::Memory>,
}

impl Rules {
    /// The rules of a configuration without mistakes; a rule whose upstream is missing is left out.
    /// Answers that everybody may have are shared with the other gateways by `redis`.
    #[must_use]
    pub fn new(config: &[RuleConfig], upstreams: &[Upstream], redis: Option<&Redis>) -> Self {
        let rule = |rule: &RuleConfig| {
            Some(Rule {
                prefix: path::canonical(&rule.prefix).ok()?.into_owned(),
                written: rule.prefix.clone(),
                upstream: upstreams.iter().find(|known| known.name() == rule.upstream)?.clone(),
                percent: rule.percent,
                header: parse_header(&rule.header),
                access: rule.access,
                address: rule.address,
                memory: crate::memory::Memory::new(rule.cache_seconds, rule.coalesce, redis),
            })
        };
        Self { rules: config.iter().filter_map(rule).collect() }
    }

    /// The first rule for this canonical path.
    pub(crate) fn find(
        &self,
        path: &str,
        headers: &HeaderMap,
        affinity: Affinity,
    ) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.takes(path, headers, affinity))
    }
}

impl Rule {
    fn takes(&self, path: &str, headers: &HeaderMap, affinity: Affinity) -> bool {
        let below = path
            .strip_prefix(self.prefix.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        below
            && affinity.percentile() < self.percent
            && self.header.as_ref().is_none_or(|(name, value)| {
                headers.get_all(name).iter().any(|given| given == value)
            })
    }

    /// Gives the request the address that the system behind knows. False when it cannot be written.
    pub(crate) fn readdress<B>(&self, request: &mut Request<B>, canonical: &str) -> bool {
        let path = match self.address {
            Address::AsSent => return true,
            Address::Canonical => Cow::Borrowed(canonical),
            Address::Stripped => {
                let sent = request.uri().path();
                let rest = sent
                    .strip_prefix(self.written.as_str())
                    .or_else(|| canonical.strip_prefix(self.prefix.as_str()))
                    .unwrap_or(sent);
                Cow::Owned(if rest.is_empty() { "/".to_owned() } else { rest.to_owned() })
            }
        };
        let address = match request.uri().query() {
            Some(query) => format!("{path}?{query}"),
            None => path.into_owned(),
        };
        match Uri::try_from(address) {
            Ok(address) => {
                *request.uri_mut() = address;
                true
            }
            Err(_) => false,
        }
    }
}

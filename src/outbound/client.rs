//! The HTTP client for upstreams.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use url::{Host, Url};

use super::{AddressPolicy, AddressRefusal, FilteringResolver};

/// How long an unused connection is kept: below what servers commonly keep, so that a pooled connection is rarely dead.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Names of cloud metadata services, which some resolvers know without any address being link-local.
const METADATA_NAMES: [&str; 3] = ["metadata.google.internal", "metadata.goog", "instance-data.ec2.internal"];

/// The client could not be built.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be built; are the system's CA certificates installed (package `ca-certificates`)?")]
pub struct OutboundError(#[source] reqwest::Error);

/// A client for upstreams. It uses no proxy of the environment, follows no redirect, decompresses nothing, and connects
/// only to addresses that the policy allows. IP addresses in URLs do not go through its resolver: every URL has to pass
/// [`check_url`] as well.
///
/// # Errors
///
/// TLS cannot be set up.
pub fn build_client(policy: AddressPolicy, connect_timeout: Duration) -> Result<reqwest::Client, OutboundError> {
    build(client_builder(policy, connect_timeout))
}

/// Builds what [`client_builder`] began.
pub(super) fn build(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, OutboundError> {
    builder.build().map_err(OutboundError)
}

/// Everything that every client for upstreams has in common.
pub(super) fn client_builder(policy: AddressPolicy, connect_timeout: Duration) -> reqwest::ClientBuilder {
    install_tls_provider();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        // Repeating a request is decided by the proxy, which knows whether anything came back.
        .retry(reqwest::retry::never())
        .dns_resolver(Arc::new(FilteringResolver::new(policy)))
        .connect_timeout(connect_timeout)
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .tcp_nodelay(true)
}

/// Whether a URL may be called as far as can be told without resolving: IP addresses and well-known names. Names are
/// checked once more, by what they resolve to, when the client connects.
///
/// # Errors
///
/// Why not.
pub fn check_url(url: &Url, policy: AddressPolicy) -> Result<(), AddressRefusal> {
    match url.host() {
        Some(Host::Ipv4(address)) => policy.check(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => policy.check(IpAddr::V6(address)),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            if METADATA_NAMES.iter().any(|metadata| name.eq_ignore_ascii_case(metadata)) {
                return Err(AddressRefusal::Forbidden);
            }
            // The name of this machine itself, RFC 6761.
            let local = name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost");
            if local { policy.check(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)) } else { Ok(()) }
        }
        None => Err(AddressRefusal::Forbidden),
    }
}

/// Makes `ring` the process's provider of TLS cryptography. Calling it again changes nothing.
pub fn install_tls_provider() {
    // The error says that there is one already.
    drop(rustls::crypto::ring::default_provider().install_default());
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::PrivateAddresses;
    use crate::outbound::OutboundFailure;

    const OPEN: AddressPolicy = AddressPolicy::new(PrivateAddresses::Allow);
    const STRICT: AddressPolicy = AddressPolicy::new(PrivateAddresses::Deny);

    fn check(text: &str, policy: AddressPolicy) -> Result<(), AddressRefusal> {
        check_url(&Url::parse(text).unwrap(), policy)
    }

    #[test]
    fn sees_through_spellings_of_the_metadata_address() {
        for text in [
            "http://169.254.169.254/latest",
            "http://2852039166/",
            "http://0xa9fea9fe/",
            "http://0251.0376.0251.0376/",
            "http://169.254.43518/",
            "http://[::ffff:169.254.169.254]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[fe80::1]/",
            "http://[fd00:ec2::254]/",
            "http://100.100.100.200/",
            "http://metadata.google.internal/",
            "http://METADATA.google.internal./",
            "http://\u{ff11}69.254.169.254/",
        ] {
            assert_eq!(check(text, OPEN), Err(AddressRefusal::Forbidden), "{text}");
        }
    }

    #[test]
    fn knows_the_names_of_this_machine() {
        assert_eq!(check("http://localhost:11434/v1", OPEN), Ok(()));
        assert_eq!(check("http://localhost:11434/v1", STRICT), Err(AddressRefusal::Private));
        assert_eq!(check("http://a.localhost./v1", STRICT), Err(AddressRefusal::Private));
        assert_eq!(check("https://api.openai.com/v1", STRICT), Ok(()));
    }

    #[tokio::test]
    async fn names_that_lead_nowhere_allowed_are_recognisable() {
        let client = build_client(STRICT, Duration::from_secs(5)).unwrap();
        let error = client.get("http://localhost:9/").send().await.unwrap_err();
        assert_eq!(OutboundFailure::of(&error), OutboundFailure::AddressRefused(AddressRefusal::Private));
    }

    proptest! {
        #[test]
        fn every_spelling_of_an_ipv4_address_is_judged_alike(bits: u32) {
            let address = std::net::Ipv4Addr::from(bits);
            let [a, b, c, d] = address.octets();
            for policy in [OPEN, STRICT] {
                let expected = policy.check(address.into());
                for host in [
                    format!("{bits}"),
                    format!("{bits:#x}"),
                    format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
                    format!("[::ffff:{address}]"),
                ] {
                    prop_assert_eq!(check(&format!("http://{host}/"), policy), expected, "{}", host);
                }
            }
        }
    }
}

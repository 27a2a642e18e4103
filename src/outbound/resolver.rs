//! Resolving names, with the address rules applied to the outcome.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{AddressPolicy, AddressRefusal};

/// A name of which no address may be connected to. It is in the chain of causes of the client's error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name leads only to addresses that are not allowed")]
pub struct RefusedName(#[source] pub AddressRefusal);

/// A name that has no address.
#[derive(Debug, thiserror::Error)]
#[error("the name cannot be resolved")]
pub struct UnresolvedName(#[source] pub std::io::Error);

/// Resolves names with the system's resolver and keeps only the addresses that the policy allows.
#[derive(Clone, Copy, Debug)]
pub struct FilteringResolver {
    policy: AddressPolicy,
}

impl FilteringResolver {
    /// A resolver with these rules.
    pub const fn new(policy: AddressPolicy) -> Self {
        Self { policy }
    }

    fn filter(self, found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, RefusedName> {
        let mut allowed = Vec::new();
        let mut refusal = None;
        for address in found {
            match self.policy.check(address.ip()) {
                Ok(()) => allowed.push(address),
                Err(reason) => refusal = Some(reason),
            }
        }
        match refusal {
            Some(reason) if allowed.is_empty() => Err(RefusedName(reason)),
            Some(_) | None => Ok(allowed),
        }
    }
}

impl Resolve for FilteringResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = *self;
        Box::pin(async move {
            // Port 0: the client puts in the port of the URL.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(UnresolvedName)?;
            let allowed = resolver.filter(found)?;
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::model::PrivateAddresses;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn keeps_the_allowed_ones_of_several() {
        let resolver = FilteringResolver::new(AddressPolicy::new(PrivateAddresses::Deny));
        let found = addresses(&["10.0.0.1:0", "1.1.1.1:0", "169.254.169.254:0"]);
        assert_eq!(resolver.filter(found.into_iter()), Ok(addresses(&["1.1.1.1:0"])));
    }

    #[test]
    fn says_why_when_nothing_is_left() {
        let resolver = FilteringResolver::new(AddressPolicy::new(PrivateAddresses::Deny));
        assert_eq!(resolver.filter(addresses(&["127.0.0.1:0"]).into_iter()), Err(RefusedName(AddressRefusal::Private)));
    }
}

//! Where an upstream may be: pure rules on IP addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::{PrivateAddresses, Problem};

/// AWS's metadata service on IPv6.
const AWS_METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
/// Alibaba Cloud's metadata service.
const ALIBABA_METADATA: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);

/// Why an address is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressRefusal {
    /// Link-local, cloud metadata, or no address of one machine at all: never allowed.
    #[error("link-local, cloud metadata and multicast addresses are never allowed")]
    Forbidden,
    /// Loopback or private, and the settings want public addresses only.
    #[error("private addresses are not allowed by `access.private_addresses`")]
    Private,
}

impl From<AddressRefusal> for Problem {
    fn from(refusal: AddressRefusal) -> Self {
        match refusal {
            AddressRefusal::Forbidden => Self::AddressForbidden,
            AddressRefusal::Private => Self::AddressPrivate,
        }
    }
}

/// Which addresses may be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressPolicy {
    private: PrivateAddresses,
}

impl AddressPolicy {
    /// The rules with this setting for private addresses.
    pub const fn new(private: PrivateAddresses) -> Self {
        Self { private }
    }

    /// Whether an address may be connected to. IPv4 addresses inside IPv6 ones are looked at as what they are.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn check(self, address: IpAddr) -> Result<(), AddressRefusal> {
        let (forbidden, private) = match address {
            IpAddr::V4(address) => (is_forbidden_v4(address), is_private_v4(address)),
            IpAddr::V6(address) => match embedded_v4(address) {
                Some(inner) => (is_forbidden_v4(inner), is_private_v4(inner)),
                None => (is_forbidden_v6(address), is_private_v6(address)),
            },
        };
        if forbidden {
            return Err(AddressRefusal::Forbidden);
        }
        match self.private {
            PrivateAddresses::Deny if private => Err(AddressRefusal::Private),
            PrivateAddresses::Deny | PrivateAddresses::Allow => Ok(()),
        }
    }
}

/// The IPv4 address that an IPv6 address leads to: mapped (`::ffff:a.b.c.d`), compatible (`::a.b.c.d`), NAT64
/// (`64:ff9b::a.b.c.d`) or 6to4 (`2002:ab:cd::`).
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match address.segments() {
        // `::` and `::1` are addresses of their own.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0xffff | 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, _, _, _, _, _] => Some(join(high, low)),
        _ => None,
    }
}

fn is_forbidden_v4(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    address.is_link_local()
        || address == ALIBABA_METADATA
        || address.is_multicast()
        || address.is_broadcast()
        // 240.0.0.0/4 is reserved, and 0.0.0.0/8 other than the address 0.0.0.0 (which means this machine) leads nowhere.
        || first >= 240
        || (first == 0 && !address.is_unspecified())
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    address.is_loopback()
        || address.is_private()
        || address.is_unspecified()
        // Shared address space of carriers, 100.64.0.0/10.
        || (first == 100 && (64..128).contains(&second))
        // Benchmarking, 198.18.0.0/15.
        || (first == 198 && (second == 18 || second == 19))
}

fn is_forbidden_v6(address: Ipv6Addr) -> bool {
    address.is_unicast_link_local() || address == AWS_METADATA || address.is_multicast()
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let [first, ..] = address.segments();
    address.is_loopback()
        || address.is_unspecified()
        || address.is_unique_local()
        // Site-local, fec0::/10: deprecated, still private.
        || first & 0xffc0 == 0xfec0
        // Local-use NAT64, 64:ff9b:1::/48.
        || matches!(address.segments(), [0x64, 0xff9b, 1, ..])
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OPEN: AddressPolicy = AddressPolicy::new(PrivateAddresses::Allow);
    const STRICT: AddressPolicy = AddressPolicy::new(PrivateAddresses::Deny);

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn never_allows_link_local_and_metadata() {
        for text in [
            "169.254.169.254",
            "169.254.0.1",
            "100.100.100.200",
            "fe80::1",
            "febf::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::169.254.169.254",
            "2002:a9fe:a9fe::1",
            "224.0.0.1",
            "255.255.255.255",
            "0.1.2.3",
            "ff02::1",
        ] {
            assert_eq!(OPEN.check(address(text)), Err(AddressRefusal::Forbidden), "{text}");
            assert_eq!(STRICT.check(address(text)), Err(AddressRefusal::Forbidden), "{text}");
        }
    }

    #[test]
    fn allows_private_addresses_by_setting() {
        for text in [
            "127.0.0.1",
            "127.8.8.8",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "::",
            "fc00::1",
            "fd12::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
        ] {
            assert_eq!(OPEN.check(address(text)), Ok(()), "{text}");
            assert_eq!(STRICT.check(address(text)), Err(AddressRefusal::Private), "{text}");
        }
    }

    #[test]
    fn allows_public_addresses() {
        for text in ["1.1.1.1", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8"] {
            assert_eq!(STRICT.check(address(text)), Ok(()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn looks_through_every_way_to_write_ipv4_in_ipv6(bits: u32) {
            let [a, b, c, d] = bits.to_be_bytes();
            let plain = Ipv4Addr::from(bits);
            let high = u16::from_be_bytes([a, b]);
            let low = u16::from_be_bytes([c, d]);
            for policy in [OPEN, STRICT] {
                let expected = policy.check(plain.into());
                prop_assert_eq!(policy.check(plain.to_ipv6_mapped().into()), expected);
                prop_assert_eq!(policy.check(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low).into()), expected);
                prop_assert_eq!(policy.check(Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1).into()), expected);
            }
        }

        #[test]
        fn refuses_all_of_link_local(third: u8, fourth: u8, low: u64) {
            prop_assert_eq!(OPEN.check(Ipv4Addr::new(169, 254, third, fourth).into()), Err(AddressRefusal::Forbidden));
            let v6 = Ipv6Addr::from((0xfe80_u128 << 112) | u128::from(low));
            prop_assert_eq!(OPEN.check(v6.into()), Err(AddressRefusal::Forbidden));
        }

        #[test]
        fn strict_allows_nothing_that_open_refuses(bits: u128) {
            let address = IpAddr::V6(Ipv6Addr::from(bits));
            prop_assert!(OPEN.check(address).is_ok() || STRICT.check(address).is_err());
        }
    }
}

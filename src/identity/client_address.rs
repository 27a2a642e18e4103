//! Which address a request comes from, where reverse proxies stand in between.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// The address of the client: `peer`, unless that is a trusted proxy. Then `X-Forwarded-For` (its values in the order in
/// which they came) is read from the right, where each proxy appends whom it heard, up to the first address that is not
/// trusted. What stands left of that was said by somebody who is not trusted.
///
/// An entry that is no address ends the walk: the answer is then the proxy that wrote it.
pub fn client_address<'header>(
    peer: IpAddr,
    forwarded_for: impl Iterator<Item = &'header str>,
    trusted: &[IpNet],
) -> IpAddr {
    let values: Vec<&str> = forwarded_for.collect();
    let mut entries = values.iter().rev().flat_map(|value| value.rsplit(','));
    let mut client = peer.to_canonical();
    while trusted.iter().any(|network| network.contains(&client)) {
        let Some(heard) = entries.next().and_then(address) else { break };
        client = heard;
    }
    client
}

/// Some proxies write the port too.
fn address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let address = entry.parse().or_else(|_| entry.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn networks(list: &[&str]) -> Vec<IpNet> {
        list.iter().map(|network| network.parse().unwrap()).collect()
    }

    fn client(peer: &str, headers: &[&str], trusted: &[&str]) -> String {
        client_address(peer.parse().unwrap(), headers.iter().copied(), &networks(trusted)).to_string()
    }

    #[test]
    fn believes_nobody_by_default() {
        assert_eq!(client("10.0.0.1", &["192.0.2.1"], &[]), "10.0.0.1");
        assert_eq!(client("192.0.2.9", &["192.0.2.1"], &["10.0.0.0/8"]), "192.0.2.9");
    }

    #[test]
    fn takes_the_first_from_the_right_that_is_not_trusted() {
        let trusted = &["10.0.0.0/8", "fd00::/8"];
        assert_eq!(client("10.0.0.1", &["192.0.2.1"], trusted), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &["198.51.100.1, 192.0.2.1 ,10.0.0.2"], trusted), "192.0.2.1");
        assert_eq!(client("fd00::1", &["198.51.100.1", "192.0.2.1", "10.0.0.2"], trusted), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &["10.0.0.3, 10.0.0.2"], trusted), "10.0.0.3");
        assert_eq!(client("10.0.0.1", &[], trusted), "10.0.0.1");
    }

    #[test]
    fn knows_ports_and_mapped_addresses() {
        let trusted = &["10.0.0.0/8"];
        assert_eq!(client("::ffff:10.0.0.1", &["192.0.2.1:4711"], trusted), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &["192.0.2.1, [::ffff:10.0.0.2]:1"], trusted), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &["2001:db8::1"], trusted), "2001:db8::1");
    }

    #[test]
    fn stops_at_what_is_no_address() {
        let trusted = &["10.0.0.0/8"];
        for broken in ["192.0.2.1, unknown", "192.0.2.1,", "", "192.0.2.1, ,"] {
            assert_eq!(client("10.0.0.1", &[broken], trusted), "10.0.0.1", "{broken}");
        }
        assert_eq!(client("10.0.0.1", &["192.0.2.1, x, 10.0.0.2"], trusted), "10.0.0.2");
    }

    proptest! {
        #[test]
        fn nothing_that_a_stranger_sends_changes_his_address(
            sent in prop::collection::vec("[0-9a-f.:, x]{0,40}", 0..4),
            stranger in any::<u32>(),
        ) {
            let trusted = networks(&["10.0.0.0/8"]);
            let stranger = IpAddr::from(stranger.to_be_bytes());
            prop_assume!(!trusted.iter().any(|network| network.contains(&stranger)));
            let peer = "10.0.0.1".parse().unwrap();
            let appended = stranger.to_string();
            let headers = sent.iter().map(String::as_str).chain([appended.as_str()]);
            prop_assert_eq!(client_address(peer, headers, &trusted), stranger);
            prop_assert_eq!(client_address(stranger, sent.iter().map(String::as_str), &trusted), stranger);
        }

        #[test]
        fn takes_any_text_without_panic(sent in prop::collection::vec(".{0,60}", 0..4), peer in any::<u128>()) {
            let everybody = networks(&["0.0.0.0/0", "::/0"]);
            client_address(IpAddr::from(peer.to_be_bytes()), sent.iter().map(String::as_str), &everybody);
        }
    }
}

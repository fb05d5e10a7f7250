//! Tells clients apart by their addresses, also behind a trusted reverse proxy.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::Response;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address that a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Client(pub(super) IpAddr);

/// An address, or a network in CIDR notation (RFC 4632): `10.0.0.0/8`, `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange {
    /// The address as one of IPv6; that of an IPv4 address ends with it (RFC 4291 section 2.5.5.2).
    bits: u128,
    /// Number of leading bits that the addresses have in common, 1 to 128.
    length: u32,
}

impl AddressRange {
    /// Returns whether an address is in the range, in whichever of its forms.
    pub(super) fn contains(self, address: IpAddr) -> bool {
        (self.bits ^ bits(address)) >> (128 - self.length) == 0
    }
}

impl FromStr for AddressRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "give an address or a network, such as 127.0.0.1 or 10.0.0.0/8".to_owned();
        let (address, length) =
            text.split_once('/').map_or((text, None), |(address, rest)| (address, Some(rest)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let max_length = if address.is_ipv4() { 32 } else { 128 };
        // A length of 0 would let each client make up its address.
        let length = length.map_or(Some(max_length), |length| length.parse().ok());
        let length = length.filter(|length| (1..=max_length).contains(length)).ok_or_else(wrong)?;
        Ok(Self { bits: bits(address), length: 128 - max_length + length })
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Adds the [`Client`] to each request that came over a socket.
pub(super) async fn identify(
    State(proxies): State<Arc<[AddressRange]>>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        let client = client(peer.ip(), request.headers(), &proxies);
        request.extensions_mut().insert(Client(client));
    }
    next.run(request).await
}

/// Returns the peer's address or, where that is a trusted proxy, the last address of `X-Forwarded-For` that
/// is none: each proxy appends the address that it was asked from, and what is before may be made up.
fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[AddressRange]) -> IpAddr {
    let forwarded = headers.get_all(FORWARDED_FOR).into_iter().filter_map(|value| value.to_str().ok());
    let mut chain: Vec<IpAddr> = Vec::new();
    for text in forwarded.flat_map(|text| text.split(',')) {
        match text.trim().parse() {
            Ok(address) => chain.push(address),
            Err(_) => chain.clear(),
        }
    }
    let is_proxy = |address: IpAddr| proxies.iter().any(|range| range.contains(address));
    let hops = std::iter::once(peer).chain(chain.into_iter().rev());
    let mut last = peer;
    for hop in hops {
        last = hop;
        if !is_proxy(hop) {
            break;
        }
    }
    last
}

/// Returns the address that stands for a client: a home's IPv6 network has 2⁶⁴ addresses.
pub(super) fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_ipv6_network_is_one_client() {
        let [a, b, c] =
            ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"].map(|text| network(text.parse().unwrap()));
        assert!(a == b && a != c);
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), "192.0.2.1".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn ranges_contain_the_addresses_of_their_length() {
        for (range, inside, outside) in [
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("10.0.0.0/8", "::ffff:10.255.0.1", "11.0.0.0"),
            ("10.1.2.3/31", "10.1.2.2", "10.1.2.4"),
            ("128.0.0.0/1", "255.255.255.255", "127.0.0.1"),
            ("::ffff:10.0.0.1", "10.0.0.1", "10.0.0.2"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("8000::/1", "ffff::", "::ffff:255.0.0.1"),
        ] {
            let range: AddressRange = range.parse().unwrap();
            let contains = |address: &str| range.contains(address.parse().unwrap());
            assert!(contains(inside) && !contains(outside), "{range:?}");
        }
        for text in ["", "10.0.0.0/0", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/8/8", "10/8", "proxy"]
        {
            assert!(text.parse::<AddressRange>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_trusted_proxies_tell_of_other_clients() {
        let proxies = ["10.0.0.1".parse().unwrap(), "10.0.0.2/31".parse().unwrap()];
        for (peer, forwarded, expected) in [
            ("192.0.2.7", "198.51.100.1", "192.0.2.7"),
            ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "203.0.113.9, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
            ("10.0.0.1", "198.51.100.1, 10.0.0.3", "198.51.100.1"),
            ("10.0.0.1", "198.51.100.1, 10.0.0.4", "10.0.0.4"),
            ("10.0.0.1", "made up, 198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "198.51.100.1, made up", "10.0.0.1"),
            ("10.0.0.1", "", "10.0.0.1"),
        ] {
            let headers = HeaderMap::from_iter([(FORWARDED_FOR, forwarded.parse().unwrap())]);
            let found = client(peer.parse().unwrap(), &headers, &proxies);
            assert_eq!(found, expected.parse::<IpAddr>().unwrap(), "{peer} for {forwarded}");
        }
    }
}

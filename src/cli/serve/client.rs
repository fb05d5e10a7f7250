//! Tells clients apart by their addresses, also behind a trusted reverse proxy.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::Response;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address that a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Client(pub(super) IpAddr);

/// Adds the [`Client`] to each request that came over a socket.
pub(super) async fn identify(
    State(proxies): State<Arc<[IpAddr]>>,
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
fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpAddr]) -> IpAddr {
    let forwarded = headers.get_all(FORWARDED_FOR).into_iter().filter_map(|value| value.to_str().ok());
    let mut chain: Vec<IpAddr> = Vec::new();
    for text in forwarded.flat_map(|text| text.split(',')) {
        match text.trim().parse() {
            Ok(address) => chain.push(address),
            Err(_) => chain.clear(),
        }
    }
    let is_proxy = |address: &IpAddr| proxies.contains(&address.to_canonical());
    let hops = std::iter::once(peer).chain(chain.into_iter().rev());
    let mut last = peer;
    for hop in hops {
        last = hop;
        if !is_proxy(&hop) {
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
    fn only_trusted_proxies_tell_of_other_clients() {
        let proxies = ["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()];
        for (peer, forwarded, expected) in [
            ("192.0.2.7", "198.51.100.1", "192.0.2.7"),
            ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "203.0.113.9, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
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

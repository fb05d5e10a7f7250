//! Fetches images from listed hosts by their URL, and never from inside the server's own network
//! (server-side request forgery, CWE-918).
//!
//! The addresses are checked by own code: the standard library's check is unstable, and each redirection
//! and each resolved address must pass it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use axum::http::uri::Authority;
use axum::http::{Uri, header};
use ureq::Agent;
use ureq::config::Config;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use super::error::ApiError;
use crate::link::protocol::problem::Kind;

/// Maximum time of a fetch, from resolving the name to the last byte.
const TIMEOUT: Duration = Duration::from_secs(8);
const MAX_REDIRECTS: usize = 3;

/// Parses a host from which images may be fetched: a name or an address, with its port or without.
pub(super) fn host(text: &str) -> Result<String, String> {
    match text.parse::<Authority>() {
        Ok(authority) if !text.contains(['@', '/', '*']) && !authority.host().is_empty() => {
            Ok(text.to_owned())
        }
        _ => Err("not a host: give NAME, NAME:PORT, ADDRESS or ADDRESS:PORT".to_owned()),
    }
}

/// Fetches images from listed hosts.
pub(super) struct Fetcher {
    agent: Agent,
    hosts: Vec<String>,
    max_bytes: u64,
}

impl Fetcher {
    /// Creates a fetcher for `hosts`: names or literal addresses, each with its port unless it is the
    /// scheme's default.
    pub(super) fn new(hosts: &[String], max_bytes: usize) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            // `get` checks each redirection and follows it.
            .max_redirects(0)
            .http_status_as_error(false)
            .proxy(None)
            .user_agent(concat!("masklink/", env!("CARGO_PKG_VERSION")))
            .build();
        let agent = Agent::with_parts(config, DefaultConnector::new(), PublicOnly);
        Self { agent, hosts: hosts.to_vec(), max_bytes: max_bytes as u64 }
    }

    /// Returns the bytes at a URL. Blocks.
    pub(super) fn get(&self, url: &str) -> Result<Vec<u8>, ApiError> {
        let mut uri: Uri = url.parse().map_err(|_| forbidden(url, "is not a valid URL"))?;
        for _ in 0..=MAX_REDIRECTS {
            self.check(&uri)?;
            let mut response = self.agent.get(&uri).call().map_err(|error| self.failure(&uri, error))?;
            let status = response.status();
            if status.is_redirection() {
                let to = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
                uri = to
                    .and_then(|to| redirected(&uri, to))
                    .ok_or_else(|| unavailable(&uri, "redirects to an invalid URL"))?;
                continue;
            }
            if !status.is_success() {
                return Err(unavailable(&uri, &format!("returned {status}")));
            }
            let body = response.body_mut().with_config().limit(self.max_bytes);
            return body.read_to_vec().map_err(|error| self.failure(&uri, error));
        }
        Err(unavailable(&uri, "redirects too often"))
    }

    /// Accepts http and https URLs whose host and port are in the list.
    fn check(&self, uri: &Uri) -> Result<(), ApiError> {
        let default_port = match uri.scheme_str() {
            Some("http") => 80,
            Some("https") => 443,
            _ => return Err(forbidden(&uri.to_string(), "must begin with http:// or https://")),
        };
        let listed = uri.authority().is_some_and(|authority| {
            let (host, port) = (authority.host(), authority.port_u16().unwrap_or(default_port));
            let with_port = format!("{host}:{port}");
            let is = |name: &String| {
                name.eq_ignore_ascii_case(&with_port)
                    || port == default_port && name.eq_ignore_ascii_case(host)
            };
            !authority.as_str().contains('@') && self.hosts.iter().any(is)
        });
        if listed {
            Ok(())
        } else {
            Err(forbidden(&uri.to_string(), "is on a host that this server does not fetch from"))
        }
    }

    fn failure(&self, uri: &Uri, error: ureq::Error) -> ApiError {
        match error {
            ureq::Error::BodyExceedsLimit(_) => ApiError::new(
                Kind::TooLarge,
                format!("The image at {uri} has more than {} bytes, the maximum here.", self.max_bytes),
            ),
            ureq::Error::Io(error)
                if error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<NotPublic>) =>
            {
                forbidden(
                    &uri.to_string(),
                    "is on a host without a public address; start the server with the address itself in \
                     --allow-url-host to allow it",
                )
            }
            error => unavailable(uri, &format!("cannot be fetched: {error}")),
        }
    }
}

fn forbidden(url: &str, reason: &str) -> ApiError {
    ApiError::new(Kind::UrlForbidden, format!("The image URL {url} {reason}."))
}

fn unavailable(uri: &Uri, reason: &str) -> ApiError {
    ApiError::new(Kind::ImageUnavailable, format!("The image URL {uri} {reason}."))
}

/// Resolves a `Location` (RFC 3986 section 5): a URL, a path on the same host, or one beside the URL's own.
fn redirected(from: &Uri, to: &str) -> Option<Uri> {
    if to.starts_with('/') && !to.starts_with("//") {
        return format!("{}://{}{to}", from.scheme_str()?, from.authority()?).parse().ok();
    }
    if to.starts_with("//") {
        return format!("{}:{to}", from.scheme_str()?).parse().ok();
    }
    // A scheme ends with a colon before the first slash.
    if to.split(['/', '?']).next().is_some_and(|first| first.contains(':')) {
        return to.parse().ok().filter(|uri: &Uri| uri.scheme().is_some() && uri.authority().is_some());
    }
    let (folder, _) = from.path().rsplit_once('/')?;
    format!("{}://{}{folder}/{to}", from.scheme_str()?, from.authority()?).parse().ok()
}

/// Resolves names to their public addresses alone: the owner of a listed name may point it anywhere. A
/// literal address in a URL is in the list as such, on purpose.
#[derive(Debug)]
struct PublicOnly;

/// A name without a public address.
#[derive(Debug, thiserror::Error)]
#[error("the host name has no public address")]
struct NotPublic;

impl Resolver for PublicOnly {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        let host = uri.host().unwrap_or_default();
        if host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok() {
            return Ok(found);
        }
        let mut public = self.empty();
        for address in found.iter().filter(|address| is_public(address.ip())) {
            public.push(*address);
        }
        if public.is_empty() { Err(io::Error::other(NotPublic).into()) } else { Ok(public) }
    }
}

/// Returns whether an address is a public one by IANA's special-purpose registries.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.segments() {
            // These carry an IPv4 address: IPv4-mapped, NAT64, 6to4.
            [0, 0, 0, 0, 0, 0xffff, high, low]
            | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
            | [0x2002, high, low, ..] => {
                let bits = u32::from(high) << 16 | u32::from(low);
                is_public_v4(Ipv4Addr::from_bits(bits))
            }
            // Protocol assignments, with Teredo among them, and documentation.
            [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => false,
            [0x3fff, second, ..] if second < 0x1000 => false,
            // All of today's global unicast.
            _ => is_within(address, Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || matches!(
            (a, b, c),
            (0 | 240.., ..) | (100, 64..128, _) | (192, 0, 0) | (192, 88, 99) | (198, 18..20, _)
        );
    !special
}

fn is_within(address: Ipv6Addr, network: Ipv6Addr, prefix: u32) -> bool {
    (address.to_bits() ^ network.to_bits()) >> (128 - prefix) == 0
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// Starts a server that sends each connection the next of these responses, and returns its port.
    fn serving(responses: Vec<String>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for response in responses {
                let (mut stream, _) = listener.accept().unwrap();
                let _: usize = stream.read(&mut [0; 4096]).unwrap();
                stream.write_all(response.as_bytes()).unwrap();
            }
        });
        port
    }

    fn ok(body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
    }

    fn redirect(to: &str) -> String {
        format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    }

    fn kind(fetched: Result<Vec<u8>, ApiError>) -> Kind {
        fetched.unwrap_err().kind()
    }

    #[test]
    fn a_listed_url_is_fetched_and_its_redirections_are_checked() {
        let port = serving(vec![
            ok("bytes"),
            redirect("/b"),
            ok("moved"),
            redirect("http://127.0.0.2/"),
            ok("too many bytes"),
        ]);
        let listed = format!("127.0.0.1:{port}");
        let fetcher = Fetcher::new(std::slice::from_ref(&listed), 8);
        let get = || fetcher.get(&format!("http://{listed}/a"));
        assert_eq!(get().unwrap(), b"bytes");
        assert_eq!(get().unwrap(), b"moved");
        assert_eq!(kind(get()), Kind::UrlForbidden);
        assert_eq!(kind(get()), Kind::TooLarge);
    }

    #[test]
    fn endless_redirections_and_error_statuses_fail() {
        let endless = serving(vec![redirect("/"); 4]);
        let missing = serving(vec!["HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned()]);
        for port in [endless, missing] {
            let listed = format!("127.0.0.1:{port}");
            let fetcher = Fetcher::new(std::slice::from_ref(&listed), 8);
            assert_eq!(kind(fetcher.get(&format!("http://{listed}/"))), Kind::ImageUnavailable);
        }
    }

    #[test]
    fn a_listed_name_of_a_private_address_is_refused() {
        let port = serving(vec![ok("secret")]);
        let fetcher = Fetcher::new(&[format!("localhost:{port}")], 100);
        assert_eq!(kind(fetcher.get(&format!("http://localhost:{port}/"))), Kind::UrlForbidden);
    }

    #[test]
    fn only_listed_hosts_and_ports_pass() {
        let hosts = ["images.example", "10.0.0.5", "[::1]:8080"].map(str::to_owned);
        let fetcher = Fetcher::new(&hosts, 8);
        let passes = |address: &str| address.parse::<Uri>().is_ok_and(|uri| fetcher.check(&uri).is_ok());
        for address in [
            "https://images.example/a.jpg",
            "http://IMAGES.example:80/",
            "http://10.0.0.5/",
            "http://[::1]:8080/x",
        ] {
            assert!(passes(address), "{address}");
        }
        for address in [
            "https://other.example/",
            "https://images.example.evil.example/",
            "https://images.example:8443/",
            "https://images.example@evil.example/",
            "https://user@images.example/",
            "http://[::1]/",
            "http://167772165/",
            "ftp://images.example/",
            "file:///etc/passwd",
            "/etc/passwd",
            "images.example",
            "",
        ] {
            assert!(!passes(address), "{address}");
        }
    }

    #[test]
    fn special_purpose_addresses_are_not_public() {
        for address in [
            "1.1.1.1",
            "93.184.216.34",
            "100.128.0.1",
            "198.20.0.1",
            "2606:4700::1",
            "2001:4860::8888",
            "64:ff9b::101:101",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn hosts_are_names_or_addresses_with_a_port_or_without() {
        for text in ["a.example", "a.example:8443", "127.0.0.1:80", "[::1]:80", "localhost"] {
            assert_eq!(host(text).as_deref(), Ok(text));
        }
        for text in ["", "http://a.example/", "a.example/x", "me@a.example", "*.example", "a b"] {
            assert!(host(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_location_is_a_url_or_a_path() {
        let from: Uri = "https://a.example:8443/x/y.jpg".parse().unwrap();
        let cases = [
            ("/z.jpg", Some("https://a.example:8443/z.jpg")),
            ("//b.example/z.jpg", Some("https://b.example/z.jpg")),
            ("http://b.example/z.jpg", Some("http://b.example/z.jpg")),
            // Not the name of a host.
            ("z.jpg", Some("https://a.example:8443/x/z.jpg")),
            ("z/:q.jpg?to=a:b", Some("https://a.example:8443/x/z/:q.jpg?to=a:b")),
            ("", Some("https://a.example:8443/x/")),
            ("file:z.jpg", None),
        ];
        for (to, expected) in cases {
            assert_eq!(redirected(&from, to).map(|uri| uri.to_string()).as_deref(), expected, "{to}");
        }
    }
}

//! Images named by their address: fetched from listed hosts alone, and never from inside the
//! server's own network (server-side request forgery, CWE-918).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use axum::http::{Uri, header};
use ureq::Agent;
use ureq::config::Config;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use super::error::Failure;
use crate::link::protocol::problem::Kind;

/// How long one answer may take, from the look-up of the name to the last byte.
const PATIENCE: Duration = Duration::from_secs(8);
const MAX_REDIRECTS: usize = 3;

/// Fetches images from listed hosts.
pub(super) struct Fetcher {
    agent: Agent,
    hosts: Vec<String>,
    max_bytes: u64,
}

impl Fetcher {
    /// `hosts` are names or literal addresses, each with a port where it is not that of its scheme.
    pub(super) fn new(hosts: &[String], max_bytes: usize) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            // Each redirection is checked here first.
            .max_redirects(0)
            .http_status_as_error(false)
            .proxy(None)
            .user_agent(concat!("masklink/", env!("CARGO_PKG_VERSION")))
            .build();
        let agent = Agent::with_parts(config, DefaultConnector::new(), PublicOnly);
        Self { agent, hosts: hosts.to_vec(), max_bytes: max_bytes as u64 }
    }

    /// The bytes at an address. Blocks.
    pub(super) fn get(&self, address: &str) -> Result<Vec<u8>, Failure> {
        let mut uri: Uri = address.parse().map_err(|_| forbidden(address, "is not an address"))?;
        for _ in 0..=MAX_REDIRECTS {
            self.check(&uri)?;
            let mut response = self.agent.get(&uri).call().map_err(|error| self.failure(&uri, error))?;
            let status = response.status();
            if status.is_redirection() {
                let to = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
                uri = to
                    .and_then(|to| redirected(&uri, to))
                    .ok_or_else(|| unavailable(&uri, "redirects nowhere"))?;
                continue;
            }
            if !status.is_success() {
                return Err(unavailable(&uri, &format!("answers {status}")));
            }
            let body = response.body_mut().with_config().limit(self.max_bytes);
            return body.read_to_vec().map_err(|error| self.failure(&uri, error));
        }
        Err(unavailable(&uri, "redirects too often"))
    }

    /// Lets pass what is on the list, by http or https.
    fn check(&self, uri: &Uri) -> Result<(), Failure> {
        let default_port = match uri.scheme_str() {
            Some("http") => 80,
            Some("https") => 443,
            _ => return Err(forbidden(&uri.to_string(), "begins with neither http:// nor https://")),
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
            Err(forbidden(&uri.to_string(), "is on no host this server fetches from"))
        }
    }

    fn failure(&self, uri: &Uri, error: ureq::Error) -> Failure {
        match error {
            ureq::Error::BodyExceedsLimit(_) => Failure::new(
                Kind::TooLarge,
                format!("the image at {uri} has more than {} bytes", self.max_bytes),
            ),
            ureq::Error::Io(error)
                if error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<NotPublic>) =>
            {
                forbidden(
                    &uri.to_string(),
                    "is on a host with no public address; list the address itself to allow it",
                )
            }
            error => unavailable(uri, &format!("cannot be had: {error}")),
        }
    }
}

fn forbidden(address: &str, why: &str) -> Failure {
    Failure::new(Kind::UrlForbidden, format!("{address} {why}"))
}

fn unavailable(uri: &Uri, why: &str) -> Failure {
    Failure::new(Kind::ImageUnavailable, format!("{uri} {why}"))
}

/// Where a `Location` leads: an address, or a path on the same host.
fn redirected(from: &Uri, to: &str) -> Option<Uri> {
    if to.starts_with('/') && !to.starts_with("//") {
        return format!("{}://{}{to}", from.scheme_str()?, from.authority()?).parse().ok();
    }
    if to.starts_with("//") {
        return format!("{}:{to}", from.scheme_str()?).parse().ok();
    }
    // What has no scheme would be read as the name of a host.
    to.parse().ok().filter(|uri: &Uri| uri.scheme().is_some() && uri.authority().is_some())
}

/// Finds the addresses of names, and of these only public ones: whoever owns a listed name may let
/// it point anywhere. An address that stands literally in the request stands so in the list, where
/// it was put on purpose.
#[derive(Debug)]
struct PublicOnly;

/// A name has no public address.
#[derive(Debug, thiserror::Error)]
#[error("no public address")]
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

/// Whether an address is one of the open internet's, by IANA's special-purpose registries.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.segments() {
            // What carries an IPv4 address: IPv4-mapped, NAT64, 6to4.
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

    /// A server on a loopback address that answers each connection with the next of these; its port.
    fn serving(answers: Vec<String>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let _: usize = stream.read(&mut [0; 4096]).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
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

    fn kind(answer: Result<Vec<u8>, Failure>) -> Kind {
        answer.unwrap_err().kind()
    }

    #[test]
    fn a_listed_address_is_fetched_and_its_redirections_are_checked() {
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
    fn a_circle_and_an_error_end() {
        let circle = serving(vec![redirect("/"); 4]);
        let missing = serving(vec!["HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned()]);
        for port in [circle, missing] {
            let listed = format!("127.0.0.1:{port}");
            let fetcher = Fetcher::new(std::slice::from_ref(&listed), 8);
            assert_eq!(kind(fetcher.get(&format!("http://{listed}/"))), Kind::ImageUnavailable);
        }
    }

    #[test]
    fn a_listed_name_that_points_inside_is_refused() {
        let port = serving(vec![ok("secret")]);
        let fetcher = Fetcher::new(&[format!("localhost:{port}")], 100);
        assert_eq!(kind(fetcher.get(&format!("http://localhost:{port}/"))), Kind::UrlForbidden);
    }

    #[test]
    fn only_the_list_passes() {
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
    fn addresses() {
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
    fn a_location_leads_to_an_address_or_a_path() {
        let from: Uri = "https://a.example:8443/x/y.jpg".parse().unwrap();
        let cases = [
            ("/z.jpg", Some("https://a.example:8443/z.jpg")),
            ("//b.example/z.jpg", Some("https://b.example/z.jpg")),
            ("http://b.example/z.jpg", Some("http://b.example/z.jpg")),
            // Not the name of a host.
            ("z.jpg", None),
            ("", None),
        ];
        for (to, expected) in cases {
            assert_eq!(redirected(&from, to).map(|uri| uri.to_string()).as_deref(), expected, "{to}");
        }
    }
}

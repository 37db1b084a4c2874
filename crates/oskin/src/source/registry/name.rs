//! Names of hosts: which one is asked for a registry, and which are this machine.

use std::net::IpAddr;

/// The registry of names without one. Put together, for no file names a registry.
pub(super) const DEFAULT_HOST: &str = concat!("docker", ".io");

/// What the default registry is called in files that Docker writes.
pub(super) fn default_server() -> String {
    format!("https://index.{DEFAULT_HOST}/v1/")
}

/// The host that answers for a registry.
pub(super) fn api_host(host: &str) -> String {
    match host {
        DEFAULT_HOST => format!("registry-1.{DEFAULT_HOST}"),
        host => host.to_owned(),
    }
}

/// Whether a host is this machine, so that nobody between can read or change what it says.
pub(super) fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    let address: Option<IpAddr> = name.parse().ok();
    name == "localhost" || address.is_some_and(|address| address.is_loopback())
}

/// The origin of a URL: scheme, host and port, as far as credentials go.
pub(super) fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let authority = rest.split(['/', '?', '#']).next().filter(|text| !text.is_empty())?;
    // A user in a URL would be one that the server chose.
    if authority.contains('@') {
        return None;
    }
    let authority = authority.to_ascii_lowercase();
    let port = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    Some(format!("{scheme}://{}", authority.strip_suffix(port).unwrap_or(&authority)))
}

/// Where a redirect from `base` leads.
pub(super) fn resolve(base: &str, location: &str) -> Option<String> {
    let location = location.split('#').next().unwrap_or_default();
    if location.contains("://") && origin(location).is_some() {
        return Some(location.to_owned());
    }
    let (scheme, _) = base.split_once("://")?;
    if location.starts_with("//") {
        let url = format!("{scheme}:{location}");
        return origin(&url).is_some().then_some(url);
    }
    let behind = base.find("://")? + 3;
    let path = base[behind..].find(['/', '?']).map_or(base.len(), |at| behind + at);
    if location.starts_with('/') {
        return Some(format!("{}{location}", &base[..path]));
    }
    let known_scheme = location.split(['/', '?']).next().is_some_and(|first| first.contains(':'));
    if location.is_empty() || known_scheme {
        return None;
    }
    let whole = base.split('?').next().unwrap_or_default();
    let last = whole[path.min(whole.len())..].rfind('/').map_or(whole.len(), |at| path + at);
    Some(format!("{}/{location}", &whole[..last]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known() {
        for host in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.1.2.3", "[::1]:5000"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.example", "10.0.0.1:5000", "[fe80::1]", "127.0.0.1.example"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn origins_tell_scheme_host_and_port() {
        assert_eq!(origin("HTTPS://Reg.example:443/v2/"), origin("https://reg.example"));
        assert_ne!(origin("https://reg.example:444"), origin("https://reg.example"));
        assert_ne!(origin("http://reg.example"), origin("https://reg.example"));
        for url in ["https://user@reg.example/", "ftp://reg.example", "https:///x", "reg.example"] {
            assert_eq!(origin(url), None, "{url}");
        }
    }

    #[test]
    fn redirects_are_resolved() {
        let base = "https://reg.example:5000/v2/a/blobs/x?y=/z";
        for (location, expected) in [
            ("https://cdn.example/b?c#d", Some("https://cdn.example/b?c")),
            ("//cdn.example/b", Some("https://cdn.example/b")),
            ("/b", Some("https://reg.example:5000/b")),
            ("b?c=http://x", Some("https://reg.example:5000/v2/a/blobs/b?c=http://x")),
            ("file:///etc/passwd", None),
            ("mailto:x", None),
            ("https://user:password@cdn.example/", None),
            ("//", None),
            ("", None),
        ] {
            assert_eq!(resolve(base, location).as_deref(), expected, "{location}");
        }
        assert_eq!(resolve("https://reg.example", "b").as_deref(), Some("https://reg.example/b"));
    }
}

//! How registries are reached: credentials, certificates, proxies, patience. The caller looks for
//! files and variables; nothing is looked for here.

use super::client::Client;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How registries are reached.
///
/// The default is anonymous, over verified TLS with the roots of the system.
#[derive(Clone, PartialEq, Eq)]
pub struct RegistryOptions {
    /// Files of credentials, as `docker login` and `podman login` write them; the first that has
    /// some for the registry decides. Those that do not exist are passed over.
    pub auth_files: Vec<PathBuf>,
    /// User and password; they come before all files.
    pub credentials: Option<(String, String)>,
    /// Whether the certificate of a registry must be trusted. If not, plain HTTP will do too where
    /// a registry does not speak TLS.
    pub tls_verify: bool,
    /// Whether registries on this machine may speak plain HTTP all the same.
    pub plain_on_loopback: bool,
    /// Directories of certificates for whatever registry is asked: `*.crt` are trusted, `*.cert`
    /// with the `*.key` beside it says who asks.
    pub cert_dirs: Vec<PathBuf>,
    /// Directories that hold such a directory for each `HOST[:PORT]`.
    pub host_cert_dirs: Vec<PathBuf>,
    /// The URL of a proxy. Loopback hosts are reached without it.
    pub proxy: Option<String>,
    /// Hosts that are reached without it: names, domains that begin with a dot, or `*`.
    pub no_proxy: Vec<String>,
    /// How often a failure that may pass is tried again.
    pub retries: u32,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// Connections and logins, kept as long as a clone of this value lives.
    pub connections: Connections,
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self {
            auth_files: Vec::new(),
            credentials: None,
            tls_verify: true,
            plain_on_loopback: true,
            cert_dirs: Vec::new(),
            host_cert_dirs: Vec::new(),
            proxy: None,
            no_proxy: Vec::new(),
            retries: 4,
            timeouts: Timeouts::default(),
            connections: Connections::default(),
        }
    }
}

/// Passwords are left out, of which the URL of a proxy may hold one.
impl fmt::Debug for RegistryOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryOptions")
            .field("auth_files", &self.auth_files)
            .field("user", &self.credentials.as_ref().map(|(user, _)| user))
            .field("tls_verify", &self.tls_verify)
            .field("plain_on_loopback", &self.plain_on_loopback)
            .field("cert_dirs", &self.cert_dirs)
            .field("host_cert_dirs", &self.host_cert_dirs)
            .field("retries", &self.retries)
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}

/// How long things may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Finding the address, and connecting with the handshake of TLS: 30 s each.
    pub connect: Duration,
    /// From the request to the end of the headers of the answer: 60 s.
    pub answer: Duration,
    /// Between two bytes of a body: 30 s.
    pub idle: Duration,
    /// The time over which the pace of a body is measured: 30 s of waiting for bytes.
    pub pace_window: Duration,
    /// The least pace of a body in bytes a second over that time: 1 KiB.
    pub pace_bytes: u64,
    /// The wait before the first retry, which doubles with each: 0.5 s.
    pub first_wait: Duration,
    /// The longest wait before one retry, also where a registry asks for one: 60 s.
    pub longest_wait: Duration,
    /// The longest time that all waits of one request or blob may take: 180 s.
    pub all_waits: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            answer: Duration::from_secs(60),
            idle: Duration::from_secs(30),
            pace_window: Duration::from_secs(30),
            pace_bytes: 1024,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(60),
            all_waits: Duration::from_secs(180),
        }
    }
}

/// Connections to registries that were made already, so that many images share them.
#[derive(Clone, Default)]
pub struct Connections(Arc<Mutex<Vec<(RegistryOptions, Arc<Client>)>>>);

/// The most registries that are kept connected.
const MAX_CLIENTS: usize = 32;

impl Connections {
    /// The client that was made for this registry with these options, or a new one.
    pub(super) fn client<E>(
        &self,
        host: &str,
        options: &RegistryOptions,
        make: impl FnOnce(RegistryOptions) -> Result<Client, E>,
    ) -> Result<Arc<Client>, E> {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known =
            clients.iter().find(|(made_for, client)| client.host() == host && made_for == options);
        if let Some((_, client)) = known {
            return Ok(Arc::clone(client));
        }
        // A client must not hold what holds it.
        let options = RegistryOptions { connections: Self::default(), ..options.clone() };
        let client = Arc::new(make(options.clone())?);
        if clients.len() >= MAX_CLIENTS {
            clients.remove(0);
        }
        clients.push((options, Arc::clone(&client)));
        Ok(client)
    }
}

/// Connections do not change what is asked for.
impl PartialEq for Connections {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Connections {}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connections")
    }
}

//! TLS: whom to trust, what to show of oneself, and connections of the HTTP library over that.

use super::options::RegistryOptions;
use crate::source::SourceError;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
    StreamOwned,
};
use std::fmt;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
    TransportAdapter,
};

/// The largest file of certificates that is read.
const MAX_PEM_BYTES: u64 = 16 * 1024 * 1024;

/// What the directories of certificates hold.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    trusted: Vec<CertificateDer<'static>>,
    own: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

impl Certificates {
    /// Reads the directories that are for a host: those given for any, which must exist, and those
    /// of its name.
    pub(super) fn read(host: &str, options: &RegistryOptions) -> Result<Self, SourceError> {
        let mut found = Self::default();
        for dir in &options.cert_dirs {
            found.read_dir(dir)?;
        }
        for dir in options.host_cert_dirs.iter().map(|dirs| dirs.join(host)) {
            if dir.is_dir() {
                found.read_dir(&dir)?;
            }
        }
        Ok(found)
    }

    pub(super) fn is_shown(&self) -> bool {
        self.own.is_some()
    }

    fn read_dir(&mut self, dir: &Path) -> Result<(), SourceError> {
        let io = |error| SourceError::io(dir.display().to_string(), error);
        let entries = fs::read_dir(dir).map_err(io)?;
        let mut files: Vec<PathBuf> = Vec::new();
        for entry in entries {
            files.push(entry.map_err(io)?.path());
        }
        files.sort();
        for file in files {
            match file.extension().and_then(|ending| ending.to_str()) {
                Some("crt") => self.trusted.extend(certificates(&file)?),
                Some("cert") => {
                    let key = file.with_extension("key");
                    let pem = pem(&key)?;
                    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| {
                        SourceError::damaged(key.display().to_string(), no_pem(&error))
                    })?;
                    self.own = Some((certificates(&file)?, key));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn pem(file: &Path) -> Result<Vec<u8>, SourceError> {
    let mut pem = Vec::new();
    let read = fs::File::open(file).and_then(|open| open.take(MAX_PEM_BYTES).read_to_end(&mut pem));
    read.map_err(|error| SourceError::io(file.display().to_string(), error))?;
    Ok(pem)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, SourceError> {
    let pem = pem(file)?;
    let read = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let read = read.map_err(|error| no_pem(&error));
    let read = read.and_then(|list| match list.is_empty() {
        true => Err("holds no certificate in PEM".to_owned()),
        false => Ok(list),
    });
    read.map_err(|what| SourceError::damaged(file.display().to_string(), what))
}

fn no_pem(error: &rustls::pki_types::pem::Error) -> String {
    format!("is no PEM: {error}")
}

/// What a handshake needs. `shows` is whether one's own certificate is offered.
pub(super) fn config(
    certificates: &Certificates,
    verify: bool,
    shows: bool,
) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new(&provider, &certificates.trusted, verify)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    match &certificates.own {
        Some((chain, key)) if shows => builder
            .with_client_auth_cert(chain.clone(), key.clone_key())
            .map_err(|error| format!("the certificate to show cannot be used: {error}")),
        _ => Ok(builder.with_no_client_auth()),
    }
}

/// Trusts who the roots of the system or the directories of certificates vouch for.
///
/// A certificate that lies in such a directory is trusted itself, for the names that it states:
/// servers with a self-signed one are common, and it often calls itself an authority, which
/// webpki takes for no server.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    pinned: Vec<CertificateDer<'static>>,
    // Nothing where nobody is verified.
    roots: Option<Arc<WebPkiServerVerifier>>,
}

impl Verifier {
    fn new(
        provider: &Arc<CryptoProvider>,
        trusted: &[CertificateDer<'static>],
        verify: bool,
    ) -> Result<Self, String> {
        let pinned = trusted.to_vec();
        let provider = Arc::clone(provider);
        if !verify {
            return Ok(Self { provider, pinned, roots: None });
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots.add_parsable_certificates(trusted.iter().cloned());
        if roots.is_empty() {
            return Err("no certificate authority is known on this system".to_owned());
        }
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .map_err(|error| error.to_string())?;
        Ok(Self { provider, pinned, roots: Some(verifier) })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(roots) = &self.roots else { return Ok(ServerCertVerified::assertion()) };
        if self.pinned.iter().any(|pinned| pinned == end_entity) {
            verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            return Ok(ServerCertVerified::assertion());
        }
        roots.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Puts TLS over connections that need it: the one of the HTTP library cannot be told how to verify.
#[derive(Debug)]
pub(super) struct TlsConnector(pub(super) Arc<ClientConfig>);

impl<In: Transport> Connector<In> for TlsConnector {
    type Out = Either<In, TlsTransport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let Some(transport) = chained else { return Ok(None) };
        // What is TLS already leads to a proxy; within it there must be TLS to the registry too.
        if !details.needs_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let host = details.uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host).map_err(|_| ureq::Error::HostNotFound)?;
        let connection = ClientConnection::new(Arc::clone(&self.0), name)?;
        let clock = Arc::clone(&details.current_time);
        let mut stream =
            StreamOwned::new(connection, TransportAdapter::new(transport.boxed(), clock));
        stream.sock.set_timeout(details.timeout);
        stream.conn.complete_io(&mut stream.sock).map_err(unwrap_tls)?;
        let (input, output) =
            (details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(TlsTransport { buffers: LazyBuffers::new(input, output), stream })))
    }
}

/// What is wrong with TLS comes within an I/O error.
fn unwrap_tls(error: io::Error) -> ureq::Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(inner) => ureq::Error::Rustls(inner.clone()),
        None => error.into(),
    }
}

/// A connection with TLS.
pub(super) struct TlsTransport {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsTransport").finish_non_exhaustive()
    }
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        let output = &self.buffers.output()[..amount];
        self.stream.write_all(output).map_err(unwrap_tls)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        let amount = self.stream.read(self.buffers.input_append_buf()).map_err(unwrap_tls)?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

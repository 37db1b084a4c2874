//! What is typed to reach registries, and where container tools keep the rest.

use clap::Args;
use etcetera::BaseStrategy;
use oskin::source::RegistryOptions;
use std::path::PathBuf;

/// How registries are reached.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Registries")]
pub(crate) struct Registry {
    /// A file of credentials [default: those of podman and Docker]
    #[arg(
        long,
        env = "REGISTRY_AUTH_FILE",
        value_name = "PATH",
        value_parser = existing,
        hide_env_values = true
    )]
    authfile: Option<PathBuf>,

    /// User and password; others on this machine may see them, unless they come by `OSKIN_CREDS`
    #[arg(
        long,
        env = "OSKIN_CREDS",
        value_name = "USER[:PASSWORD]",
        value_parser = credentials,
        hide_env_values = true
    )]
    creds: Option<Credentials>,

    /// Whether certificates must be trusted; if not, plain HTTP will do too [default: true, but
    /// registries on this machine may speak plain HTTP unless true is given]
    #[arg(
        long,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_name = "BOOL"
    )]
    tls_verify: Option<bool>,

    /// A directory of certificates: *.crt to trust, *.cert with *.key to show
    #[arg(long, value_name = "DIR", value_parser = directory)]
    cert_dir: Option<PathBuf>,
}

/// User and password, never printed.
#[derive(Clone)]
struct Credentials(String, String);

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Credentials").field(&self.0).finish_non_exhaustive()
    }
}

fn credentials(text: &str) -> Result<Credentials, String> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    match user {
        "" => Err("the user is missing: write USER:PASSWORD".to_owned()),
        user => Ok(Credentials(user.to_owned(), password.to_owned())),
    }
}

/// A file that was named must be there; those that are looked for need not.
fn existing(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_file() { Ok(path) } else { Err("there is no such file".to_owned()) }
}

fn directory(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_dir() { Ok(path) } else { Err("there is no such directory".to_owned()) }
}

impl Registry {
    /// With what the files and variables of container tools say.
    pub(crate) fn options(&self) -> RegistryOptions {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let either = |name: &str| variable(name).or_else(|| variable(&name.to_lowercase()));
        let no_proxy = either("NO_PROXY").unwrap_or_default();
        let hosts = no_proxy.split(',').map(str::trim).filter(|host| !host.is_empty());
        RegistryOptions {
            auth_files: match &self.authfile {
                Some(file) => vec![file.clone()],
                None => auth_files(),
            },
            credentials: self.creds.clone().map(|Credentials(user, password)| (user, password)),
            tls_verify: self.tls_verify.unwrap_or(true),
            plain_on_loopback: self.tls_verify != Some(true),
            cert_dirs: self.cert_dir.iter().cloned().collect(),
            host_cert_dirs: cert_dirs(),
            proxy: either("HTTPS_PROXY").or_else(|| either("ALL_PROXY")),
            no_proxy: hosts.map(str::to_owned).collect(),
            ..RegistryOptions::default()
        }
    }
}

/// Where container tools look for credentials, in their order.
fn auth_files() -> Vec<PathBuf> {
    let base = etcetera::base_strategy::Xdg::new().ok();
    let containers = |dir: PathBuf| dir.join("containers").join("auth.json");
    let runtime = base.as_ref().and_then(BaseStrategy::runtime_dir);
    let config = base.as_ref().map(BaseStrategy::config_dir);
    let docker = std::env::var_os("DOCKER_CONFIG").filter(|dir| !dir.is_empty());
    let docker = docker
        .map(PathBuf::from)
        .or_else(|| base.as_ref().map(|base| base.home_dir().join(".docker")));
    let files = [runtime.map(containers), config.map(containers)];
    files.into_iter().flatten().chain(docker.map(|dir| dir.join("config.json"))).collect()
}

/// Where container tools look for a directory of certificates by the name of the registry.
fn cert_dirs() -> Vec<PathBuf> {
    let own = etcetera::base_strategy::Xdg::new()
        .ok()
        .map(|base| base.config_dir().join("containers").join("certs.d"));
    let shared = ["/etc/containers/certs.d", "/etc/docker/certs.d"].map(PathBuf::from);
    own.into_iter().chain(shared).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_may_hold_colons_and_are_not_printed() {
        let told = |text| credentials(text).map(|Credentials(user, password)| (user, password));
        assert_eq!(told("me:a:b"), Ok(("me".to_owned(), "a:b".to_owned())));
        assert_eq!(told("me"), Ok(("me".to_owned(), String::new())));
        assert!(told(":x").is_err() && told("").is_err());
        assert!(!format!("{:?}", credentials("me:secret")).contains("secret"));
    }
}

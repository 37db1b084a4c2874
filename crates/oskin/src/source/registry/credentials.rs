//! Who asks: credentials from the files and helpers of container tools.

use super::options::RegistryOptions;
use crate::source::SourceError;
use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// The largest file of credentials that is read.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// What is shown to a registry.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credential {
    /// For `Basic`, at the registry or where it sends for a token.
    Password { user: String, password: String },
    /// For a token alone, by `OAuth2`.
    Identity(String),
}

/// The credential for a repository, and where it is from.
///
/// Files are looked through in their order. In one file a helper for the host comes first, then the
/// longest name that begins the repository's, as containers-auth.json(5) has it, then the store.
pub(super) fn find(
    host: &str,
    path: &str,
    options: &RegistryOptions,
) -> Result<Option<(Credential, String)>, SourceError> {
    if let Some((user, password)) = &options.credentials {
        let (user, password) = (user.clone(), password.clone());
        return Ok(Some((Credential::Password { user, password }, "--creds".to_owned())));
    }
    for file in &options.auth_files {
        if let Some(found) = of_file(file, host, path)? {
            return Ok(Some((found, file.display().to_string())));
        }
    }
    Ok(None)
}

fn of_file(file: &Path, host: &str, path: &str) -> Result<Option<Credential>, SourceError> {
    let place = file.display().to_string();
    let mut json = Vec::new();
    let read = File::open(file).and_then(|open| open.take(MAX_FILE_BYTES).read_to_end(&mut json));
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|error| SourceError::io(&place, error))?,
    };
    // An empty file is what `touch` and some log-outs leave.
    if json.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let object: Map<String, Value> = serde_json::from_slice(&json).map_err(|error| {
        SourceError::damaged(&place, format!("no file of credentials: {error}"))
    })?;
    for server in servers(&object, host, path) {
        match get_credential_from_reader(&json[..], &server) {
            Ok(DockerCredential::UsernamePassword(user, password)) => {
                return Ok(Some(Credential::Password { user, password }));
            }
            Ok(DockerCredential::IdentityToken(token)) => {
                return Ok(Some(Credential::Identity(token)));
            }
            Err(error) if is_absent(&error) => {}
            Err(error) => {
                return Err(SourceError::Unrecognized {
                    place: format!("{place}: {server}"),
                    what: told(&error),
                    hint: Some("log in anew, or name another file with --authfile".to_owned()),
                });
            }
        }
    }
    Ok(None)
}

/// The names to look for in a file, each of which has an entry or may have one in a store.
fn servers(object: &Map<String, Value>, host: &str, path: &str) -> Vec<String> {
    let has = |list: &str, key: &str| object.get(list).is_some_and(|list| list.get(key).is_some());
    let mut names = Vec::new();
    names.extend(has("credHelpers", host).then(|| host.to_owned()));
    let mut prefix = format!("{host}/{path}");
    while prefix.len() > host.len() {
        if has("auths", &prefix) {
            names.push(prefix.clone());
        }
        let end = prefix.rfind('/').unwrap_or_default();
        prefix.truncate(end);
    }
    names.push(host.to_owned());
    if host == super::name::DEFAULT_HOST {
        names.push(super::name::default_server());
    }
    names
}

fn is_absent(error: &CredentialRetrievalError) -> bool {
    match error {
        CredentialRetrievalError::NoCredentialConfigured => true,
        // What the helpers of Docker print where there is nothing.
        CredentialRetrievalError::HelperFailure { stdout, stderr, .. } => {
            [stdout, stderr].iter().any(|text| text.contains("credentials not found"))
        }
        _ => false,
    }
}

fn told(error: &CredentialRetrievalError) -> String {
    let helper = match error {
        CredentialRetrievalError::HelperFailure { helper, stdout, stderr } => {
            let said = if stderr.trim().is_empty() { stdout } else { stderr };
            let said: String = said.trim().chars().take(200).collect();
            return format!("{helper} failed: {said}");
        }
        CredentialRetrievalError::HelperCommunicationError => "the helper could not be started",
        CredentialRetrievalError::MalformedHelperResponse => "the helper answered something else",
        CredentialRetrievalError::CredentialDecodingError => "the entry is no user and password",
        CredentialRetrievalError::CredentialMismatchError => {
            "`auth` says something else than `username` and `password`"
        }
        _ => "the credentials cannot be read",
    };
    helper.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    // `printf user:a | base64`, and so on to `f`.
    const AUTH: &str = r#"{"auths":{
        "reg.example":{"auth":"dXNlcjph"},
        "reg.example/team":{"auth":"dXNlcjpi"},
        "reg.example/team/app":{"auth":"dXNlcjpj"},
        "other.example:5000":{"identitytoken":"t0k"},
        "empty.example":{},
        "https://old.example/v1/":{"auth":"dXNlcjpk"},
        "bad.example":{"auth":"!"}}}"#;

    fn password(host: &str, path: &str, options: &RegistryOptions) -> Option<String> {
        match find(host, path, options).unwrap()?.0 {
            Credential::Password { password, .. } => Some(password),
            Credential::Identity(token) => Some(format!("identity {token}")),
        }
    }

    #[test]
    fn the_longest_name_decides() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("auth.json");
        std::fs::write(&file, AUTH).unwrap();
        let absent = dir.path().join("absent.json");
        let empty = dir.path().join("empty.json");
        std::fs::write(&empty, "\n").unwrap();
        let mut options =
            RegistryOptions { auth_files: vec![absent, empty, file], ..RegistryOptions::default() };
        for (host, path, expected) in [
            ("reg.example", "x", Some("a")),
            ("reg.example", "team/other", Some("b")),
            ("reg.example", "team/app", Some("c")),
            ("reg.example", "team/app/deep", Some("c")),
            ("reg.example", "teams/app", Some("a")),
            ("other.example:5000", "x", Some("identity t0k")),
            ("other.example", "x", None),
            ("empty.example", "x", None),
            ("old.example", "x", Some("d")),
        ] {
            assert_eq!(password(host, path, &options).as_deref(), expected, "{host}/{path}");
        }
        let error = find("bad.example", "x", &options).err().unwrap();
        assert!(
            error.to_string().ends_with("bad.example: the entry is no user and password"),
            "{error}"
        );
        options.credentials = Some(("me".to_owned(), "mine".to_owned()));
        assert_eq!(password("bad.example", "x", &options).as_deref(), Some("mine"));
    }

    #[test]
    fn the_default_registry_has_its_old_name_too() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.json");
        let auth = format!(
            r#"{{"auths":{{"{}":{{"auth":"dXNlcjph"}}}}}}"#,
            super::super::name::default_server()
        );
        std::fs::write(&file, auth).unwrap();
        let options = RegistryOptions { auth_files: vec![file], ..RegistryOptions::default() };
        let host = super::super::name::DEFAULT_HOST;
        assert_eq!(password(host, "library/alpine", &options).as_deref(), Some("a"));
    }

    #[test]
    fn what_is_no_file_of_credentials_is_told() {
        let dir = tempfile::tempdir().unwrap();
        for text in ["[]", "{", r#"{"auths":[]}"#] {
            let file = dir.path().join("auth.json");
            std::fs::write(&file, text).unwrap();
            let options = RegistryOptions { auth_files: vec![file], ..RegistryOptions::default() };
            let error = find("reg.example", "x", &options).err().unwrap();
            assert!(error.to_string().contains("auth.json"), "{text}: {error}");
        }
    }
}

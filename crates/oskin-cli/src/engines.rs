//! Where this user's container engines and their stores are: what the environment and the files of
//! the engines say.

use etcetera::BaseStrategy as _;
use oskin::source::EngineOptions;
use serde::Deserialize;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The part of storage.conf (containers-storage.conf(5)) that tells where a store is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StorageConf {
    storage: Storage,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Storage {
    driver: Option<String>,
    graphroot: Option<PathBuf>,
    rootless_storage_path: Option<String>,
    options: StorageOptions,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StorageOptions {
    additionalimagestores: Vec<PathBuf>,
}

/// What the environment says, as far as it is needed here.
struct Environment<'e> {
    get: &'e dyn Fn(&str) -> Option<String>,
    is_root: bool,
    uid: u32,
}

/// Looks where the engines of this user are.
pub(crate) fn found() -> EngineOptions {
    let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    // Whoever runs this owns what the kernel tells of it.
    let uid = Path::new("/proc/self").metadata().map_or(0, |it| it.uid());
    let environment = Environment { get: &get, is_root: uid == 0, uid };
    let mut options = EngineOptions::default();
    if let Some(host) = docker_host(&environment, &|path| path.exists()) {
        options.docker_host = host;
    }
    containers_storage(&environment, &mut options);
    options
}

/// The address of the Docker engine; `None` for the usual one.
fn docker_host(environment: &Environment<'_>, exists: &dyn Fn(&Path) -> bool) -> Option<String> {
    if let Some(host) = (environment.get)("DOCKER_HOST") {
        return Some(host);
    }
    // An engine without root listens elsewhere.
    let own = format!("{}/docker.sock", (environment.get)("XDG_RUNTIME_DIR")?);
    let is_only = !exists(Path::new("/var/run/docker.sock")) && exists(Path::new(&own));
    is_only.then(|| format!("unix://{own}"))
}

/// Where podman keeps images: as its files say, the first that is there, or where it would without.
fn containers_storage(environment: &Environment<'_>, options: &mut EngineOptions) {
    let base = etcetera::base_strategy::Xdg::new().ok();
    let mut files = Vec::new();
    if let Some(file) = (environment.get)("CONTAINERS_STORAGE_CONF") {
        files.push(PathBuf::from(file));
    } else {
        if let Some(base) = base.as_ref().filter(|_| !environment.is_root) {
            files.push(base.config_dir().join("containers/storage.conf"));
        }
        files.push(PathBuf::from("/etc/containers/storage.conf"));
        files.push(PathBuf::from("/usr/share/containers/storage.conf"));
    }
    let mut storage = Storage::default();
    // What a user says of the root of a store counts; what is said for all is meant for root.
    let mut is_own = false;
    for (at, file) in files.iter().enumerate() {
        match std::fs::read_to_string(file) {
            Ok(text) => match toml::from_str::<StorageConf>(&text) {
                Ok(conf) => storage = conf.storage,
                Err(error) => {
                    let message = error.message().replace('\n', ", ");
                    options.containers_storage_problem =
                        Some(format!("{} is damaged: {message}", file.display()));
                }
            },
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => {
                options.containers_storage_problem =
                    Some(format!("{} cannot be read: {error}", file.display()));
            }
        }
        is_own = at == 0;
        break;
    }
    let rootless = storage.rootless_storage_path.map(|path| expanded(&path, environment));
    let of_all = storage.graphroot.filter(|_| environment.is_root || is_own);
    let root = match environment.is_root {
        true => of_all,
        false => rootless
            .or(of_all)
            .or_else(|| base.map(|base| base.data_dir().join("containers/storage"))),
    };
    if let Some(root) = root {
        options.containers_storage = vec![root];
    }
    options.containers_storage.extend(storage.options.additionalimagestores);
    let driver = (environment.get)("STORAGE_DRIVER").or(storage.driver);
    options.containers_storage_driver = driver.filter(|driver| !driver.is_empty());
}

/// The path with the variables that podman knows in it.
fn expanded(path: &str, environment: &Environment<'_>) -> PathBuf {
    let get = |name| (environment.get)(name).unwrap_or_default();
    let path = path.replace("$HOME", &get("HOME")).replace("$USER", &get("USER"));
    PathBuf::from(path.replace("$UID", &environment.uid.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_are_where_the_environment_and_files_say() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("storage.conf");
        let read = |text: &str, is_root: bool| {
            std::fs::write(&file, text).unwrap();
            let conf = file.to_str().unwrap().to_owned();
            let get = |name: &str| match name {
                "CONTAINERS_STORAGE_CONF" => Some(conf.clone()),
                "HOME" => Some("/home/x".to_owned()),
                _ => None,
            };
            let environment = Environment { get: &get, is_root, uid: 7 };
            let mut options = EngineOptions::default();
            containers_storage(&environment, &mut options);
            options
        };
        let text = "[storage]\ndriver = \"vfs\"\ngraphroot = \"/a\"\nrootless_storage_path = \"$HOME/s/$UID\"\n\
                    [storage.options]\nadditionalimagestores = [\"/b\"]\n[storage.options.overlay]\nx = \"y\"\n";
        let options = read(text, true);
        assert_eq!(options.containers_storage, [Path::new("/a"), Path::new("/b")]);
        assert_eq!(options.containers_storage_driver.as_deref(), Some("vfs"));
        assert_eq!(read(text, false).containers_storage[0], Path::new("/home/x/s/7"));
        assert_eq!(read("[storage]\ndriver = \"\"", true), EngineOptions::default());
        let problem = read("[storage\n", true).containers_storage_problem.unwrap();
        assert!(problem.contains("storage.conf is damaged: "), "{problem}");
    }

    #[test]
    fn an_engine_without_root_is_found() {
        let get = |name: &str| (name == "XDG_RUNTIME_DIR").then(|| "/run/user/7".to_owned());
        let environment = Environment { get: &get, is_root: false, uid: 7 };
        let own = |path: &Path| path.starts_with("/run/user");
        let host = docker_host(&environment, &own);
        assert_eq!(host.as_deref(), Some("unix:///run/user/7/docker.sock"));
        assert_eq!(docker_host(&environment, &|_| true), None);
        let get = |name: &str| (name == "DOCKER_HOST").then(|| "tcp://h:1".to_owned());
        let environment = Environment { get: &get, is_root: false, uid: 7 };
        assert_eq!(docker_host(&environment, &own).as_deref(), Some("tcp://h:1"));
    }
}

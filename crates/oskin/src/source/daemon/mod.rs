//! `docker-daemon:`, an image of the Docker engine, as `docker save` would write it but without a
//! file in between.
//!
//! The engine is asked over its unix socket (Docker Engine API, `ImageInspect`, `ImageGet` and
//! `ImageList`, all without a version in the path, so that every engine answers in its own).

mod http;

use super::decompress::Content;
use super::store::Store;
use super::stored::Stored;
use super::{ImageSource, Pick, ReadOptions, SourceError, SourceSpec, Transport};
use super::{archive, docker};
use serde::Deserialize;
use std::io::{self, Read as _};
use std::path::PathBuf;

/// The most that is read of an answer that is no image.
const MAX_ANSWER_BYTES: u64 = 4 * 1024 * 1024;

/// How many images a hint names.
const MAX_HINTS: usize = 5;

/// What an engine says of an image.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Inspected {
    id: String,
    repo_tags: Option<Vec<String>>,
    size: Option<u64>,
}

/// What an engine says where it refuses.
#[derive(Deserialize)]
struct Refusal {
    message: String,
}

/// Asks an engine for one image.
pub(super) fn open(
    spec: &SourceSpec,
    options: &ReadOptions<'_>,
) -> Result<Vec<ImageSource>, SourceError> {
    let name = spec.location.to_str().unwrap_or_default();
    let place = format!("{}:{}", Transport::DockerDaemon, archive::place_of(&spec.location));
    if !is_reference(name) {
        return Err(SourceError::Engine {
            place,
            what: "is no name of an image".to_owned(),
            hint: Some("write docker-daemon:NAME:TAG or docker-daemon:ID".to_owned()),
        });
    }
    let engine = Engine { socket: socket(&options.engines.docker_host, &place)?, place };
    let (wanted, inspected) = engine.find(name)?;
    let store = engine.save(&wanted, &inspected, options)?;
    // The archive holds what was asked for and nothing else.
    let inner = SourceSpec {
        transport: Transport::DockerArchive,
        location: PathBuf::from(name),
        pick: Pick::Only,
    };
    let mut images = archive::images(&store, &inner, options)?;
    if let [image] = &mut images[..] {
        // An id says little, and an image may have many names: the one that was asked for counts.
        let named = inspected.repo_tags.unwrap_or_default().into_iter().next();
        let is_id = !wanted.contains([':', '/']) || wanted.starts_with("sha256:");
        let shown = if is_id { named.unwrap_or_else(|| name.to_owned()) } else { wanted };
        image.reference = Some(shown.clone());
        image.name = shown;
    }
    for image in &mut images {
        image.transport = Transport::DockerDaemon;
        image.location = archive::place_of(&spec.location);
    }
    Ok(images)
}

/// Whether a text can be the name, digest or id of an image: nothing that an address of the web
/// would have to escape.
fn is_reference(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:@".contains(&byte);
    !name.is_empty()
        && name.len() <= 1024
        && name.bytes().all(is_plain)
        && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Whether a reference says which image of a repository is meant.
fn has_tag(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or_default();
    last.contains([':', '@'])
}

/// The socket that the address of an engine means.
fn socket(host: &str, place: &str) -> Result<PathBuf, SourceError> {
    match host.strip_prefix("unix://") {
        Some(path) if !path.is_empty() => Ok(PathBuf::from(path)),
        _ => Err(SourceError::Engine {
            place: place.to_owned(),
            what: format!("the engine at {} is no unix socket", docker::clip(host)),
            hint: Some(
                "save the image where the engine runs and read the file: docker save NAME | oskin show docker-archive:-"
                    .to_owned(),
            ),
        }),
    }
}

struct Engine {
    socket: PathBuf,
    place: String,
}

impl Engine {
    fn refused(&self, what: impl Into<String>, hint: Option<String>) -> SourceError {
        SourceError::Engine { place: self.place.clone(), what: what.into(), hint }
    }

    /// Says why an engine did not answer.
    fn unreachable(&self, error: &io::Error) -> SourceError {
        let socket = self.socket.display();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => self.refused(
                format!("no Docker engine listens at {socket}"),
                Some(
                    "start the engine, or set DOCKER_HOST=unix://SOCKET; images of podman are read with containers-storage:NAME"
                        .to_owned(),
                ),
            ),
            io::ErrorKind::PermissionDenied => self.refused(
                format!("the Docker engine at {socket} may not be asked by this user"),
                Some("run it as root, or as a member of the group docker".to_owned()),
            ),
            _ => self.failed(error),
        }
    }

    /// Says what went wrong in an answer.
    fn failed(&self, error: impl std::fmt::Display) -> SourceError {
        self.refused(
            format!("the Docker engine at {} gave no image: {error}", self.socket.display()),
            Some("try again; the log of the engine may tell more".to_owned()),
        )
    }

    fn get(&self, path: &str) -> Result<http::Answer<impl io::BufRead + use<>>, SourceError> {
        http::get(&self.socket, path).map_err(|error| self.unreachable(&error))
    }

    /// What an engine said in an answer that is no image.
    fn text(&self, body: impl io::Read) -> Result<Vec<u8>, SourceError> {
        let mut text = Vec::new();
        body.take(MAX_ANSWER_BYTES + 1)
            .read_to_end(&mut text)
            .map_err(|error| self.failed(error))?;
        if text.len() as u64 > MAX_ANSWER_BYTES {
            let place = self.place.clone();
            let (what, limit_bytes) = ("what the engine says", MAX_ANSWER_BYTES);
            return Err(SourceError::TooLarge { place, what, limit_bytes });
        }
        Ok(text)
    }

    /// The error that an answer other than 200 is.
    fn status(&self, status: u16, body: impl io::Read) -> SourceError {
        match self.text(body) {
            Ok(text) => {
                let said = serde_json::from_slice::<Refusal>(&text).map(|it| it.message);
                let said = said.unwrap_or_else(|_| format!("status {status}"));
                self.failed(docker::clip(&said))
            }
            Err(error) => error,
        }
    }

    /// The name to ask for, and what the engine knows of it.
    ///
    /// A name without a tag means the tag `latest`, as for the engine; `docker save` would give all
    /// tags. Only then it is perhaps the beginning of an id.
    fn find(&self, name: &str) -> Result<(String, Inspected), SourceError> {
        let latest = (!has_tag(name)).then(|| format!("{name}:latest"));
        for wanted in latest.into_iter().chain([name.to_owned()]) {
            let answer = self.get(&format!("/images/{wanted}/json"))?;
            match answer.status {
                200 => {
                    let text = self.text(answer.body)?;
                    let inspected: Inspected =
                        serde_json::from_slice(&text).map_err(|error| self.failed(error))?;
                    let is_short = !has_tag(&wanted) && is_reference(&inspected.id);
                    let wanted = if is_short { inspected.id.clone() } else { wanted };
                    return Ok((wanted, inspected));
                }
                404 => {}
                status => return Err(self.status(status, answer.body)),
            }
        }
        Err(self.refused("the Docker engine has no such image", Some(self.others(name))))
    }

    /// A hint at what else there is.
    fn others(&self, name: &str) -> String {
        let list = || {
            let answer = self.get("/images/json").ok().filter(|answer| answer.status == 200)?;
            serde_json::from_slice::<Vec<Inspected>>(&self.text(answer.body).ok()?).ok()
        };
        let all =
            list().unwrap_or_default().into_iter().flat_map(|it| it.repo_tags.unwrap_or_default());
        let mut all: Vec<String> = all.filter(|it| is_reference(it)).collect();
        all.sort();
        let near = super::pick::near(name, &all, MAX_HINTS);
        match &near[..] {
            [] if all.is_empty() => format!("fetch it first: docker pull {name}"),
            [] => "`docker images` lists what there is".to_owned(),
            near => format!("there are {}", near.join(", ")),
        }
    }

    /// Reads the image as the engine saves it.
    fn save(
        &self,
        wanted: &str,
        inspected: &Inspected,
        options: &ReadOptions<'_>,
    ) -> Result<Store, SourceError> {
        let answer = self.get(&format!("/images/{wanted}/get"))?;
        if answer.status != 200 {
            return Err(self.status(answer.status, answer.body));
        }
        options.progress.expect(inspected.size.unwrap_or(0));
        let content = Content::new(Stored::new(answer.body, options.progress));
        let content = content.map_err(|error| self.failed(error))?;
        Store::scan(content, &self.place, options).map_err(|error| match error {
            // No file is damaged here.
            SourceError::Damaged { place, what } => {
                let place = place.strip_prefix(&*self.place).unwrap_or_default();
                self.failed(format!("{}{what}", place.trim_start_matches(": ").to_owned() + ": "))
            }
            SourceError::Io { source, .. } => self.failed(source),
            other => other,
        })
    }
}

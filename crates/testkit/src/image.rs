//! An image to be: layers, what the image declares about itself, and what is wrong with it.

use crate::compress::Compression;
use crate::fixture::{FixtureLayer, parse};
use crate::hash::digest;
use crate::model::{Listing, expected_listing};
use crate::tar::{TarOptions, write_tar};
use serde_json::{Map, Value, json};

/// Operating system, architecture and variant in the words of the OCI image spec.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Platform {
    /// `linux` most often.
    pub os: String,
    /// `amd64`, `arm64`, ...
    pub architecture: String,
    /// `v8` and the like.
    pub variant: Option<String>,
}

impl Platform {
    /// Reads `os/architecture` or `os/architecture/variant`.
    ///
    /// # Panics
    ///
    /// If the text has another form.
    pub fn new(text: &str) -> Self {
        let parts: Vec<&str> = text.split('/').collect();
        let (os, architecture, variant) = match parts[..] {
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some(variant.to_owned())),
            _ => panic!("a platform is os/architecture or os/architecture/variant: {text}"),
        };
        Self { os: os.to_owned(), architecture: architecture.to_owned(), variant }
    }

    /// The platform object of an OCI descriptor.
    pub(crate) fn to_json(&self) -> Value {
        let mut object = json!({ "os": self.os, "architecture": self.architecture });
        if let Some(variant) = &self.variant {
            object["variant"] = json!(variant);
        }
        object
    }
}

/// One line of the history of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryStep {
    /// The command.
    pub created_by: String,
    /// Whether the step made no layer, as `ENV` does.
    pub empty_layer: bool,
}

/// Something wrong with an image on purpose. Layers are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Defect {
    /// The configuration names another diff id for the layer than it has.
    WrongDiffId(usize),
    /// The configuration names one diff id less than there are layers.
    DiffIdMissing,
    /// The layer's blob is stored and described under a digest that it does not have; its diff id
    /// is right. Archives that do not name blobs by digest do not show it.
    WrongBlobDigest(usize),
    /// The descriptor of the layer names one byte more than the blob has.
    WrongBlobSize(usize),
    /// The stored blob ends in its middle; digest and size are those of the whole.
    TruncatedLayer(usize),
    /// The layer is named but not stored.
    MissingLayer(usize),
    /// The layer is properly compressed, described and hashed, but its content is no tar.
    GarbageTar(usize),
    /// The blob is noise; digest and size are those of the noise, the diff id that of the layer.
    GarbageBlob(usize),
    /// The configuration is named but not stored.
    MissingConfig,
    /// The configuration is no JSON; digest and size are right.
    GarbageConfig,
    /// The manifest is no JSON. In a docker archive that is `manifest.json`, for all its images.
    GarbageManifest,
}

/// An image to be written by one of the builders.
///
/// Everything has a default: no reference, `linux/amd64`, uncompressed layers, an empty
/// configuration, a history of one step per layer, no defect.
#[derive(Clone, Debug)]
pub struct Image {
    pub(crate) layers: Vec<FixtureLayer>,
    pub(crate) references: Vec<String>,
    pub(crate) platform: Platform,
    pub(crate) compression: Compression,
    pub(crate) tar: TarOptions,
    pub(crate) annotations: Map<String, Value>,
    pub(crate) defects: Vec<Defect>,
    created: String,
    config: Map<String, Value>,
    history: Option<Vec<HistoryStep>>,
}

impl Image {
    /// An image with the layers of a fixture text.
    ///
    /// # Panics
    ///
    /// With the line and what is wrong with it, if the text is no fixture.
    pub fn from_fixture(text: &str) -> Self {
        Self::from_layers(parse(text).unwrap_or_else(|error| panic!("{error}")))
    }

    /// An image with these layers, base first.
    pub fn from_layers(layers: Vec<FixtureLayer>) -> Self {
        Self {
            layers,
            references: Vec::new(),
            platform: Platform::new("linux/amd64"),
            compression: Compression::None,
            tar: TarOptions::default(),
            annotations: Map::new(),
            defects: Vec::new(),
            created: "1970-01-01T00:00:00Z".to_owned(),
            config: Map::new(),
            history: None,
        }
    }

    /// Adds a name such as `app:1.0`.
    #[must_use]
    pub fn reference(mut self, reference: &str) -> Self {
        self.references.push(reference.to_owned());
        self
    }

    /// Sets the platform.
    ///
    /// # Panics
    ///
    /// If `platform` is not `os/architecture[/variant]`.
    #[must_use]
    pub fn platform(mut self, platform: &str) -> Self {
        self.platform = Platform::new(platform);
        self
    }

    /// Sets the compression of all layers.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Sets how the tars of the layers are written.
    #[must_use]
    pub fn tar_options(mut self, tar: TarOptions) -> Self {
        self.tar = tar;
        self
    }

    /// Adds environment variables, each `NAME=value`.
    #[must_use]
    pub fn env(mut self, variables: &[&str]) -> Self {
        let list = self.config.entry("Env").or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.extend(variables.iter().map(|variable| json!(variable)));
        }
        self
    }

    /// Sets the entry point.
    #[must_use]
    pub fn entrypoint(self, words: &[&str]) -> Self {
        self.config_field("Entrypoint", json!(words))
    }

    /// Sets the command.
    #[must_use]
    pub fn cmd(self, words: &[&str]) -> Self {
        self.config_field("Cmd", json!(words))
    }

    /// Adds a label to the configuration.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.config.entry("Labels").or_insert_with(|| json!({}))[key] = json!(value);
        self
    }

    /// Sets any other field of the `config` object, such as `User` or `WorkingDir`.
    #[must_use]
    pub fn config_field(mut self, key: &str, value: Value) -> Self {
        self.config.insert(key.to_owned(), value);
        self
    }

    /// Sets the time of making in RFC 3339.
    #[must_use]
    pub fn created(mut self, time: &str) -> Self {
        time.clone_into(&mut self.created);
        self
    }

    /// Replaces the history, which by default has one step per layer.
    #[must_use]
    pub fn history(mut self, steps: Vec<HistoryStep>) -> Self {
        self.history = Some(steps);
        self
    }

    /// Adds an annotation to the OCI manifest; docker archives have no place for it.
    #[must_use]
    pub fn annotation(mut self, key: &str, value: &str) -> Self {
        self.annotations.insert(key.to_owned(), json!(value));
        self
    }

    /// Adds a defect.
    #[must_use]
    pub fn defect(mut self, defect: Defect) -> Self {
        self.defects.push(defect);
        self
    }

    /// The layers, base first.
    pub fn layers(&self) -> &[FixtureLayer] {
        &self.layers
    }

    /// The uncompressed tar of every layer, base first, without defects.
    pub fn layer_tars(&self) -> Vec<Vec<u8>> {
        self.layers.iter().map(|layer| write_tar(&layer.entries, &self.tar)).collect()
    }

    /// The true diff id of every layer, base first.
    pub fn diff_ids(&self) -> Vec<String> {
        self.layer_tars().iter().map(|tar| digest(tar)).collect()
    }

    /// What a reader has to find in the image, defects aside.
    pub fn expected(&self) -> Listing {
        expected_listing(&self.layers)
    }

    pub(crate) fn has(&self, defect: Defect) -> bool {
        self.defects.contains(&defect)
    }

    /// The configuration with these diff ids.
    pub(crate) fn config_json(&self, diff_ids: &[String]) -> Value {
        let mut config = self.platform.to_json();
        config["created"] = json!(self.created);
        config["config"] = Value::Object(self.config.clone());
        config["rootfs"] = json!({ "type": "layers", "diff_ids": diff_ids });
        config["history"] = self.history_json();
        config
    }

    fn history_json(&self) -> Value {
        let default = |(n, layer): (usize, &FixtureLayer)| {
            let command = layer.created_by.clone().unwrap_or_else(|| format!("layer {n}"));
            HistoryStep { created_by: command, empty_layer: false }
        };
        let steps = match &self.history {
            Some(steps) => steps.clone(),
            None => self.layers.iter().enumerate().map(default).collect(),
        };
        let step_json = |step: &HistoryStep| {
            let mut object = json!({ "created": self.created, "created_by": step.created_by });
            if step.empty_layer {
                object["empty_layer"] = json!(true);
            }
            object
        };
        steps.iter().map(step_json).collect()
    }
}

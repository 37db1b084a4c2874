//! An image as it is stored: blobs with what is claimed of them, defects applied.

use crate::compress::compress;
use crate::fixture::pattern;
use crate::hash::{digest, sha256_hex};
use crate::image::{Defect, Image};
use serde_json::Value;

/// Bytes under a digest, or a digest without bytes.
#[derive(Clone, Debug)]
pub(crate) struct StoredBlob {
    /// What is stored; `None` if the blob is missing.
    pub(crate) bytes: Option<Vec<u8>>,
    /// The digest that descriptors and paths name.
    pub(crate) digest: String,
    /// The size that descriptors name.
    pub(crate) size_bytes: usize,
}

impl StoredBlob {
    /// A blob as it should be.
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { digest: digest(&bytes), size_bytes: bytes.len(), bytes: Some(bytes) }
    }

    /// The digest without its algorithm.
    pub(crate) fn hex(&self) -> &str {
        self.digest.trim_start_matches("sha256:")
    }
}

/// The blobs of one image.
#[derive(Clone, Debug)]
pub(crate) struct StoredImage {
    /// The layers, base first.
    pub(crate) layers: Vec<StoredBlob>,
    /// The diff ids as the configuration names them, though one may be cut off there.
    pub(crate) diff_ids: Vec<String>,
    /// The configuration.
    pub(crate) config: StoredBlob,
}

impl StoredImage {
    pub(crate) fn new(image: &Image) -> Self {
        let tars = image.layer_tars();
        let stored = tars.iter().enumerate().map(|(n, tar)| stored_layer(image, n, tar));
        let (layers, diff_ids): (Vec<_>, Vec<_>) = stored.unzip();
        let config = stored_config(image, &diff_ids);
        Self { layers, diff_ids, config }
    }

    /// The chain id of the layers up to and with `top`: a name for the stack.
    pub(crate) fn chain_id(&self, top: usize) -> String {
        let fold = |chain: String, diff_id: &String| {
            if chain.is_empty() {
                diff_id.clone()
            } else {
                digest(format!("{chain} {diff_id}").as_bytes())
            }
        };
        self.diff_ids[..=top].iter().fold(String::new(), fold)
    }
}

/// Pretty-printed JSON.
pub(crate) fn json_bytes(value: &Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}

/// JSON that ends in its middle.
pub(crate) fn garbage_json() -> Vec<u8> {
    b"{\"schemaVersion\": 2, \"layers\": [".to_vec()
}

fn stored_layer(image: &Image, n: usize, tar: &[u8]) -> (StoredBlob, String) {
    let has = |defect: fn(usize) -> Defect| image.has(defect(n));
    let mut tar = tar.to_vec();
    if has(Defect::GarbageTar) {
        tar = pattern(2048, 99);
    }
    let mut diff_id = digest(&tar);
    if has(Defect::WrongDiffId) {
        diff_id = digest(format!("not {diff_id}").as_bytes());
    }
    let mut bytes = compress(&tar, image.compression);
    if has(Defect::GarbageBlob) {
        bytes = pattern(2048, 98);
    }
    let mut blob = StoredBlob::new(bytes);
    if has(Defect::WrongBlobDigest) {
        blob.digest = format!("sha256:{}", sha256_hex(blob.digest.as_bytes()));
    }
    if has(Defect::WrongBlobSize) {
        blob.size_bytes += 1;
    }
    if has(Defect::TruncatedLayer)
        && let Some(bytes) = &mut blob.bytes
    {
        bytes.truncate(bytes.len() / 2);
    }
    if has(Defect::MissingLayer) {
        blob.bytes = None;
    }
    (blob, diff_id)
}

fn stored_config(image: &Image, diff_ids: &[String]) -> StoredBlob {
    let named =
        diff_ids.len() - usize::from(image.has(Defect::DiffIdMissing) && !diff_ids.is_empty());
    let bytes = if image.has(Defect::GarbageConfig) {
        garbage_json()
    } else {
        json_bytes(&image.config_json(&diff_ids[..named]))
    };
    let mut config = StoredBlob::new(bytes);
    if image.has(Defect::MissingConfig) {
        config.bytes = None;
    }
    config
}

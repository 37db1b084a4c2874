//! What is no image, or too much of one, is refused with a word; and the questions beside images.

use crate::liar::{Liar, Reply, Shelf};
use crate::{common, hasty, read};
use oskin::source::{ReadOptions, SourceSpec, remote_digest, tags};
use serde_json::{Value, json};
use std::ffi::OsStr;
use testkit::{Image, OciOptions};

fn image() -> Image {
    Image::from_fixture("//- layer\nbin/sh file 120\n").reference("app:1")
}

fn spec(text: &str) -> SourceSpec {
    SourceSpec::parse(OsStr::new(text)).unwrap()
}

/// Serves a manifest as the tag `1`, beside an image.
fn serving(manifest: &Value) -> Liar {
    let mut shelf = Shelf::of(&image());
    shelf.put(manifest);
    Liar::new(move |asked| shelf.answer(asked))
}

#[track_caller]
fn assert_refused(liar: &Liar, message: &str, hint: &str) {
    let error = read(&liar.image("app:1"), &hasty()).unwrap_err();
    assert_eq!(error.to_string(), format!("{}: {message}", liar.image("app:1")));
    assert_eq!(error.hint().unwrap_or_default(), hint);
}

#[test]
fn what_is_no_image_is_told() {
    let artifact = |artifact_type: Option<&str>, config: &str, layer: &str| {
        let blob = |media_type: &str| json!({ "mediaType": media_type, "digest": format!("sha256:{}", "0".repeat(64)), "size": 2 });
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": blob(config),
            "layers": [blob(layer)],
        });
        if let Some(artifact_type) = artifact_type {
            manifest["artifactType"] = json!(artifact_type);
        }
        serving(&manifest)
    };
    let hint = "it holds no file system; what made it can read it, as can `oras pull`";
    let tar = "application/vnd.oci.image.layer.v1.tar+gzip";
    let config = "application/vnd.oci.image.config.v1+json";
    for (liar, kind) in [
        (artifact(Some("application/x.sbom"), config, tar), "application/x.sbom"),
        (
            artifact(None, "application/vnd.cncf.helm.config.v1+json", tar),
            "application/vnd.cncf.helm.config.v1+json",
        ),
        (
            artifact(None, config, "application/vnd.dev.cosign.simplesigning.v1+json"),
            "application/vnd.dev.cosign.simplesigning.v1+json",
        ),
    ] {
        assert_refused(&liar, &format!("is no image but an artifact of type {kind}"), hint);
    }
    let old = serving(&json!({ "schemaVersion": 1, "name": "app", "tag": "1", "fsLayers": [] }));
    let place = old.image("app:1");
    assert_refused(
        &old,
        "its manifest is of schema 1, which gives no digests of what layers hold",
        &format!("have it converted: skopeo copy {place} oci:DIR, then read oci:DIR"),
    );
    assert_refused(&serving(&json!({})), "is neither a manifest nor an index of an image", "");
    let index = json!({ "schemaVersion": 2, "manifests": [] });
    assert_refused(
        &serving(&index),
        "the index names no image, only attestations or artifacts if anything",
        "",
    );
}

#[test]
fn what_is_no_manifest_is_damage() {
    let whole = Shelf::of(&image());
    let json = whole.blobs[&whole.tags["1"]].clone();
    for (bytes, message) in [
        (json[..json.len() / 2].to_vec(), "what was answered is no manifest: EOF while parsing"),
        (b"<html>".to_vec(), "what was answered is no manifest: not a JSON object"),
        (b"[]".to_vec(), "what was answered is no manifest: not a JSON object"),
        (Vec::new(), "what was answered is no manifest: not a JSON object"),
    ] {
        let mut shelf = whole.clone();
        shelf.put_bytes(bytes);
        let liar = Liar::new(move |asked| shelf.answer(asked));
        let error = read(&liar.image("app:1"), &hasty()).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn what_is_too_much_is_refused() {
    let mut shelf = Shelf::of(&image());
    let mut large = shelf.manifest();
    large["annotations"] = json!({ "x": "y".repeat(5 * 1024 * 1024) });
    shelf.put(&large);
    let liar = Liar::new(move |asked| shelf.answer(asked));
    let more = |name| format!("--limit {name}=N accepts more, of an image that you trust");
    let message = "manifest is larger than the limit of 4194304 bytes";
    assert_refused(&liar, message, &more("manifest-bytes"));
    let mut shelf = Shelf::of(&image());
    let index = "application/vnd.oci.image.index.v1+json";
    // Deep in each other.
    for _ in 0..9 {
        let digest = &shelf.tags["1"];
        let inner =
            json!({ "mediaType": index, "digest": digest, "size": shelf.blobs[digest].len() });
        shelf.put(&json!({ "schemaVersion": 2, "manifests": [inner] }));
    }
    let liar = Liar::new(move |asked| shelf.answer(asked));
    let message = "more indexes in each other than the limit of 8";
    assert_refused(&liar, message, &more("index-depth"));
    // One that names itself, which no digest can.
    let mut shelf = Shelf::of(&image());
    let itself = format!("sha256:{}", "2".repeat(64));
    let circle = json!({ "manifests": [{ "mediaType": index, "digest": itself }] }).to_string();
    shelf.blobs.insert(itself, circle.clone().into_bytes());
    shelf.put_bytes(circle.into_bytes());
    let liar = Liar::new(move |asked| shelf.answer(asked));
    let error = read(&liar.image("app:1"), &hasty()).unwrap_err().to_string();
    assert!(error.contains("digest mismatch: expected sha256:2222"), "{error}");
    // Too many layers.
    let mut options = hasty();
    options.limits.layers = 0;
    let shelf = Shelf::of(&image());
    let liar = Liar::new(move |asked| shelf.answer(asked));
    let error = read(&liar.image("app:1"), &options).unwrap_err().to_string();
    assert!(error.ends_with("more layers than the limit of 0"), "{error}");
}

#[test]
fn only_the_platform_that_is_wanted_is_fetched() {
    let platforms = ["linux/amd64", "linux/arm/v7", "linux/arm64/v8"];
    let images = platforms.map(|platform| image().platform(platform));
    let options = OciOptions { nesting: 2, attestations: true, ..OciOptions::default() };
    let shelf = Shelf::of_layout(&images, &options);
    let top = shelf.tags["1"].clone();
    let liar = Liar::new(move |asked| shelf.answer(asked));
    let asked_for = |platform: &str, all| ReadOptions {
        platform: (!platform.is_empty()).then(|| platform.parse().unwrap()),
        all,
        ..hasty()
    };
    let found = common::open_text(&liar.image("app:1"), &asked_for("linux/arm64", false)).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].declared.platform.to_string(), "linux/arm64/v8");
    assert_eq!(found[0].name, format!("127.0.0.1:{}/app:1", liar.port));
    assert_eq!(found[0].location, found[0].name);
    let facts: Vec<String> =
        found[0].facts.iter().map(|fact| format!("{} {}", fact.kind, fact.text)).collect();
    assert_eq!(facts, [format!("manifest.index {top}")]);
    // Two indexes, one manifest, one configuration; no layer.
    assert_eq!(liar.asked().len(), 4);
    let all = common::open_text(&liar.image("app:1"), &asked_for("", true)).unwrap();
    let names: Vec<&str> = all.iter().map(|image| image.name.rsplit(':').next().unwrap()).collect();
    assert_eq!(names, ["1-linux-amd64", "1-linux-arm-v7", "1-linux-arm64-v8"]);
    let error =
        common::open_text(&liar.image("app:1"), &asked_for("linux/mips", false)).unwrap_err();
    assert!(
        error.to_string().ends_with(
            ": no image for linux/mips, only for linux/amd64, linux/arm/v7, linux/arm64/v8"
        ),
        "{error}"
    );
}

#[test]
fn annotations_are_facts() {
    let shelf =
        Shelf::of(&image().annotation("org.example.b", "2").annotation("org.example.a", "1"));
    let liar = Liar::new(move |asked| shelf.answer(asked));
    let found = common::open_text(&liar.image("app:1"), &hasty()).unwrap();
    let facts: Vec<_> = found[0].facts.iter().map(|fact| (&*fact.kind, &*fact.text)).collect();
    assert_eq!(facts, [("manifest.annotations", r#"{"org.example.a":"1","org.example.b":"2"}"#)]);
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let shelf = Shelf::of(&image());
    let liar = Liar::new(move |asked| match asked.path.as_str() {
        path if path.starts_with("/v2/app/tags/list") => Reply::new(200, r#"{"tags":["1","2"]}"#),
        path if path.starts_with("/v2/other/") => {
            Reply::new(404, r#"{"errors":[{"code":"NAME_UNKNOWN","message":"not known"}]}"#)
        }
        _ => shelf.answer(asked),
    });
    let told = |name: &str| {
        let error = read(&liar.image(name), &hasty()).unwrap_err();
        let text = error.to_string();
        (text[liar.image(name).len() + 2..].to_owned(), error.hint().unwrap())
    };
    let absent = "manifest: the registry does not have it (manifest unknown)".to_owned();
    assert_eq!(told("app:3"), (absent, "the tags there are 1, 2".to_owned()));
    let (text, hint) = told("other:1");
    assert_eq!(text, "manifest: the registry has no such repository (not known)");
    assert_eq!(
        hint,
        format!(
            "look at the spelling, also of the namespace: the registry is 127.0.0.1:{}",
            liar.port
        )
    );
    let error = remote_digest(&spec(&liar.image("app:3")), &hasty()).unwrap_err();
    assert_eq!(error.hint().unwrap(), "the tags there are 1, 2");
    for (name, hint) in [
        ("App", "small letters"),
        ("app:", "docker://NAME:TAG"),
        ("app@sha256:12", "64 hexadecimal digits"),
        ("app//x", "docker://[HOST"),
    ] {
        let error = read(&liar.image(name), &hasty()).unwrap_err();
        assert!(error.hint().unwrap().contains(hint), "{name}: {error}");
    }
    let sha512 = format!("docker://app@sha512:{}", "0".repeat(128));
    let error = read(&sha512, &hasty()).unwrap_err().to_string();
    assert!(error.ends_with("the digest is no sha256 digest"), "{error}");
}

#[test]
fn a_layer_that_is_not_there() {
    let shelf = Shelf::of(&image());
    let layer = shelf.layer(0);
    let told = layer.clone();
    let liar = Liar::new(move |asked| match asked.path.ends_with(&layer) {
        true => Reply::new(404, ""),
        false => shelf.answer(asked),
    });
    let error = read(&liar.image("app:1"), &hasty()).unwrap_err().to_string();
    assert_eq!(error, format!("{}: layer {told} is missing", liar.image("app:1")));
}

#[test]
fn the_digest_of_now() {
    let shelf = Shelf::of(&image());
    let expected = shelf.tags["1"].clone();
    let liar = Liar::new(move |asked| shelf.answer(asked));
    let digest = remote_digest(&spec(&liar.image("app:1")), &hasty()).unwrap().unwrap();
    assert_eq!(digest.to_string(), expected);
    let asked = liar.asked();
    assert_eq!((asked.len(), asked[0].method.as_str()), (1, "HEAD"));
    let silent = Liar::new(|_| Reply::new(200, ""));
    assert_eq!(remote_digest(&spec(&silent.image("app:1")), &hasty()).unwrap(), None);
    assert_eq!(remote_digest(&spec("tar:x"), &hasty()).unwrap(), None);
    assert!(tags(&spec("tar:x"), &hasty()).is_err());
}

#[test]
fn tags_page_by_page() {
    let liar = Liar::new(|asked| match asked.path.as_str() {
        "/v2/app/tags/list" => Reply::new(200, r#"{"name":"app","tags":["b","a"]}"#)
            .with("Link", r#"</v2/app/tags/list?last=a&n=2>; rel="next""#),
        "/v2/app/tags/list?last=a&n=2" => Reply::new(200, r#"{"tags":["c","not a tag"]}"#)
            .with("Link", r#"<http://elsewhere.example/v2/app/tags/list?last=d>; rel="next""#),
        "/v2/app/tags/list?last=d" => Reply::new(200, r#"{"tags":null}"#),
        "/v2/circle/tags/list" | "/v2/circle/tags/list?x" => Reply::new(200, r#"{"tags":["a"]}"#)
            .with("Link", r#"</v2/circle/tags/list?x>; rel="next""#),
        "/v2/wander/tags/list" => Reply::new(200, r#"{"tags":["a"]}"#)
            .with("Link", r#"</v2/secret/manifests/1>; rel="next""#),
        _ => Reply::new(200, "{"),
    });
    let told = |name: &str| {
        let found = tags(&spec(&liar.image(name)), &hasty())?;
        Ok::<Vec<String>, oskin::source::SourceError>(
            found.iter().map(|spec| spec.location.display().to_string()).collect(),
        )
    };
    let host = format!("127.0.0.1:{}", liar.port);
    assert_eq!(told("app").unwrap(), ["a", "b", "c"].map(|tag| format!("{host}/app:{tag}")));
    for (name, message) in [
        ("circle", "list of tags: the next page is said to be \"/v2/circle/tags/list?x\""),
        ("wander", "list of tags: the next page is said to be \"/v2/secret/manifests/1\""),
        ("odd", "no list of tags: "),
        ("app:1", "names one image, and all tags are asked for"),
    ] {
        let error = told(name).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

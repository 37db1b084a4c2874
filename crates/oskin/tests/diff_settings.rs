//! The settings of images from archives, compared: made ones by what they were made of, real ones by what `tar` shows of
//! them.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{read_text, shared_data, write};
use oskin::catalog::Catalog;
use oskin::diff::{Settings, SettingsSide, SettingsSource, UnknownSettings, settings};
use oskin::ingest;
use oskin::inventory::Inventory;
use oskin::report::SettingsReport;
use oskin::source::{ImageSource, ReadOptions};
use std::path::Path;
use testkit::{ArchiveOptions, Image, docker_archive};

const LEFT: &str = r#"
//- layer
etc/passwd file "root:$1$secret:0:0:The Boss:/root:/bin/sh\nold:x:7:7::/:/bin/false\n"
etc/group file "root:x:0:\nsudo:x:27:\n"
etc/shadow file "root:$1$secret:1::::::\n"
etc/os-release file "ID=made\nVERSION_ID=1\n"
etc/rc3.d/S10sshd symlink ../init.d/sshd
//- layer
etc/rc3.d/.wh.S10sshd file
"#;

const RIGHT: &str = r#"
//- layer
usr/lib/os-release file "ID=made\nVERSION_ID=2\n"
etc/os-release symlink ../usr/lib/os-release
etc/passwd file "root:*:0:0::/root:/bin/bash\n"
etc/group file "root:x:0:\nsudo:x:27:app\n"
etc/systemd/system/multi-user.target.wants/ssh.service symlink /lib/systemd/system/ssh.service
"#;

fn archive(dir: &Path, name: &str, image: &Image) -> (ImageSource, Inventory) {
    let archive = docker_archive(std::slice::from_ref(image), &ArchiveOptions::default());
    read_text(write(dir, name, &archive).to_str().unwrap()).unwrap()
}

fn compared(left: &(ImageSource, Inventory), right: &(ImageSource, Inventory)) -> Settings {
    let side = |it| {
        let (source, inventory): &(ImageSource, Inventory) = it;
        let declared = source.config.is_some().then_some(&source.declared);
        SettingsSide { declared, os: None, inventory: Some(inventory) }
    };
    settings(side(left), side(right))
}

fn told(settings: &Settings) -> Vec<String> {
    let report = SettingsReport::from(settings);
    let value = |it: &Option<String>| it.clone().unwrap_or_default();
    let rows = report.changes.iter();
    rows.map(|it| [it.change, it.area, &it.name, &value(&it.left), &value(&it.right)].join("|"))
        .collect()
}

#[test]
fn made_images_differ_in_what_they_were_made_of() {
    let dir = tempfile::tempdir().unwrap();
    let left = Image::from_fixture(LEFT).env(&["A=1", "PATH=/bin:/usr/bin"]).cmd(&["sh"]);
    let right = Image::from_fixture(RIGHT).env(&["PATH=/bin:/usr/bin:/opt"]).label("l", "x");
    let right = right.config_field("ExposedPorts", serde_json::json!({"80/tcp": {}}));
    let left = archive(dir.path(), "left.tar", &left);
    let right = archive(dir.path(), "right.tar", &right);
    let found = compared(&left, &right);
    let expected = [
        "changed|os|version_id|1|2",
        "removed|cmd||[\"sh\"]|",
        "removed|env|A|1|",
        "added|env-entry|PATH||/opt",
        "added|port|80/tcp||80/tcp",
        "added|label|l||x",
        "removed|account|old|uid=7 gid=7 home=/ shell=/bin/false|",
        "changed|account|root|shell=/bin/sh|shell=/bin/bash",
        "changed|group|sudo|members=|members=app",
        "added|service|ssh.service||systemd multi-user.target",
    ];
    assert_eq!(told(&found), expected);
    assert_eq!(found.unknown, []);
    assert_eq!(compared(&left, &left), Settings::default());
    let kept: Vec<u8> =
        left.1.layers().iter().flat_map(|it| it.kept().values()).flatten().copied().collect();
    let kept = String::from_utf8(kept).unwrap();
    assert!(kept.contains("/root") && !kept.contains("secret") && !kept.contains("Boss"), "{kept}");
}

#[test]
fn directories_have_no_configuration_but_users_and_catalogs_keep_them() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    std::fs::create_dir_all(root.join("etc")).unwrap();
    std::fs::write(root.join("etc/passwd"), "app:x:9:9::/:/bin/sh\n").unwrap();
    let tree = read_text(&format!("rootfs:{}", root.display())).unwrap();
    let image = archive(dir.path(), "left.tar", &Image::from_fixture(LEFT).cmd(&["sh"]));
    let found = compared(&tree, &image);
    let lines = told(&found);
    assert!(lines.contains(&"removed|account|app|uid=9 gid=9 home=/ shell=/bin/sh|".to_owned()));
    assert!(lines.contains(&"added|group|sudo||gid=27 members=".to_owned()), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("|cmd|")), "{lines:?}");
    let expected =
        UnknownSettings { source: SettingsSource::Configuration, left: true, right: false };
    assert_eq!(found.unknown, [expected]);

    let mut catalog = Catalog::open_or_create(&dir.path().join("catalog.db")).unwrap();
    ingest::add(&mut catalog, &image.0, None, &ReadOptions::default()).unwrap();
    let [(id, _)] = catalog.names_with_paths().unwrap()[..] else { panic!("one image") };
    let kept = (image.0, catalog.inventory(id).unwrap());
    assert_eq!(told(&compared(&tree, &kept)), lines);
}

#[test]
fn real_releases_differ_in_release_and_packages_users() {
    let Some(data) = shared_data() else { return };
    let image = |name: &str| read_text(data.join("images").join(name).to_str().unwrap()).unwrap();
    let [old, new] = ["trivy__alpine-310.tar.gz", "trivy__alpine-311.tar.gz"].map(image);
    let found = compared(&old, &new);
    let expected = [
        "changed|os|pretty_name|Alpine Linux v3.10|Alpine Linux v3.11",
        "changed|os|version_id|3.10.4|3.11.5",
        "changed|account|mail|home=/var/spool/mail|home=/var/mail",
        "removed|account|postgres|uid=70 gid=70 home=/var/lib/postgresql shell=/bin/sh|",
        "changed|account|postmaster|home=/var/spool/mail|home=/var/mail",
        "removed|group|postgres|gid=70 members=|",
    ];
    assert_eq!((told(&found), found.unknown), (expected.map(str::to_owned).to_vec(), vec![]));
    // Here the declared program differs, a working directory of / is none, and the groups are others.
    let found = compared(
        &image("dive__test-docker-image.tar"),
        &image("snyk-docker-plugin__busybox.amd64.tar"),
    );
    let expected =
        ["added|group|nobody||gid=65534 members=", "removed|group|nogroup|gid=65534 members=|"];
    assert_eq!(told(&found), expected);
    // Another application on a later release, with the same users.
    let [alpine, npm] = ["alpine", "npm7-with-package-lock-file"]
        .map(|it| image(&format!("snyk-docker-plugin__{it}.tar")));
    let expected = [
        "changed|os|pretty_name|Alpine Linux v3.14|Alpine Linux v3.19",
        "changed|os|version_id|3.14.9|3.19.1",
        "added|entrypoint|||[\"npm\",\"start\"]",
        "removed|cmd||[\"/bin/sh\"]|",
        "added|workdir|||/goof",
        "added|port|9229/tcp||9229/tcp",
    ];
    assert_eq!(told(&compared(&alpine, &npm)), expected);
}

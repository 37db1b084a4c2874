//! Writes small archives of images as first inputs of the fuzz targets: `archives CORPUS`.

use std::path::PathBuf;
use testkit::{
    ArchiveFlavor, ArchiveOptions, Compression, Image, OciOptions, TarOptions, compress,
    docker_archive, oci_archive, random_fixture, rootfs_tar,
};

fn main() {
    let corpus = PathBuf::from(std::env::args_os().nth(1).expect("archives CORPUS"));
    let write = |transport: &str, name: &str, bytes: &[u8]| {
        let directory = corpus.join(transport);
        std::fs::create_dir_all(&directory).expect("the corpus can be written");
        std::fs::write(directory.join(name), bytes).expect("the corpus can be written");
    };
    for seed in 0..6 {
        let layers = random_fixture(seed);
        let tar = rootfs_tar(&layers, &TarOptions::default());
        write("tar", &format!("{seed}.tar"), &tar);
        for (name, compression) in
            [("gz", Compression::Gzip), ("zst", Compression::Zstd), ("xz", Compression::Xz)]
        {
            write("tar", &format!("{seed}.{name}"), &compress(&tar, compression));
        }
        let image = Image::from_layers(layers).reference("a:1");
        for (name, flavor) in [("old", ArchiveFlavor::Docker20), ("new", ArchiveFlavor::Docker25)] {
            let options = ArchiveOptions { flavor, ..ArchiveOptions::default() };
            let archive = docker_archive(std::slice::from_ref(&image), &options);
            write("docker-archive", &format!("{seed}.{name}"), &archive);
        }
        let options = OciOptions { nesting: 1, ..OciOptions::default() };
        write("oci-archive", &format!("{seed}.tar"), &oci_archive(&[image], &options));
    }
    let list: &[u8] = b"bin/sh\n./etc/passwd\nusr/\n";
    write("paths", "list", list);
    write("paths", "nul", b"bin/sh\0etc/passwd\0");
    write("paths", "json", br#"{"a:1":{"fs":["/bin/sh"]},"b:1":{"paths":{"/etc":["passwd"]}}}"#);
}

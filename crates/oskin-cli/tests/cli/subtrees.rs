//! `oskin subtrees` from outside: software that moved, its copies, and what is refused.

use crate::common::Place;

/// A list of paths: some that all have, and so many modules of a program in a directory.
fn list(place: &Place, name: &str, software: &[(&str, std::ops::Range<u32>)]) {
    let doc = (0..30).map(|number| format!("usr/share/doc/{number}\n"));
    let modules = software.iter().flat_map(|(directory, numbers)| {
        numbers.clone().map(move |at| format!("{directory}/lib{}/m{at}.py\n", at % 5))
    });
    place.file(name, doc.chain(modules).collect::<String>().as_bytes());
}

#[test]
fn moved_renamed_and_copied_subtrees_are_told_with_their_places() {
    let place = Place::new();
    list(
        &place,
        "left",
        &[
            ("opt/conda/lib/python3.11", 0..100),
            ("usr/lib/perl5.36", 200..230),
            ("srv/www", 300..310),
        ],
    );
    list(
        &place,
        "right",
        &[
            ("usr/lib/python3.11", 5..100),
            ("usr/lib/perl5.38", 200..230),
            ("srv/www", 300..310),
            ("home/www", 300..310),
        ],
    );
    let text = place.ok(&["subtrees", "paths:left", "paths:right"]);
    expect_test::expect![[r"
        left (196 paths) and right (205 paths): 51 in the same place, 151 elsewhere in 3 subtrees

                     DICE  COMMON  LEFT  RIGHT  FROM                      TO
        moved    0.975610     100   105    100  opt/conda/lib/python3.11  usr/lib/python3.11
        renamed       all      35    35     35  usr/lib/perl5.36          usr/lib/perl5.38
        renamed       all      16    16     16  srv (both have it)        home (one of 2)
    "]]
    .assert_eq(&text);

    let report = place.json(&["subtrees", "paths:left", "paths:right", "--top", "1"]);
    assert_eq!(report["schema"], "oskin.subtrees/1");
    assert_eq!((&report["subtrees"], &report["contents"]), (&3.into(), &false.into()));
    let matches = report["matches"].as_array().unwrap();
    assert_eq!(matches.len(), 1);
    assert_eq!((&matches[0]["kind"], &matches[0]["exact"]), (&"moved".into(), &false.into()));
    assert_eq!(matches[0]["left"]["path"], "opt/conda/lib/python3.11");
    assert_eq!(matches[0]["right"]["path"], "usr/lib/python3.11");
    assert_eq!(matches[0]["common"], 100);

    // The smaller ones are counted, but not listed; nothing but large ones are looked for.
    let text = place.ok(&["subtrees", "paths:left", "paths:right", "--top", "1"]);
    assert!(text.ends_with("\nand 2 smaller subtrees (see --top)\n"), "{text}");
    let text = place.ok(&["subtrees", "paths:left", "paths:right", "--min-paths", "1000"]);
    assert!(text.ends_with("and no subtree with 1,000 paths or more elsewhere\n"), "{text}");
}

#[test]
fn contents_count_if_they_are_asked_for() {
    let place = Place::new();
    for (root, directory, changed) in [("left", "opt/tool", 0), ("right", "usr/tool", 3)] {
        let inside = place.path().join(root).join(directory);
        std::fs::create_dir_all(&inside).unwrap();
        for file in 0..20 {
            let content = if file < changed { "new".to_owned() } else { file.to_string() };
            std::fs::write(inside.join(format!("f{file}")), content).unwrap();
        }
    }
    // Or else opt and usr would be alike as well.
    for file in 0..30 {
        std::fs::write(place.path().join(format!("left/opt/{file}")), "").unwrap();
    }
    let images = ["subtrees", "rootfs:left", "rootfs:right"];
    let by_paths = place.json(&images);
    assert_eq!(
        (&by_paths["elsewhere"], &by_paths["matches"][0]["exact"]),
        (&20.into(), &true.into())
    );
    let by_contents = place.json(&[&images[..], &["--contents"]].concat());
    let found = &by_contents["matches"][0];
    assert_eq!(
        (&found["common"], &found["dice"], &found["exact"]),
        (&17.into(), &0.85.into(), &false.into())
    );

    list(&place, "list", &[]);
    let ran = place.run(&["subtrees", "rootfs:left", "paths:list", "--contents"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("the contents of list are not known"), "{}", ran.stderr);
    assert!(ran.stderr.contains("leave out --contents"), "{}", ran.stderr);
}

//! Dockerfiles with one oddity each, any bytes at all, and a second parser as a second opinion.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use oskin::dockerfile::{
    Base, Dockerfile, Encoding, MAX_BYTES, Reference, Refusal, TemplateKind, UsedFrom, parse,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

fn read(text: &str) -> Dockerfile {
    parse(text.as_bytes(), &BTreeMap::new()).unwrap_or_else(|refusal| panic!("{text:?}: {refusal}"))
}

/// What the built image stands on, in few words.
fn foundation(file: &Dockerfile) -> String {
    match &file.foundation().base {
        Base::Image(image) => image.familiar(),
        Base::Scratch => "scratch".to_owned(),
        Base::Unresolved(names) => format!("${}", names.join("$")),
        Base::Template(kind) => kind.name().to_owned(),
        Base::Invalid(why) => why.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_pitfall_has_its_base() {
    for (what, text, base, stages) in [
        ("an argument", "ARG T=8-slim\nFROM node:${T}\n", "node:8-slim", 1),
        ("an argument of an argument", "ARG A=1\nARG B=x:$A\nFROM $B\n", "x:1", 1),
        ("a quoted argument", "ARG A=\"a b\" B='x'\nFROM $B\n", "x:latest", 1),
        ("a default in FROM", "FROM a:${T:-1}\n", "a:1", 1),
        ("a default that is not needed", "ARG T=2\nFROM a:${T:-1}\n", "a:2", 1),
        ("an empty argument", "ARG T=\nFROM ${T}a${T:-:1}\n", "a:1", 1),
        ("an alternative", "ARG SLIM=1\nFROM a:9${SLIM:+-slim}\n", "a:9-slim", 1),
        ("a cut argument", "ARG V=v1.2.3\nFROM a:${V#v}\n", "a:1.2.3", 1),
        ("a cut end", "ARG V=1.2.3\nFROM a:${V%.*}\n", "a:1.2", 1),
        ("quotes in FROM", "FROM \"a:1\"\n", "a:1", 1),
        ("no value", "ARG T\nFROM a:$T\n", "$T", 1),
        ("no declaration", "FROM ${A}/${B}\n", "$A$B", 1),
        ("an argument inside of a stage", "FROM a\nARG T=1\nFROM b:$T\n", "$T", 2),
        ("a platform argument", "FROM a-$TARGETARCH\n", "$TARGETARCH", 1),
        ("names", "FROM a AS x\nFROM b\nCOPY --from=x / /\n", "b:latest", 2),
        ("lower case", "from a as X\nfrom x\n", "a:latest", 2),
        ("a tab", "from\ta:1\n", "a:1", 1),
        ("stages of stages", "FROM a AS x\nFROM x AS y\nFROM Y AS z\nFROM z\n", "a:latest", 4),
        ("an own name", "FROM a AS a\nFROM a\n", "a:latest", 2),
        ("a stage name again", "FROM a AS x\nFROM b AS x\nFROM x\n", "b:latest", 3),
        ("a later stage", "FROM x\nFROM a AS x\nFROM b\n", "b:latest", 3),
        ("a stage by its number is an image", "FROM a\nFROM 0\n", "0:latest", 2),
        ("scratch", "FROM golang AS x\nFROM scratch\n", "scratch", 2),
        (
            "a platform",
            "FROM --platform=$BUILDPLATFORM a AS x\nFROM --platform=linux/arm64 b\n",
            "b:latest",
            2,
        ),
        ("a registry with a port", "FROM host:5000/a\n", "host:5000/a:latest", 1),
        ("CRLF", "FROM a \\\r\n  AS x\r\nFROM x\r\n", "a:latest", 2),
        ("CR alone is a blank", "FROM a\rAS\rx\n", "a:latest", 1),
        ("a byte order mark", "\u{feff}FROM a", "a:latest", 1),
        ("no final newline", "FROM a\nRUN b \\", "a:latest", 1),
        ("an escape directive", "# escape=`\nFROM a`\n:1\nRUN dir c:\\\nFROM b", "b:latest", 2),
        (
            "directives before it",
            "# syntax=d/f:1\n# check=skip=all\n# escape=`\nFROM a`\n:1",
            "a:1",
            1,
        ),
        ("an escape directive too late", "#\n# escape=`\nFROM a:1\nRUN b`\nFROM c", "c:latest", 2),
        ("a blank behind the escape", "FROM a\nRUN b \\ \t\nFROM c\n", "a:latest", 1),
        ("a comment in a continuation", "FROM a\nRUN b \\\n  # FROM d\\\nFROM c\n", "a:latest", 1),
        ("an empty line in one", "FROM a\nRUN b \\\n\n\nFROM c\n", "a:latest", 1),
        ("an escaped escape", "FROM a\nRUN b \\\\\nFROM c\n", "c:latest", 2),
        ("a heredoc", "FROM a\nRUN <<EOF\nFROM b\nEOF\n", "a:latest", 1),
        (
            "a heredoc with tabs",
            "FROM a\nRUN sh <<-\"E F\"\nFROM b\n\tE F\nFROM c\n",
            "c:latest",
            2,
        ),
        ("two heredocs", "FROM a\nCOPY <<A <<B /d\nFROM b\nA\nFROM c\nB\nFROM d\n", "d:latest", 2),
        ("a heredoc that is none", "FROM a\nRUN echo '<<EOF' $((1<<2))\nFROM b\n", "b:latest", 2),
        ("a heredoc in JSON", "FROM a\nRUN [\"<<EOF\"]\nFROM b\n", "b:latest", 2),
        (
            "ONBUILD",
            "FROM a\nONBUILD RUN <<E\nFROM b\nE\nONBUILD COPY --from=x / /\n",
            "a:latest",
            1,
        ),
        ("an unknown instruction", "FROM a\nCROSS_COPY b\nFROM c\n", "c:latest", 2),
        ("an argument that is left out", "FROM a\nENTRYPOINT\nCMD\nFROM b\n", "b:latest", 2),
        ("an indented comment", "  # c\n  FROM a\n", "a:latest", 1),
        ("words too many", "FROM a b\n", "a:latest", 1),
        ("Jinja", "FROM a:{{ version }}\n", "jinja", 1),
        ("a template of Go", "FROM {{ .Base }} AS x\nFROM x\n", "go", 2),
        ("cookiecutter", "FROM python:{{cookiecutter.python}}\n", "cookiecutter", 1),
        ("ERB", "FROM <%= base %>\n", "erb", 1),
        ("a word in capitals", "FROM BASEIMAGE\n", "placeholder", 1),
        ("a placeholder", "FROM a:%%TAG%%\n", "placeholder", 1),
        ("a template in an argument", "ARG B={{base}}\nFROM $B\n", "jinja", 1),
        ("capitals", "FROM Ubuntu:1\n", "the name has capitals", 1),
        ("an open brace", "FROM ${A\n", "a { is never closed", 1),
    ] {
        let file = read(text);
        assert_eq!((foundation(&file).as_str(), file.stages.len()), (base, stages), "{what}");
    }
}

#[test]
fn stages_are_told_whole() {
    let file = read(
        "# syntax=docker/dockerfile:1\nARG V=1\nFROM --platform=$BUILDPLATFORM go:$V AS Build\n\
         RUN --mount=type=cache,target=/c --mount=type=bind,from=tools:2,target=/t make\n\
         FROM base\nCOPY --from=build --chown=1 /a /\nCOPY --from=0 /b /\nADD --from=other/image /c /\n\
         COPY --from=7 /d /\nCOPY --from=$X /e /\nONBUILD RUN x\n",
    );
    assert_eq!(file.syntax.as_deref(), Some("docker/dockerfile:1"));
    assert_eq!((file.encoding, file.onbuild, file.template), (Encoding::Utf8, 1, None));
    let [build, last] = &file.stages[..] else { panic!("{file:?}") };
    assert_eq!((build.line, build.name.as_deref()), (3, Some("build")));
    assert_eq!(build.platform.as_deref(), Some("$BUILDPLATFORM"));
    assert_eq!(build.written, "go:$V");
    assert_eq!(build.base, Base::Image(Reference::parse("go:1").unwrap()));
    let used: Vec<(usize, &str, &UsedFrom)> =
        last.used.iter().map(|used| (used.line, used.written.as_str(), &used.from)).collect();
    let other = UsedFrom::Image(Reference::parse("other/image").unwrap());
    let expected = [
        (6, "build", &UsedFrom::Stage(0)),
        (7, "0", &UsedFrom::Stage(0)),
        (8, "other/image", &other),
        (9, "7", &UsedFrom::Unknown),
        (10, "$X", &UsedFrom::Unknown),
    ];
    assert_eq!(used, expected);
    let images: Vec<String> = file.used_images().iter().map(|image| image.familiar()).collect();
    assert_eq!(images, ["tools:2", "other/image:latest"]);
    let problems: Vec<String> =
        file.problems.iter().map(|problem| format!("{}: {}", problem.line, problem.what)).collect();
    let expected =
        ["9: 7 is neither a stage nor an image", "10: $X is neither a stage nor an image"];
    assert_eq!(problems, expected);
}

#[test]
fn values_that_were_given_come_before_defaults() {
    let given = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let text = b"ARG A=1\nARG B=x$A\nFROM a:$B-$TARGETARCH$C\n";
    let base = |pairs: &[(&str, &str)]| foundation(&parse(text, &given(pairs)).unwrap());
    assert_eq!(base(&[]), "$C$TARGETARCH");
    assert_eq!(base(&[("A", "2"), ("TARGETARCH", "arm"), ("C", "no")]), "$C");
    let text = b"ARG A=1\nARG B=x$A\nFROM a:$B-$TARGETARCH\n";
    let base = |pairs: &[(&str, &str)]| foundation(&parse(text, &given(pairs)).unwrap());
    assert_eq!(base(&[("A", "2"), ("TARGETARCH", "arm")]), "a:x2-arm");
    assert_eq!(base(&[("B", "y"), ("TARGETARCH", "arm")]), "a:y-arm");
}

#[test]
fn encodings_are_read() {
    let text = "FROM a # é\r\nFROM b\r\n";
    let utf16: Vec<u8> =
        [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> =
        [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
    for (bytes, encoding) in [
        (utf16.clone(), Encoding::Utf16Le),
        (big, Encoding::Utf16Be),
        (utf16[2..].to_vec(), Encoding::Utf16Le),
        (text.as_bytes().to_vec(), Encoding::Utf8),
        (b"# \xe9\nFROM a\nFROM b\n".to_vec(), Encoding::Other),
    ] {
        let file = parse(&bytes, &BTreeMap::new()).unwrap();
        assert_eq!((file.encoding, foundation(&file).as_str()), (encoding, "b:latest"));
    }
}

#[test]
fn what_has_no_stage_is_refused_with_a_reason() {
    let large = vec![b'#'; MAX_BYTES + 1];
    let many = "FROM a\n".repeat(1001);
    for (bytes, refusal) in [
        (&b""[..], Refusal::Empty),
        (b" \n\t\r\n", Refusal::Empty),
        (b"\xef\xbb\xbf", Refusal::Empty),
        (b"# a\n\n  # b", Refusal::Comments),
        (b"../jre/Dockerfile", Refusal::Link),
        (b"RUN a\nRUN b", Refusal::NoFrom),
        (b"ARG A=1", Refusal::NoFrom),
        (b"FROM\n", Refusal::NoFrom),
        (b"<html>\n", Refusal::NoFrom),
        (b"\x7fELF\x02\0\0\0\0\0", Refusal::Binary),
        (&large, Refusal::TooLarge),
        (many.as_bytes(), Refusal::TooManyStages),
    ] {
        let found = parse(bytes, &BTreeMap::new());
        assert_eq!(found, Err(refusal), "{:?}", bytes.get(..20));
    }
}

#[test]
fn templates_are_told_though_their_base_is_known() {
    for (text, kind) in [
        ("FROM a\nENV V={{ v }}\n", Some(TemplateKind::Jinja)),
        ("{{ if x }}\nFROM a\n{{ end }}\n", Some(TemplateKind::Go)),
        ("FROM a\nRUN docker ps --format '{{.ID}}'\n", None),
    ] {
        let file = read(text);
        assert_eq!((file.template, foundation(&file).as_str()), (kind, "a:latest"), "{text}");
    }
}

#[test]
fn hostile_files_end_soon() {
    // Each argument lacks all that the one before it lacks, and one more.
    let chain: Vec<String> = (1..30_000).map(|i| format!("ARG A{i}=$A{}$B{i}\n", i - 1)).collect();
    let chain = chain.concat();
    let file = parse(format!("{chain}FROM $A500$C").as_bytes(), &BTreeMap::new()).unwrap();
    let Base::Unresolved(names) = &file.stages[0].base else { panic!("{file:?}") };
    assert_eq!(names.len(), 16);
    let pieces = [
        "RUN a <<E\n".to_owned(),
        "# escape=`\n".to_owned(),
        "ARG A=${A:-${A:-${A}}}\n".to_owned(),
        format!("ARG A=aaaa B{}=$A$A$A$A A=$B$B\n", "x".repeat(9)),
        "junk\n".to_owned(),
        "COPY --from=a,b / /\n".to_owned(),
        "ARG A=".to_owned(),
        "${A//a*b*/$A}".to_owned(),
        "\\\n".to_owned(),
        "${".to_owned(),
    ];
    for piece in pieces {
        let body = piece.repeat((MAX_BYTES - 100) / piece.len());
        for text in [format!("FROM a\n{body}"), format!("{body}\nFROM a$A"), format!("FROM {body}")]
        {
            let start = std::time::Instant::now();
            if let Ok(file) = parse(text.as_bytes(), &BTreeMap::new()) {
                assert!(file.problems.len() <= 20);
            }
            let spent = start.elapsed().as_secs();
            // Milliseconds if all goes well; a minute would be the square of the size.
            assert!(spent < 20, "{piece:?}: {spent} s");
        }
    }
}

/// Lines of which files are put together.
fn line() -> impl Strategy<Value = String> {
    let fixed = [
        "FROM a",
        "from b:1 AS x",
        "FROM x",
        "FROM --platform=linux/amd64 c@d AS y",
        "FROM scratch",
        "\tFROM  d  as  Z",
        "FROM \\",
        "FROM e \\",
        " AS w",
        "ARG V=1",
        "ARG W=\"a b\"",
        "FROM f:$V",
        "RUN a \\",
        "RUN a \\ ",
        "RUN a\\\\",
        "RUN a `",
        "# a comment \\",
        "  # another",
        "",
        "   ",
        "RUN cat <<EOF",
        "RUN cat <<-'E'",
        "COPY <<A <<B /x",
        "EOF",
        "\tE",
        "A",
        "B",
        "RUN <<\"E\" x",
        "COPY --from=x a b",
        "COPY --from=0 a b",
        "RUN [\"a\", \"<<EOF\"]",
        "ENV A b",
        "&& x",
        "ONBUILD RUN <<A",
        "LABEL a=b \\",
        "EXPOSE 1",
        "# escape=`",
        "# syntax=x",
        "\\",
    ];
    (prop::sample::select(fixed.to_vec()), prop::sample::select(vec!["\n", "\n", "\r\n"]))
        .prop_map(|(line, end)| format!("{line}{end}"))
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        drop(parse(&bytes, &BTreeMap::new()));
    }

    #[test]
    fn lines_in_any_order_are_read_or_refused(lines in prop::collection::vec(line(), 0..12)) {
        drop(parse(lines.concat().as_bytes(), &BTreeMap::new()));
    }

    #[test]
    fn any_text_behind_from_is_read(text in "[ -~\\t\\n\u{e9}]{0,60}", escape in "(# escape=`\n)?") {
        let file = parse(format!("{escape}FROM a\nFROM {text}").as_bytes(), &BTreeMap::new());
        prop_assert!(!file.unwrap().stages.is_empty());
    }

    #[test]
    fn any_substitution_is_read(word in "[a\\$\\{\\}:+?#%/*'\"\\\\-]{0,40}") {
        let text = format!("ARG a=aa\nARG b={word}\nFROM {word}\nFROM ${{b:-x}}\n");
        drop(parse(text.as_bytes(), &BTreeMap::new()));
    }
}

/// The official parser, as the package `dockerfile` of Python has it: of each text the first words
/// of its FROM instructions and their lines, or null where it refuses the text.
const OFFICIAL: &str = "
import dockerfile, json, sys
for text in sys.stdin:
    try:
        found = dockerfile.parse_string(json.loads(text))
        print(json.dumps([[c.start_line, *c.value] for c in found if c.cmd.upper() == 'FROM']))
    except dockerfile.GoParseError:
        print('null')
";

/// Asks it of many texts; nothing if it is not there.
fn official(texts: &[String]) -> Option<Vec<serde_json::Value>> {
    let mut python = Command::new("python3");
    python.args(["-c", OFFICIAL]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = python.stderr(Stdio::null()).spawn().ok()?;
    let mut input = child.stdin.take().unwrap();
    let lines: String = texts
        .iter()
        .map(|text| serde_json::Value::from(text.as_str()).to_string() + "\n")
        .collect();
    let writer = std::thread::spawn(move || drop(input.write_all(lines.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let found: Vec<_> = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
    (output.status.success() && found.len() == texts.len()).then_some(found)
}

#[test]
fn lines_in_any_order_mean_what_the_official_parser_says() {
    let mut runner = TestRunner::deterministic();
    let lines = prop::collection::vec(line(), 1..12);
    let texts: Vec<String> =
        (0..4000).map(|_| lines.new_tree(&mut runner).unwrap().current().concat()).collect();
    let Some(expected) = official(&texts) else {
        eprintln!("skipped: no python3 with the package dockerfile");
        return;
    };
    let mut compared = 0;
    for (text, expected) in texts.iter().zip(expected) {
        let Some(expected) = expected.as_array() else { continue };
        let expected: Vec<(u64, &str)> = expected
            .iter()
            .filter_map(|from| Some((from[0].as_u64().unwrap(), from[1].as_str()?)))
            .collect();
        let file = parse(text.as_bytes(), &BTreeMap::new());
        let stages = file.as_ref().map_or(&[][..], |file| &file.stages[..]);
        let found: Vec<(u64, &str)> =
            stages.iter().map(|stage| (stage.line as u64, stage.written.as_str())).collect();
        assert_eq!(found, expected, "{text:?}");
        compared += usize::from(!expected.is_empty());
    }
    assert!(compared > 1000, "{compared}");
}

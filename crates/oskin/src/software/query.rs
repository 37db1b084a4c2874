//! What is asked for when software is looked for: `openssl<3`, `deb:openssl`, `lib*ssl*`, `pkg:deb/debian/openssl`.

use super::bounds::{self, NotAQuery, Operator};
use super::kinds::kind;
use super::near::Likeness;
use super::version::compare;
use crate::image::Package;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// A question for packages: names, and versions within bounds.
///
/// `[TYPE:]NAME[OP VERSION[,OP VERSION]...]`, or a package URL in place of type and name, whose version is a bound
/// `==`. Blanks may stand for the commas, `NAME@VERSION` for `NAME=VERSION`. Names and types are the same whatever their
/// case; `*` in a name stands for any text. Versions begin with a digit, or with `v` and a digit, which is the same;
/// behind `=`, `==` and `!=` they may end with `.*` or `.x`, so that `=3.*` and `==3.*` are `=3`. Whatever else there is is
/// refused.
///
/// | bound | holds for |
/// |---|---|
/// | `<` `<=` `>` `>=` | versions by the order of their kind |
/// | `=` | the version, and what goes on from it: `=3.11` is 3.11 and 3.11.4, neither 3.110 nor 3.11~rc1 |
/// | `==` | versions that mean the same to their kind |
/// | `!=` | all that `=` does not hold for |
///
/// Bounds are about the version of the software. An epoch only repairs the order of one distribution (openssl is 1:3.0.7
/// in Fedora and 3.0.11 in Debian), and a revision is about the packing: neither counts unless the bound has one. So
/// `<3` holds for 1:1.1.1-2 and not for 3.0.1-1, whereas `<1:3` compares epochs too. The same goes for the local
/// part of Python's versions. A package whose version is not known is within no bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    kind: Option<String>,
    namespace: Option<String>,
    /// In lower case.
    name: String,
    /// As names of Python are written.
    python_name: String,
    qualifiers: BTreeMap<String, String>,
    bounds: Vec<(Operator, String)>,
}

impl Query {
    /// Reads a question. O(bytes).
    ///
    /// # Errors
    ///
    /// [`NotAQuery`] tells what is wrong.
    ///
    /// ```
    /// # use oskin::{image::Package, software::Query};
    /// let old = Query::parse("openssl>=1.1,<3").unwrap();
    /// let package = Package::from_purl("pkg:deb/debian/openssl@1.1.1n-0%2Bdeb11u5").unwrap();
    /// assert!(old.names(&package) && old.holds(&package, &package.version));
    /// ```
    pub fn parse(text: &str) -> Result<Self, NotAQuery> {
        let text = text.trim();
        let is_purl = text.get(..4).is_some_and(|it| it.eq_ignore_ascii_case("pkg:"));
        // Qualifiers of a package URL have signs of equality of their own.
        let free = if is_purl { text.find('?').unwrap_or(text.len()) } else { text.len() };
        let end = text[..free].find(bounds::is_operator).unwrap_or(text.len());
        let (named, after) = text.split_at(end);
        let named = named.trim();
        // `~=`, `^=` and the like are told by what their first sign is, not by what is left of them.
        if named.ends_with('~') {
            return Err(NotAQuery::NoOperator('~'));
        }
        let mut bounds = bounds::parse(after)?;
        let package = if is_purl {
            bounds::check_purl(named)?;
            let package = Package::from_purl(named)?;
            kind(&package.kind)?;
            package
        } else {
            let (kind, name) = typed(named)?;
            let (name, version) = bounds::at_version(name.trim())?;
            bounds.splice(..0, version);
            bounds::check_name(name)?;
            let name = name.trim_matches('/').to_lowercase();
            Package { kind: kind.to_owned(), name, ..Package::default() }
        };
        if package.name.is_empty() {
            return Err(NotAQuery::NoName);
        }
        let Package { kind, namespace, name, version, qualifiers, .. } = package;
        if !version.is_empty() {
            bounds.insert(0, (Operator::Same, version));
        }
        let name = name.to_lowercase();
        let mut python = Package { kind: "pypi".to_owned(), name, ..Package::default() };
        let name = python.name.clone();
        python.normalize();
        Ok(Self {
            namespace: is_purl.then(|| namespace.to_lowercase()),
            kind: (!kind.is_empty()).then_some(kind),
            python_name: python.name,
            name,
            qualifiers,
            bounds,
        })
    }

    /// Whether the package is one of those that are named; of which version is not asked.
    ///
    /// A namespace that is a part of the name (npm, Go, Maven) may be named before it or not, but a scope of npm must,
    /// since its packages are others: `types/react` is not `react`.
    pub fn names(&self, package: &Package) -> bool {
        self.is_of(package) && {
            let is_scoped = package.kind == "npm" && !package.namespace.is_empty();
            let wanted = self.wanted(package);
            let by_itself =
                (!is_scoped || self.namespace.is_some()) && is_like(wanted, &package.name);
            by_itself || self.namespace.is_none() && with_namespace(wanted, package, is_like)
        }
    }

    /// How like the package's name is to the one that is asked for, if that may have been meant. O(product of lengths).
    pub fn likeness(&self, package: &Package) -> Option<Likeness> {
        let wanted = self.wanted(package).replace('*', "");
        let is_kind = self.kind.as_ref().is_none_or(|kind| *kind == package.kind);
        let of = |name: &str| Likeness::of(&wanted, &name.to_lowercase());
        let whole = || wanted.contains(['/', ':']).then(|| of(&package.shown_name())).flatten();
        if is_kind { of(&package.name).or_else(whole) } else { None }
    }

    /// The type that is asked for.
    pub fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    /// The name that is asked for, in lower case; `*` stands for any text.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// If the package was built from a source of that name, and is not named so itself: the version that counts.
    pub fn source<'p>(&self, package: &'p Package) -> Option<&'p str> {
        let upstream = package.qualifiers.get("upstream")?;
        let (name, version) = match upstream.strip_suffix(".src.rpm") {
            // `name-version-release.src.rpm`, as some bills of materials have it.
            Some(file) => (file.rsplitn(3, '-').last().unwrap_or(file), ""),
            None => upstream.split_once('@').unwrap_or((upstream, "")),
        };
        let is_it = self.is_of(package) && is_like(&self.name, name) && !self.names(package);
        is_it.then_some(if version.is_empty() { &package.version } else { version })
    }

    /// Whether a version, that of the package or of its source, is within all bounds.
    pub fn holds(&self, package: &Package, version: &str) -> bool {
        self.bounds.iter().all(|bound| is_within(bound, package, version))
    }

    /// Whether no version is asked for.
    pub fn is_of_any_version(&self) -> bool {
        self.bounds.is_empty()
    }

    /// Kind, namespace and qualifiers are as asked for.
    fn is_of(&self, package: &Package) -> bool {
        let is_vendor = package.full_name().1 != package.namespace;
        let namespace = self.namespace.as_ref().is_none_or(|asked| {
            is_vendor && asked.is_empty() || package.namespace.eq_ignore_ascii_case(asked)
        });
        namespace
            && self.kind.as_ref().is_none_or(|kind| *kind == package.kind)
            && self.qualifiers.iter().all(|(key, value)| package.qualifiers.get(key) == Some(value))
    }

    fn wanted(&self, package: &Package) -> &str {
        if package.kind == "pypi" { &self.python_name } else { &self.name }
    }
}

/// Splits a type and a name; names of Perl have two colons, groups of Maven have dots.
fn typed(named: &str) -> Result<(&'static str, &str), NotAQuery> {
    let is_type = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    match named.split_once(':') {
        Some((before, name)) if is_type(before) && !name.starts_with(':') => {
            Ok((kind(before)?, name))
        }
        _ => Ok(("", named)),
    }
}

/// Tries the name with the namespace before it, if that is a part of it.
fn with_namespace(wanted: &str, package: &Package, test: impl Fn(&str, &str) -> bool) -> bool {
    let (_, namespace, name) = package.full_name();
    let may_be = !namespace.is_empty() && wanted.contains(['/', '*', ':']);
    may_be && (test(wanted, &format!("{namespace}/{name}")) || test(wanted, &package.shown_name()))
}

/// Whether a name is the wanted one, which is in lower case and may have `*` for any text. O(length of both) but for
/// the search of pieces.
fn is_like(wanted: &str, name: &str) -> bool {
    let Some((first, rest)) = wanted.split_once('*') else {
        return name.eq_ignore_ascii_case(wanted)
            || !name.is_ascii() && name.to_lowercase() == wanted;
    };
    let name = name.to_lowercase();
    let Some(mut left) = name.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for piece in middle.split('*') {
        // The earliest place leaves most for the others.
        let Some(at) = left.find(piece) else { return false };
        left = &left[at + piece.len()..];
    }
    left.ends_with(last)
}

fn is_within((operator, bound): &(Operator, String), package: &Package, version: &str) -> bool {
    if version.is_empty() {
        return false;
    }
    let kind = package.kind.as_str();
    let full = with_epoch(package, version, bound);
    let version = plain(counted(kind, full.as_deref().unwrap_or(version), bound));
    let order = compare(kind, version, bound);
    match operator {
        Operator::Less => order.is_lt(),
        Operator::AtMost => order.is_le(),
        Operator::More => order.is_gt(),
        Operator::AtLeast => order.is_ge(),
        Operator::Same => order.is_eq(),
        Operator::Within => goes_on(version, bound, order),
        Operator::NotWithin => !goes_on(version, bound, order),
    }
}

/// A version without the `v` before its first digit, which bounds have not either.
fn plain(version: &str) -> &str {
    let bare = version.strip_prefix('v');
    bare.filter(|it| it.starts_with(|c: char| c.is_ascii_digit())).unwrap_or(version)
}

/// Whether a version is the bound or goes on from it, and does not come before it.
fn goes_on(version: &str, bound: &str, order: Ordering) -> bool {
    let rest = version.strip_prefix(plain(bound));
    let is_same_number = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_digit());
    order.is_eq() || order.is_gt() && rest.is_some_and(is_same_number)
}

/// Puts the epoch of rpm, which stands beside its version, before it if the bound has one.
fn with_epoch(package: &Package, version: &str, bound: &str) -> Option<String> {
    let epoch = package.qualifiers.get("epoch").filter(|_| package.kind == "rpm")?;
    let is_asked = has_epoch(bound) && !has_epoch(version);
    is_asked.then(|| format!("{epoch}:{version}"))
}

fn has_epoch(version: &str) -> bool {
    let digits = version.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 && version.as_bytes().get(digits) == Some(&b':')
}

/// What of a version counts beside a bound: epochs, revisions and local parts only if the bound has them.
fn counted<'v>(kind: &str, version: &'v str, bound: &str) -> &'v str {
    let mut counted = version;
    match kind {
        "deb" | "opkg" | "rpm" | "alpm" => {
            if has_epoch(counted) && !has_epoch(bound) {
                counted = counted.split_once(':').map_or(counted, |(_, rest)| rest);
            }
            if !bound.contains('-') {
                counted = counted.rsplit_once('-').map_or(counted, |(before, _)| before);
            }
        }
        "apk" if !bound.contains("-r") => {
            counted = counted.rsplit_once("-r").map_or(counted, |(before, _)| before);
        }
        "pypi" => {
            if !bound.contains('!') {
                counted = counted.split_once('!').map_or(counted, |(_, rest)| rest);
            }
            if !bound.contains('+') {
                counted = counted.split_once('+').map_or(counted, |(before, _)| before);
            }
        }
        _ => {}
    }
    // A version that is nothing else is taken as it is.
    if counted.is_empty() { version } else { counted }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn finds(query: &str, purl: &str) -> bool {
        let (query, package) = (Query::parse(query).unwrap(), Package::from_purl(purl).unwrap());
        query.names(&package) && query.holds(&package, &package.version)
    }

    #[test]
    fn names_are_met_whole_or_by_pattern() {
        for (query, purl, is_found) in [
            ("openssl", "pkg:deb/debian/openssl@3", true),
            ("OpenSSL", "pkg:deb/debian/openssl@3", true),
            ("ssl", "pkg:deb/debian/openssl@3", false),
            ("deb:openssl", "pkg:deb/debian/openssl@3", true),
            ("rpm:openssl", "pkg:deb/debian/openssl@3", false),
            ("pkg:deb/debian/openssl", "pkg:deb/debian/openssl@3", true),
            ("pkg:deb/openssl", "pkg:deb/debian/openssl@3", true),
            ("pkg:deb/ubuntu/openssl", "pkg:deb/debian/openssl@3", false),
            ("pkg:deb/debian/openssl?arch=amd64", "pkg:deb/debian/openssl@3?arch=amd64", true),
            ("pkg:deb/debian/openssl?arch=amd64", "pkg:deb/debian/openssl@3?arch=arm64", false),
            ("pkg:deb/debian/openssl@3", "pkg:deb/debian/openssl@3-1", true),
            ("pkg:deb/debian/openssl@3", "pkg:deb/debian/openssl@3.1-1", false),
            ("pkg:deb/debian/openssl<4", "pkg:deb/debian/openssl@3.1-1", true),
            ("lib*ssl*", "pkg:deb/debian/libssl3@3", true),
            ("lib*ssl*", "pkg:deb/debian/libgnutls-openssl27@3", true),
            ("lib*ssl", "pkg:deb/debian/libssl3@3", false),
            ("*", "pkg:deb/debian/libssl3@3", true),
            ("a*a", "pkg:deb/debian/a@3", false),
            ("a*b*b", "pkg:deb/debian/ab@3", false),
            ("core", "pkg:npm/%40angular/core@3", false),
            ("@angular/core", "pkg:npm/%40angular/core@3", true),
            ("@angular/*", "pkg:npm/%40angular/core@3", true),
            ("pkg:npm/%40angular/core", "pkg:npm/%40angular/core@3", true),
            ("pkg:npm/core", "pkg:npm/%40angular/core@3", false),
            ("log4j-core", "pkg:maven/org.apache/log4j-core@2", true),
            ("org.apache:log4j-core", "pkg:maven/org.apache/log4j-core@2", true),
            ("org.apache/log4j-core", "pkg:maven/org.apache/log4j-core@2", true),
            ("org.other:log4j-core", "pkg:maven/org.apache/log4j-core@2", false),
            ("Ruamel.YAML", "pkg:pypi/ruamel_yaml@0.18", true),
            ("Moose::Role", "pkg:cpan/Moose::Role@2", true),
            ("libstdc++6", "pkg:deb/debian/libstdc%2B%2B6@12", true),
        ] {
            assert_eq!(finds(query, purl), is_found, "{query} {purl}");
        }
    }

    #[test]
    fn versions_are_those_of_the_software() {
        for (bounds, kind, version, holds) in [
            ("<3", "deb", "3.0.1-1", false),
            ("<3", "deb", "1:1.1.1-2", true),
            ("<3", "deb", "1:3.0.1-2", false),
            (">=3", "deb", "1:3-2", true),
            ("<1:3", "deb", "2.0", true),
            ("<1:3", "deb", "1:2.0-1", true),
            ("<1:3", "deb", "2:2.0-1", false),
            ("<1:3", "deb", "4.0-1", true),
            ("<3", "deb", "3~rc1-1", true),
            ("==1.1.1", "deb", "1.1.1-9", true),
            ("==1.1.1-8", "deb", "1.1.1-9", false),
            (">1.1.1-8", "deb", "1.1.1-9", true),
            (">=1.1.1,<3", "deb", "1.1.1n-0+deb11u5", true),
            (">=1.1.1,<3", "deb", "1.1.0-1", false),
            ("=1.1.1", "deb", "1.1.1n-0+deb11u5", true),
            ("=3.11", "deb", "3.11.2-6", true),
            ("=3.11", "deb", "3.110-6", false),
            ("=3.11", "deb", "3.11~rc1-1", false),
            ("!=3.11", "deb", "3.11.2-6", false),
            ("!=3.11", "deb", "3.12.2-6", true),
            ("=3.11", "pypi", "3.11rc1", false),
            ("<2", "pypi", "1!1.5", true),
            ("<=1.5", "pypi", "1.5+cpu", true),
            ("<=1.5+a", "pypi", "1.5+cpu", false),
            ("==3.1.4", "apk", "3.1.4-r5", true),
            ("<3.1.4-r6", "apk", "3.1.4-r5", true),
            ("=1.10", "npm", "1.10.2", true),
            ("<1.10", "npm", "1.9.0", true),
            ("=1.2", "golang", "v1.2.3", true),
            ("==3.0.7", "rpm", "3.0.7-1.el9", true),
            ("<3", "deb", "", false),
        ] {
            let query = Query::parse(&format!("x{bounds}")).unwrap();
            let package = Package { kind: kind.to_owned(), ..Package::generic("", "x", version) };
            assert_eq!(query.holds(&package, version), holds, "{bounds} {kind} {version}");
        }
        let with_epoch = "pkg:rpm/x@3.0.7-1?epoch=1";
        assert!(
            finds("x<4", with_epoch) && finds("x>=1:3", with_epoch) && !finds("x<1:3", with_epoch)
        );
    }

    #[test]
    fn sources_are_told_by_upstream() {
        let of = |query: &str, purl: &str| {
            let package = Package::from_purl(purl).unwrap();
            Query::parse(query).unwrap().source(&package).map(str::to_owned)
        };
        let version = |it: &str| Some(it.to_owned());
        assert_eq!(of("openssl", "pkg:deb/debian/libssl3@3.0?upstream=openssl"), version("3.0"));
        assert_eq!(of("gcc*", "pkg:deb/debian/x@1?upstream=gcc-12%4012.2"), version("12.2"));
        assert_eq!(of("a-b", "pkg:rpm/x@1?upstream=a-b-3-1.src.rpm"), version("1"));
        assert_eq!(of("openssl", "pkg:deb/debian/openssl@3.0?upstream=openssl"), None);
        assert_eq!(of("ssl", "pkg:deb/debian/libssl3@3.0?upstream=openssl"), None);
        assert_eq!(of("rpm:openssl", "pkg:deb/debian/libssl3@3.0?upstream=openssl"), None);
    }

    #[test]
    fn what_asks_for_nothing_is_told() {
        for text in [
            "",
            " ",
            "<3",
            "deb:",
            "deb:<3",
            "x<",
            "x<3,",
            "x=>3",
            "x<3,4",
            "x!3",
            "pkg:deb",
            "x>1.22;<1.26",
            "x>1.22 and <1.26",
            "x<3.*",
            "x<3.x",
            "x>=3.1.*",
            "x=3*",
            "x<three",
            "x<v",
            "x~=3",
            "x ~= 3",
            "x^3",
            "x^=3",
            "x~3",
            "x 3",
            "x,y",
            "x|y",
            "x;y",
            "x y",
            "x@latest",
            "x@",
            "x@3 y",
            "x===3",
            "x<>3",
            "x (>= 3)",
            "x<3 4",
            "x>=3 || <2",
            "x>=3,,<4",
            "x,<3",
            "x=3|4",
            "dbe:x",
            "junit:junit",
            "pkg:debian/x",
            "pkg:deb/x,y",
            "pkg:deb/x?arch=amd64<3",
            "pkg:deb/x?arch=amd64=3",
            "pkg:deb/x y",
            "lib?ssl",
            "lib[a-z]",
        ] {
            let query = Query::parse(text);
            assert!(query.is_err(), "{text} {query:?}");
        }
        let same = |one: &str, other: &str| {
            assert_eq!(Query::parse(one).unwrap(), Query::parse(other).unwrap(), "{one}");
        };
        same(" x < 3 , >= 2 ", "x<3,>=2");
        same("x>=3 <3.5", "x>=3,<3.5");
        same("x>=3<3.5", "x>=3,<3.5");
        same("x=3!=3.1", "x=3,!=3.1");
        same("x@3.0.20", "x=3.0.20");
        same("@a/b@3<4", "@a/b=3,<4");
        same("npm:@a/b@3", "npm:@a/b=3");
        same("x<v3", "x<3");
        same("x=3.*", "x=3");
        same("x==3.X", "x=3");
        same("x!=3.*", "x!=3");
        same("DEB:x", "deb:x");
        same("maven:junit:junit", "Maven:junit:junit");
        for text in ["git.sr.ht/~a/b", "Moose::Role", "a.b:c", "x<1!2", "x=1.2.3.Final", "lib*"] {
            assert!(Query::parse(text).is_ok(), "{text}");
        }
        assert!(finds("maven:junit:junit", "pkg:maven/junit/junit@4"));
        assert!(finds("x<3", "pkg:composer/a/x@v2.9") && !finds("x<3", "pkg:composer/a/x@v3.1"));
    }

    /// Whether a text fits a pattern, by trying all ways.
    fn fits(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|at| fits(rest, &text[at..])),
            Some((byte, rest)) => text.first() == Some(byte) && fits(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn patterns_are_as_all_ways_tell(pattern in "[ab*]{0,7}", name in "[ab]{0,8}") {
            prop_assert_eq!(is_like(&pattern, &name), fits(pattern.as_bytes(), name.as_bytes()));
        }

        #[test]
        fn bounds_are_opposites(
            kind in proptest::sample::select(vec!["deb", "rpm", "apk", "pypi", "npm", "generic"]),
            version in "([0-9]:)?[0-9]{1,2}([.~+a-][0-9]{1,2}){0,3}",
            bound in "([0-9]:)?[0-9]{1,2}([.~+a-][0-9]{1,2}){0,2}",
        ) {
            let package = Package { kind: kind.to_owned(), ..Package::generic("", "x", &version) };
            let holds = |operator: &str| {
                Query::parse(&format!("x{operator}{bound}")).unwrap().holds(&package, &version)
            };
            prop_assert_ne!(holds("<"), holds(">="));
            prop_assert_ne!(holds(">"), holds("<="));
            prop_assert_ne!(holds("="), holds("!="));
            prop_assert_eq!(holds("=="), holds("<=") && holds(">="));
            prop_assert!(!holds("==") || holds("="));
        }

        #[test]
        fn any_text_is_a_query_or_none(text in ".{0,20}", purl in "pkg:[a-z/<=>@?,]{0,20}") {
            for text in [text, purl] {
                if let Ok(query) = Query::parse(&text) {
                    let package = Package::generic("", "x", "1");
                    prop_assert!(!query.names(&package) || query.source(&package).is_none());
                    prop_assert!(!query.is_of_any_version() || query.holds(&package, "1"));
                }
            }
        }
    }
}

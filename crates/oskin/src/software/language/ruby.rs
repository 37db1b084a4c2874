//! Ruby gems: `RubyGems` writes down what it installed as Ruby text of one fixed form.
//!
//! Source: `Gem::Specification#to_ruby` of `RubyGems`, by the files that it writes. Specifications that a program
//! computes itself, as in the sources of a gem, are not read.

use super::parts::{above, found, license, names_from_end, qualify, quoted, text};
use crate::path::join;
use crate::software::{FoundPackage, Record};

/// Whether a path is a specification of an installed gem: `specifications/*.gemspec`, or one in `default/` there.
pub(super) fn is_specification(path: &[u8]) -> bool {
    let mut names = names_from_end(path);
    let ends_well = names.next().is_some_and(|name| name.len() > 8 && name.ends_with(b".gemspec"));
    ends_well && names.take(2).any(|name| name == b"specifications")
}

/// Reads a specification. O(bytes).
pub(super) fn read(path: &[u8], content: &[u8]) -> Record {
    let mut told = Told::default();
    text(content).lines().for_each(|line| told.line(line.trim()));
    let (directory, file) = crate::path::split_name(path);
    let stem = file.strip_suffix(b".gemspec").unwrap_or(file);
    if told.name.is_empty() || told.version.is_empty() {
        told.take_name(&String::from_utf8_lossy(stem));
    }
    let mut record = Record::default();
    let Some(mut package) = found("gem", "", &told.name, &told.version) else {
        record.warnings.push("it names no gem".to_owned());
        return record;
    };
    if told.platform != "ruby" {
        qualify(&mut package, "platform", &told.platform);
    }
    // The gems that are a part of Ruby have their specifications apart, and their files among its own.
    let is_default = directory.ends_with(b"/default");
    let home = join(above(directory, 1), b"gems");
    record.packages.push(FoundPackage {
        license: license(&told.licenses.join(" OR ")),
        files: vec![path.to_vec()],
        directory: if is_default { Vec::new() } else { join(&home, stem) },
        depends: told.depends,
        asked_for: is_default.then_some(false),
        ..package
    });
    record
}

#[derive(Debug, Default)]
struct Told {
    name: String,
    version: String,
    platform: String,
    licenses: Vec<String>,
    depends: Vec<String>,
    /// Whether the line is for a `RubyGems` that knows no needs of development, and takes them for others.
    is_other: bool,
}

impl Told {
    /// Takes a line such as `s.name = "rake".freeze`.
    fn line(&mut self, line: &str) {
        // A second stub names what has to be compiled.
        if let Some(stub) = line.strip_prefix("# stub: ").filter(|_| self.name.is_empty()) {
            let mut words = stub.split(' ');
            for place in [&mut self.name, &mut self.version, &mut self.platform] {
                words.next().unwrap_or_default().clone_into(place);
            }
            return;
        }
        match line {
            "else" => self.is_other = true,
            "end" => self.is_other = false,
            _ => {}
        }
        let Some(rest) = line.strip_prefix("s.") else { return };
        if let Some((key, value)) = rest.split_once('=').filter(|(key, _)| is_key(key.trim())) {
            let place = match key.trim() {
                "name" => &mut self.name,
                "version" => &mut self.version,
                "platform" => &mut self.platform,
                "license" | "licenses" => {
                    self.licenses = all_quoted(value);
                    return;
                }
                _ => return,
            };
            if let Some(value) = quoted(value).filter(|_| place.is_empty()) {
                value.clone_into(place);
            }
        } else if rest.starts_with("add_runtime_dependency(")
            || (rest.starts_with("add_dependency(") && !self.is_other)
        {
            // `%q<name>` is how the name is quoted, not with quotes.
            let name = rest.split_once("%q<").and_then(|(_, name)| name.split_once('>'));
            let name = name.map(|(name, _)| name).or_else(|| quoted(rest));
            let name = name.filter(|name| !self.depends.iter().rev().take(8).any(|it| it == name));
            self.depends.extend(name.map(str::to_owned));
        }
    }

    /// Takes `NAME-VERSION` or `NAME-VERSION-PLATFORM` for what is told nowhere else.
    fn take_name(&mut self, stem: &str) {
        let is_version = |(at, _): &(usize, &str)| {
            stem.get(at + 1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        if let Some((at, _)) = stem.match_indices('-').find(is_version) {
            let (name, rest) = stem.split_at(at);
            let rest = rest.trim_start_matches('-');
            let (version, platform) = rest.split_once('-').unwrap_or((rest, ""));
            name.clone_into(&mut self.name);
            version.clone_into(&mut self.version);
            platform.clone_into(&mut self.platform);
        }
    }
}

fn is_key(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// All that stands in quotes.
fn all_quoted(mut text: &str) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(value) = quoted(text) {
        all.push(value.to_owned());
        let start = text.find(['"', '\'']).unwrap_or(0) + value.len() + 2;
        text = text.get(start..).unwrap_or_default();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(path: &str, content: &str) -> FoundPackage {
        assert!(is_specification(path.as_bytes()), "{path}");
        let record = read(path.as_bytes(), content.as_bytes());
        record.packages.into_iter().next().unwrap()
    }

    const SPEC: &str = "# -*- encoding: utf-8 -*-\n# stub: nokogiri 1.13.1 x86_64-linux lib\n# stub: ext/nokogiri/extconf.rb\n\n\
        Gem::Specification.new do |s|\n  s.name = \"nokogiri\".freeze\n  s.version = \"1.13.1\"\n  \
        s.platform = \"x86_64-linux\".freeze\n\n  s.required_rubygems_version = Gem::Requirement.new(\">= 0\")\n  \
        s.licenses = [\"MIT\".freeze, \"X'11\".freeze]\n  if s.respond_to? :add_runtime_dependency then\n    \
        s.add_runtime_dependency(%q<racc>.freeze, [\"~> 1.4\"])\n    \
        s.add_development_dependency(%q<rake>.freeze, [\"~> 1.4\"])\n  else\n    \
        s.add_dependency(%q<rake>.freeze, [\"~> 1.4\"])\n  end\nend\n";

    #[test]
    fn a_specification_tells_name_platform_licence_and_needs() {
        let package =
            one("var/lib/gems/3.1.0/specifications/nokogiri-1.13.1-x86_64-linux.gemspec", SPEC);
        assert_eq!(package.package.to_string(), "pkg:gem/nokogiri@1.13.1?platform=x86_64-linux");
        assert_eq!((package.license.as_str(), package.asked_for), ("MIT OR X'11", None));
        assert_eq!(package.depends, ["racc"]);
        assert_eq!(package.directory, b"var/lib/gems/3.1.0/gems/nokogiri-1.13.1-x86_64-linux");
    }

    #[test]
    fn a_name_stands_in_for_what_is_not_told() {
        let package = one("g/specifications/default/net-http2-0.1.gemspec", "");
        assert_eq!(package.package.to_string(), "pkg:gem/net-http2@0.1");
        assert_eq!((package.asked_for, package.directory.len()), (Some(false), 0));
        assert!(!is_specification(b"gems/rake-13/rake.gemspec"));
        assert_eq!(read(b"specifications/x.gemspec", b"").warnings.len(), 1);
    }
}

//! Files that a generator turns into Dockerfiles: told by the marks that it leaves nothing of.

use super::lines::Line;

/// What generates Dockerfiles from a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TemplateKind {
    /// Jinja, or one of its kin: `{{ name }}`, `{% if %}`, `{# #}`.
    Jinja,
    /// A template of Go: `{{ .Name }}`, `{{- if }}`; tools beside Go use the same words.
    Go,
    /// A template for new projects: `{{ cookiecutter.name }}`.
    Cookiecutter,
    /// Embedded Ruby, or a template that looks like it: `<%= name %>`.
    Erb,
    /// A word that a script replaces: `%%NAME%%`, `@NAME@`, `__NAME__`, `<name>`, or a name in
    /// capitals where an image is to stand.
    Placeholder,
}

impl TemplateKind {
    /// As reports name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jinja => "jinja",
            Self::Go => "go",
            Self::Cookiecutter => "cookiecutter",
            Self::Erb => "erb",
            Self::Placeholder => "placeholder",
        }
    }

    /// The mark in a text that stands for an image.
    pub(super) fn of_image(text: &str) -> Option<Self> {
        let is_word = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let is_capitals = text.chars().all(is_word) && text.contains(|c: char| c.is_uppercase());
        braces(text)
            .or_else(|| between(text, "<%", "%>").map(|_| Self::Erb))
            .or_else(|| is_placeholder(text).then_some(Self::Placeholder))
            .or_else(|| {
                between(text, "<", ">").filter(|text| is_name(text)).map(|_| Self::Placeholder)
            })
            .or_else(|| is_capitals.then_some(Self::Placeholder))
    }

    /// The mark in an instruction, or in what stands in the place of one.
    ///
    /// Two braces mean nothing in what a shell is to run, for Go's templates stand there as options
    /// of programs, and nothing in labels, which hold command lines.
    pub(super) fn of_line(line: &Line) -> Option<Self> {
        let statement = |text: &str| {
            let is_jinja = between(text, "{% ", " %}").or_else(|| between(text, "{%- ", " %}"));
            is_jinja.map(|_| Self::Jinja).or_else(|| between(text, "<%", "%>").map(|_| Self::Erb))
        };
        let keyword = line.keyword.as_str();
        let in_place = [("{{", "}}"), ("{%", "%}"), ("{#", "#}"), ("<%", "%>")];
        if let Some((open, _)) = in_place.iter().find(|(open, _)| keyword.starts_with(open)) {
            let whole = format!("{keyword} {}", line.arguments);
            return match *open {
                "{{" => braces(&whole).or(Some(Self::Jinja)),
                "<%" => Some(Self::Erb),
                _ => Some(Self::Jinja),
            };
        }
        let is_mark = keyword.starts_with(['_', '%', '@']) && is_placeholder(keyword);
        if is_mark {
            return Some(Self::Placeholder);
        }
        let is_run = ["run", "cmd", "entrypoint", "healthcheck", "shell", "onbuild", "label"]
            .contains(&keyword.to_ascii_lowercase().as_str());
        statement(&line.arguments).or_else(|| (!is_run).then(|| braces(&line.arguments)).flatten())
    }
}

/// How statements of Go's templates begin.
const WORDS: [&str; 8] =
    ["if ", "else", "end", "range ", "with ", "template ", "define ", "include "];

/// Which of those that write `{{ }}`.
fn braces(text: &str) -> Option<TemplateKind> {
    if between(text, "{%", "%}").is_some() || between(text, "{#", "#}").is_some() {
        return Some(TemplateKind::Jinja);
    }
    let inside = between(text, "{{", "}}")?;
    let inside = inside.trim_start_matches('-').trim();
    Some(match () {
        () if inside.contains("cookiecutter.") => TemplateKind::Cookiecutter,
        () if inside.starts_with(['.', '$']) => TemplateKind::Go,
        () if WORDS.iter().any(|word| inside.starts_with(word)) => TemplateKind::Go,
        () => TemplateKind::Jinja,
    })
}

/// What stands between an opening and the next closing mark.
fn between<'t>(text: &'t str, open: &str, close: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(open)?;
    rest.split_once(close).map(|(inside, _)| inside)
}

/// Whether a text may be what is to be put in, and not the address of a maintainer.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "-_ ".contains(c))
}

/// Whether a text holds `%%NAME%%`, `@NAME@` or `__NAME__`.
fn is_placeholder(text: &str) -> bool {
    let is_in_name = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b"_-[]".contains(&b);
    let is_one = |name: &str| !name.is_empty() && name.bytes().all(is_in_name);
    ["%%", "@", "__"].iter().any(|mark| between(text, mark, mark).is_some_and(is_one))
}

#[cfg(test)]
mod tests {
    use super::super::lines::Lines;
    use super::TemplateKind::{Cookiecutter, Erb, Go, Jinja, Placeholder};
    use super::*;

    #[test]
    fn marks_of_generators_are_known() {
        for (image, kind) in [
            ("a:{{ version }}", Some(Jinja)),
            ("{% if x %}a{% endif %}", Some(Jinja)),
            ("a:{{ .oracle.variant }}", Some(Go)),
            ("a:{{- if x }}", Some(Go)),
            ("{{ cookiecutter.base }}", Some(Cookiecutter)),
            ("<%= base %>", Some(Erb)),
            ("a:%%TAG%%", Some(Placeholder)),
            ("@BASE@", Some(Placeholder)),
            ("__BASE_IMAGE__:1", Some(Placeholder)),
            ("__ENV_[BASE]__", Some(Placeholder)),
            ("<base image>", Some(Placeholder)),
            ("BASEIMAGE", Some(Placeholder)),
            ("a <me@example.test>", None),
            ("a@sha256:00", None),
            ("a__b", None),
            ("Ubuntu", None),
            ("1", None),
            ("", None),
        ] {
            assert_eq!(TemplateKind::of_image(image), kind, "{image}");
        }
        for (text, kind) in [
            ("{{ if x }}", Some(Go)),
            ("{% for x in y %}", Some(Jinja)),
            ("{# a remark #}", Some(Jinja)),
            ("<% if x %>", Some(Erb)),
            ("%%RUNS%%", Some(Placeholder)),
            ("__LABELS__", Some(Placeholder)),
            ("ENV V={{ v }}", Some(Jinja)),
            ("RUN {% if x %}a{% endif %}", Some(Jinja)),
            ("RUN docker inspect -f '{{ .State }}'", None),
            ("LABEL RUN=\"docker ps --format {{.ID}}\"", None),
            ("RUN curl -w %{http_code} 'a__b__c'", None),
            ("CROSS_BUILD_COPY a b", None),
        ] {
            let line = Lines::new(text).next().expect("there is one");
            assert_eq!(TemplateKind::of_line(&line), kind, "{text}");
        }
    }
}

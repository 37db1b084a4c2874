//! Rules about differences, as a user or a build has them: what is left out, and what must not be.

use crate::args::AskedDiff;
use crate::error::CliError;
use oskin::diff::{Class, Differences};
use oskin::path::escape;
use oskin::report::RuleReport;
use oskin::view::View;

/// What must not differ: classes, and paths.
#[derive(Debug)]
pub(crate) struct Rule {
    text: String,
    /// Empty for any.
    classes: Vec<Class>,
    paths: View,
}

/// All rules.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// What is to fail.
    pub(crate) fail: Vec<Rule>,
    ignore: Vec<String>,
    only: Vec<String>,
    view: View,
}

impl Rules {
    /// The rules of the command line and of the file of rules.
    pub(crate) fn of(asked: &AskedDiff) -> Result<Self, CliError> {
        let mut rules = Self::default();
        for text in &asked.fail_on {
            rules.fail.push(Rule::read(text)?);
        }
        if let Some(file) = &asked.rules {
            let text = std::fs::read_to_string(file).map_err(|error| {
                CliError::new(format!("cannot read {}: {error}", file.display()))
            })?;
            for (number, line) in text.lines().enumerate() {
                let read = rules.line(line.trim());
                read.map_err(|error| {
                    let at = format!("line {}", number + 1);
                    error.within(at.as_ref()).within(file)
                })?;
            }
        }
        rules.view = View::default().only(&rules.only)?.without(&rules.ignore)?;
        Ok(rules)
    }

    fn line(&mut self, line: &str) -> Result<(), CliError> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        match word {
            _ if rest.is_empty() => {
                return Err(CliError::new(format!("nothing follows {word:?}")));
            }
            "fail" => self.fail.push(Rule::read(rest)?),
            "ignore" => self.ignore.push(glob(rest)),
            "only" => self.only.push(glob(rest)),
            _ => {
                return Err(CliError::new(format!("unknown word {word:?}"))
                    .hint("a line begins with fail, ignore or only; # begins a comment"));
            }
        }
        Ok(())
    }

    /// Whether a path counts.
    pub(crate) fn keeps(&self, path: &[u8], is_directory: bool) -> bool {
        self.view.keeps(path, is_directory)
    }

    /// What is left out, in words.
    pub(crate) fn describe(&self) -> Option<String> {
        (!self.view.is_plain()).then(|| self.view.describe())
    }

    /// What each rule met.
    pub(crate) fn judge(&self, found: &Differences<'_>) -> Vec<RuleReport> {
        let judge = |rule: &Rule| {
            let mut met = found.changes.iter().filter(|change| {
                (rule.classes.contains(&change.class)
                    || rule.classes.is_empty() && change.class.is_different())
                    && rule.paths.keeps(change.path, change.is_directory())
            });
            let first = met.next();
            RuleReport {
                rule: rule.text.clone(),
                met: u64::from(first.is_some()) + met.count() as u64,
                first: first.map(|change| escape(change.path)),
            }
        };
        self.fail.iter().map(judge).collect()
    }
}

/// Paths of images have no slash in front.
fn glob(text: &str) -> String {
    text.trim_start_matches('/').to_owned()
}

impl Rule {
    /// Reads `CLASS[,CLASS]:GLOB`, or classes alone.
    fn read(text: &str) -> Result<Self, CliError> {
        let (names, pattern) = text.split_once(':').unwrap_or((text, ""));
        let mut classes = Vec::new();
        for name in names.split(',').map(str::trim) {
            if name == "any" {
                continue;
            }
            let class = Class::from_name(name).filter(|class| *class != Class::Same);
            classes.push(class.ok_or_else(|| {
                CliError::new(format!("unknown class {name:?} in the rule {text:?}")).hint(
                    "a rule is CLASS[,CLASS]:GLOB, as added:/usr/bin/**; classes are any, added, removed, content, kind, link, mode, unknown",
                )
            })?);
        }
        let globs = Some(glob(pattern)).filter(|glob| !glob.is_empty());
        let paths = View::default().only(globs.as_slice())?;
        Ok(Self { text: text.to_owned(), classes, paths })
    }
}

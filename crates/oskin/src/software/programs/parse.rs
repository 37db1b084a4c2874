//! Reading a table of programs.

use super::pattern::unescaped;
use super::{ContentRule, Kind, Mark, PathPattern, PathRule, Program};

/// The most faults that are told.
const MAX_PROBLEMS: usize = 20;

/// What is read of a table so far.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) programs: Vec<Program>,
    pub(super) ordinary: Vec<String>,
    pub(super) common: Vec<String>,
    /// What is wrong in it.
    pub(super) problems: Vec<String>,
    /// The files that marks are looked for in.
    files: Option<PathPattern>,
    /// What examples are of.
    last: Option<Last>,
    /// Whether the line that begins the program was refused, so that what belongs to it is passed over.
    is_refused: bool,
}

#[derive(Clone, Copy)]
enum Last {
    Path,
    Mark,
}

/// Reads a table.
pub(super) fn read(text: &str) -> Reader {
    let mut reader = Reader::default();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Err(problem) = reader.take(line)
            && reader.problems.len() < MAX_PROBLEMS
        {
            reader.problems.push(format!("line {}: {problem}", number + 1));
        }
    }
    reader
}

impl Reader {
    fn take(&mut self, line: &str) -> Result<(), &'static str> {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        let names = || rest.split_whitespace().map(str::to_lowercase);
        if word == "ordinary" {
            self.ordinary.extend(names());
            return Ok(());
        }
        if word == "common" {
            self.common.extend(names());
            return Ok(());
        }
        if word == "program" {
            self.last = None;
            self.files = None;
            self.is_refused = true;
            self.programs.push(program(rest)?);
            self.is_refused = false;
            return Ok(());
        }
        if self.is_refused {
            return Ok(());
        }
        let Some(program) = self.programs.last_mut() else {
            return Err("this stands before the first program");
        };
        match word {
            "also" => program.also.extend(names()),
            "parts" => program.parts.extend(names()),
            "port" => {
                for port in rest.split_whitespace() {
                    program.ports.push(port.parse().map_err(|_| "a port is a number up to 65535")?);
                }
            }
            "path" => {
                self.last = None;
                program
                    .paths
                    .push(PathRule { pattern: PathPattern::read(rest)?, examples: Vec::new() });
                self.last = Some(Last::Path);
            }
            "read" => {
                self.last = None;
                self.files = None;
                self.files = Some(PathPattern::read(rest)?);
            }
            "mark" => {
                self.last = None;
                let files = self.files.clone().ok_or("a mark stands below a `read`")?;
                program.marks.push(ContentRule {
                    files,
                    mark: Mark::read(rest)?,
                    examples: Vec::new(),
                });
                self.last = Some(Last::Mark);
            }
            "like" => {
                let (text, version) = rest.rsplit_once(" = ").unwrap_or((rest, ""));
                let text = match self.last {
                    Some(Last::Mark) => unescaped(text),
                    _ => text.trim().to_owned(),
                };
                let example = (text, version.trim().to_owned());
                let examples = match self.last {
                    Some(Last::Path) => program.paths.last_mut().map(|it| &mut it.examples),
                    Some(Last::Mark) => program.marks.last_mut().map(|it| &mut it.examples),
                    None => None,
                };
                examples.ok_or("an example stands below a `path` or `mark`")?.push(example);
            }
            _ => {
                return Err(
                    "a line begins with program, also, parts, port, path, read, mark, like, ordinary, common or #",
                );
            }
        }
        Ok(())
    }
}

/// The program that a line begins.
fn program(rest: &str) -> Result<Program, &'static str> {
    let (name, kind) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let kind = Kind::ALL.into_iter().find(|it| it.name() == kind.trim());
    let kind = kind.ok_or(
        "a program has a name and a kind: application, server, database, language, framework, \
         build, tool, system or helper",
    )?;
    Ok(Program {
        name: name.to_lowercase(),
        kind,
        also: Vec::new(),
        parts: Vec::new(),
        paths: Vec::new(),
        marks: Vec::new(),
        ports: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Reader, read};

    #[test]
    fn faults_are_told_and_the_rest_is_read() {
        let text = "also x\nprogram a tool\npath a/*\nlike a/x\nport 80 x\nmark abc{version}\n\
                    read bin/a\nmark abc\nmark abc {version}\nlike abc 1 = 1\nsomething\nprogram b\n";
        let Reader { programs, problems, .. } = read(text);
        let lines: Vec<&str> = problems.iter().filter_map(|it| it.split(':').next()).collect();
        assert_eq!(
            lines,
            ["line 1", "line 3", "line 4", "line 5", "line 6", "line 8", "line 11", "line 12"]
        );
        assert_eq!(programs.len(), 1);
        assert_eq!(
            programs.first().map(|it| (it.marks.len(), it.ports.clone())),
            Some((1, vec![80]))
        );
    }
}

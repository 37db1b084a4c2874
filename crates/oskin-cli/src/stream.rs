//! Answers that are written piece by piece, to several outputs at once.

use crate::error::CliError;
use crate::new_file::NewFile;
use crate::text::printable_lines;
use std::io::{ErrorKind, IsTerminal as _, StdoutLock, Write as _};
use std::path::Path;

/// How much is collected before it is written.
const CHUNK: usize = 1 << 16;

/// The outputs of an answer, open to be written.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    streams: Vec<Stream>,
}

#[derive(Debug)]
struct Stream {
    sink: Sink,
    /// What is not written yet.
    pending: Vec<u8>,
}

#[derive(Debug)]
enum Sink {
    File(NewFile),
    Stdout(StdoutLock<'static>),
    /// Nobody reads it any more.
    Gone,
}

impl Streams {
    /// Adds a file, or standard output.
    pub(crate) fn open(&mut self, file: Option<&Path>) -> Result<(), CliError> {
        let sink = match file {
            Some(file) => Sink::File(NewFile::create(file)?),
            None => Sink::Stdout(std::io::stdout().lock()),
        };
        self.streams.push(Stream { sink, pending: Vec::new() });
        Ok(())
    }

    /// Writes the next piece of each output, which `render` appends to what it is given with the
    /// number of the output; pieces end with whole characters. Tells whether anybody still reads.
    pub(crate) fn write(
        &mut self,
        mut render: impl FnMut(usize, &mut Vec<u8>),
    ) -> Result<bool, CliError> {
        for (number, stream) in self.streams.iter_mut().enumerate() {
            if !matches!(stream.sink, Sink::Gone) {
                render(number, &mut stream.pending);
                if stream.pending.len() >= CHUNK {
                    stream.flush()?;
                }
            }
        }
        Ok(self.streams.iter().any(|stream| !matches!(stream.sink, Sink::Gone)))
    }

    /// Writes what is left, and gives files their names when all is written.
    pub(crate) fn finish(mut self) -> Result<(), CliError> {
        for stream in &mut self.streams {
            stream.flush()?;
        }
        for stream in self.streams {
            if let Sink::File(file) = stream.sink {
                file.finish()?;
            }
        }
        Ok(())
    }
}

impl Stream {
    fn flush(&mut self) -> Result<(), CliError> {
        match &mut self.sink {
            Sink::File(file) => file.write(&self.pending)?,
            Sink::Stdout(stdout) => {
                // What goes into a file or pipe is exact, names of images and all.
                let written = if stdout.is_terminal() {
                    let shown = printable_lines(&String::from_utf8_lossy(&self.pending));
                    stdout.write_all(shown.as_bytes())
                } else {
                    stdout.write_all(&self.pending)
                };
                match written.and_then(|()| stdout.flush()) {
                    // The files beside it are still wanted.
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => self.sink = Sink::Gone,
                    done => done?,
                }
            }
            Sink::Gone => {}
        }
        self.pending.clear();
        Ok(())
    }
}

//! Printing records.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::sync::Arc;

use parking_lot::Mutex;
use sciurus_core::{Batch, BoxError, Columns, Record};
use sciurus_engine::metrics::OperatorMetrics;
use sciurus_engine::operator::OperatorContext;

use crate::sink::{Sink, SinkWriter};

/// Prints a line for each record, to standard output unless told otherwise.
///
/// Lines begin as Flink's do: `3> ` for the third of several subtasks, `id:3> ` with an identifier,
/// `id> ` with an identifier and one subtask. A batch is written at once, so lines of different
/// subtasks never mix.
#[derive(Clone, Default)]
pub struct PrintSink {
    identifier: String,
    target: Target,
}

#[derive(Clone, Default)]
enum Target {
    #[default]
    StandardOutput,
    StandardError,
    Writer(Arc<Mutex<dyn Write + Send>>),
}

impl PrintSink {
    /// Prints to standard output.
    pub fn new() -> Self {
        Self::default()
    }

    /// Prints to standard error.
    pub fn to_stderr() -> Self {
        Self { target: Target::StandardError, ..Self::default() }
    }

    /// Prints into `writer`, which all subtasks share.
    pub fn to_writer(writer: Arc<Mutex<dyn Write + Send>>) -> Self {
        Self { target: Target::Writer(writer), ..Self::default() }
    }

    /// Begins lines with `identifier`.
    #[must_use]
    pub fn identifier(mut self, identifier: impl Into<String>) -> Self {
        self.identifier = identifier.into();
        self
    }

    fn prefix(&self, context: &OperatorContext) -> String {
        let number = context.subtask.index + 1;
        match (self.identifier.as_str(), context.subtask.parallelism > 1) {
            ("", false) => String::new(),
            ("", true) => format!("{number}> "),
            (identifier, false) => format!("{identifier}> "),
            (identifier, true) => format!("{identifier}:{number}> "),
        }
    }
}

impl fmt::Debug for PrintSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrintSink").field("identifier", &self.identifier).finish_non_exhaustive()
    }
}

impl Target {
    fn write(&self, lines: &[u8]) -> io::Result<()> {
        fn write_all(to: &mut (impl Write + ?Sized), lines: &[u8]) -> io::Result<()> {
            to.write_all(lines)?;
            to.flush()
        }
        match self {
            Self::StandardOutput => write_all(&mut io::stdout().lock(), lines),
            Self::StandardError => write_all(&mut io::stderr().lock(), lines),
            Self::Writer(writer) => write_all(&mut *writer.lock(), lines),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::StandardOutput => "standard output",
            Self::StandardError => "standard error",
            Self::Writer(_) => "the print sink's writer",
        }
    }
}

/// Why printing failed.
#[derive(Debug, thiserror::Error)]
pub enum PrintError {
    /// Whoever read the output has stopped to: `job | head` ends this way. Rather the end of the
    /// job than a failure.
    #[error("{target} was closed by its reader")]
    ReaderGone {
        /// What was printed to.
        target: &'static str,
    },
    /// Another reason.
    #[error("cannot write to {target}: {error}")]
    Io {
        /// What was printed to.
        target: &'static str,
        /// What the system says.
        #[source]
        error: io::Error,
    },
}

impl<T: Record> Sink<T> for PrintSink {
    type Committable = ();

    fn writer(&self, context: &OperatorContext) -> Result<Box<dyn SinkWriter<T, ()>>, BoxError> {
        Ok(Box::new(PrintWriter {
            prefix: self.prefix(context),
            target: self.target.clone(),
            metrics: context.metrics.clone(),
            lines: String::new(),
        }))
    }
}

struct PrintWriter {
    prefix: String,
    target: Target,
    metrics: Arc<OperatorMetrics>,
    lines: String,
}

impl<T: Record> SinkWriter<T, ()> for PrintWriter {
    fn write_batch(&mut self, batch: &Batch, columns: &T::Columns) -> Result<(), BoxError> {
        self.lines.clear();
        batch.for_each(|row| {
            self.lines.push_str(&self.prefix);
            T::format(columns.get(row), &mut self.lines);
            self.lines.push('\n');
        });
        let target = self.target.name();
        self.target.write(self.lines.as_bytes()).map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => PrintError::ReaderGone { target },
            _ => PrintError::Io { target, error },
        })?;
        self.metrics.bytes_written.add(self.lines.len() as u64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{SinkHarness, context, message};

    fn printed(sink: impl Fn(PrintSink) -> PrintSink, index: u32, parallelism: u32) -> String {
        let out = Arc::new(Mutex::new(Vec::new()));
        let sink = sink(PrintSink::to_writer(out.clone()));
        let context = context(index, parallelism);
        let mut subtask = SinkHarness::open::<(String, i64), _>(sink, context).unwrap();
        subtask.write(&[("a".to_owned(), 1_i64), ("b".to_owned(), 2)]).unwrap();
        subtask.finish().unwrap();
        let printed = out.lock().clone();
        String::from_utf8(printed).unwrap()
    }

    #[test]
    fn lines_begin_as_those_of_flink() {
        assert_eq!(printed(|sink| sink, 0, 1), "(a,1)\n(b,2)\n");
        assert_eq!(printed(|sink| sink, 1, 2), "2> (a,1)\n2> (b,2)\n");
        assert_eq!(printed(|sink| sink.identifier("x"), 0, 1), "x> (a,1)\nx> (b,2)\n");
        assert_eq!(printed(|sink| sink.identifier("x"), 2, 4), "x:3> (a,1)\nx:3> (b,2)\n");
    }

    #[test]
    fn a_reader_that_is_gone_is_told_from_other_failures() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let sink = PrintSink::to_writer(Arc::new(Mutex::new(writer)));
        let mut subtask = SinkHarness::open::<i64, _>(sink, context(0, 1)).unwrap();
        let error = subtask.write(&[1_i64]).unwrap_err();
        assert_eq!(message(&error), "the print sink's writer was closed by its reader");
    }
}

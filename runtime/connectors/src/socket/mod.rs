//! Text from a TCP connection.

mod client;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::Duration;

use memchr::memmem;
use sciurus_core::BoxError;
use sciurus_engine::metrics::OperatorMetrics;
use sciurus_engine::notify::Notifier;
use sciurus_engine::source::{
    Boundedness, ReaderContext, ReaderStatus, Source, SourceOutput, SourceReader, SourceSplit,
    SplitEnumerator, SplitQueue,
};

use crate::range_split::{RangeQueueState, RangeSplit};
use client::{Client, Link};

/// How many reads wait for the task before the connection is left to fill up.
const QUEUED_READS: usize = 16;
/// The longest record.
const MAX_RECORD_BYTES: usize = 256 << 20;

/// Reads text from a server, record by record, until it closes the connection; one reader only,
/// whatever the parallelism.
///
/// ```
/// use sciurus_connectors::SocketSource;
///
/// let lines = SocketSource::new("localhost", 9999).max_retries(3);
/// ```
#[derive(Debug, Clone)]
pub struct SocketSource {
    host: String,
    port: u16,
    delimiter: String,
    retries: Retries,
}

/// How often in a row to connect again.
#[derive(Debug, Clone, Copy)]
enum Retries {
    AtMost(u32),
    Always,
}

impl SocketSource {
    /// Reads lines from `host`:`port`.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        let delimiter = "\n".to_owned();
        Self { host: host.into(), port, delimiter, retries: Retries::AtMost(0) }
    }

    /// Sets what ends a record, instead of a line end (`\n` or `\r\n`).
    ///
    /// # Panics
    /// Where it is empty.
    #[must_use]
    pub fn delimiter(mut self, delimiter: impl Into<String>) -> Self {
        self.delimiter = delimiter.into();
        assert!(!self.delimiter.is_empty(), "a delimiter has at least one byte");
        self
    }

    /// Connects again, up to so many times in a row, where there is no connection or it was
    /// closed. Otherwise no connection is an error and a closed one the end of the input.
    #[must_use]
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.retries = Retries::AtMost(retries);
        self
    }

    /// Connects again as often as it takes.
    #[must_use]
    pub fn retry_forever(mut self) -> Self {
        self.retries = Retries::Always;
        self
    }
}

/// Why a connection can't be read.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The server can't be reached.
    #[error("cannot connect to {host}:{port}: {error}")]
    Connect {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What the system says.
        #[source]
        error: std::io::Error,
    },
    /// The connection broke.
    #[error("cannot read from {host}:{port}: {error}")]
    Read {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What the system says.
        #[source]
        error: std::io::Error,
    },
    /// A record that takes too much memory.
    #[error("a record is longer than {limit_bytes} bytes; is the delimiter right?")]
    RecordTooLong {
        /// The longest record that is read, bytes.
        limit_bytes: usize,
    },
}

impl Source for SocketSource {
    type Item = String;
    type Split = RangeSplit;
    type EnumeratorState = RangeQueueState;

    fn boundedness(&self) -> Boundedness {
        Boundedness::Unbounded
    }

    fn enumerator(
        &self,
        _: u32,
        restored: Option<RangeQueueState>,
    ) -> Result<Box<dyn SplitEnumerator<RangeSplit, RangeQueueState>>, BoxError> {
        let all =
            || Ok(SplitQueue::new([RangeSplit { index: 0, start: 0, end: u64::MAX, step: 1 }]));
        Ok(Box::new(SplitQueue::restored_or(restored, all)?))
    }

    fn reader(
        &self,
        context: &ReaderContext,
    ) -> Result<Box<dyn SourceReader<String, RangeSplit>>, BoxError> {
        Ok(Box::new(SocketReader {
            source: self.clone(),
            notifier: context.notifier.clone(),
            metrics: context.operator.metrics.clone(),
            current: None,
        }))
    }
}

/// Splits what a thread of its own reads from the connection.
struct SocketReader {
    source: SocketSource,
    notifier: Notifier,
    metrics: Arc<OperatorMetrics>,
    current: Option<(RangeSplit, Connection)>,
}

struct Connection {
    arrivals: Receiver<Arrival>,
    link: Arc<Link>,
    /// The start of a record whose end hasn't arrived.
    partial: Vec<u8>,
}

enum Arrival {
    Bytes(Vec<u8>),
    Failed(SocketError),
}

impl SourceReader<String, RangeSplit> for SocketReader {
    fn add_splits(&mut self, splits: Vec<RangeSplit>) -> Result<(), BoxError> {
        for split in splits {
            let (send, arrivals) = sync_channel(QUEUED_READS);
            let link = Arc::new(Link::default());
            let client = Client {
                source: self.source.clone(),
                link: link.clone(),
                arrivals: send,
                notifier: self.notifier.clone(),
            };
            client.start()?;
            self.current = Some((split, Connection { arrivals, link, partial: Vec::new() }));
        }
        Ok(())
    }

    fn poll(&mut self, out: &mut SourceOutput<'_, String>) -> Result<ReaderStatus, BoxError> {
        let Some((split, connection)) = &mut self.current else {
            return Ok(ReaderStatus::NeedsSplit);
        };
        out.select_split(&split.id());
        while !out.is_full() {
            match connection.arrivals.try_recv() {
                Ok(Arrival::Bytes(bytes)) => {
                    self.metrics.bytes_read.add(bytes.len() as u64);
                    connection.split(&bytes, &self.source.delimiter, out)?;
                }
                Ok(Arrival::Failed(error)) => return Err(error.into()),
                Err(TryRecvError::Empty) => {
                    let poll_after = Duration::MAX;
                    return Ok(ReaderStatus::NothingAvailable { poll_after });
                }
                Err(TryRecvError::Disconnected) => {
                    if !connection.partial.is_empty() {
                        emit(&connection.partial, &self.source.delimiter, out);
                    }
                    out.release_split(&split.id());
                    self.current = None;
                    return Ok(ReaderStatus::MoreAvailable);
                }
            }
        }
        Ok(ReaderStatus::MoreAvailable)
    }

    fn snapshot(&self) -> Vec<RangeSplit> {
        // The server doesn't send again what it has sent: a restart reads what comes then.
        self.current.iter().map(|(split, _)| split.clone()).collect()
    }

    fn close(&mut self) {
        self.current = None;
    }
}

impl Connection {
    /// Emits the records that end in `bytes`.
    fn split(
        &mut self,
        bytes: &[u8],
        delimiter: &str,
        out: &mut SourceOutput<'_, String>,
    ) -> Result<(), SocketError> {
        // A delimiter of several bytes may have begun in what came before.
        let searched = self.partial.len().saturating_sub(delimiter.len() - 1);
        self.partial.extend_from_slice(bytes);
        let mut start = 0;
        for end in memmem::find_iter(&self.partial[searched..], delimiter) {
            emit(&self.partial[start..searched + end], delimiter, out);
            start = searched + end + delimiter.len();
        }
        self.partial.drain(..start);
        if self.partial.len() > MAX_RECORD_BYTES {
            return Err(SocketError::RecordTooLong { limit_bytes: MAX_RECORD_BYTES });
        }
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.link.cut();
    }
}

fn emit(record: &[u8], delimiter: &str, out: &mut SourceOutput<'_, String>) {
    let record = match record {
        [line @ .., b'\r'] if delimiter == "\n" => line,
        record => record,
    };
    out.collect(&String::from_utf8_lossy(record));
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;
    use crate::testing::{context, message, read};

    /// Serves each of `sessions` to one connection after the other, in pieces, and closes it.
    fn serve(sessions: Vec<Vec<&'static [u8]>>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for session in sessions {
                let (mut stream, _) = listener.accept().unwrap();
                for piece in session {
                    stream.write_all(piece).unwrap();
                    stream.flush().unwrap();
                    thread::sleep(Duration::from_millis(2));
                }
            }
        });
        port
    }

    #[test]
    fn lines_are_put_together_from_what_arrives_until_the_connection_is_closed() {
        let port = serve(vec![vec![b"a\nb", b"c\r", b"\n\nlast \xc3", b"\xa9"]]);
        let read = read(SocketSource::new("localhost", port), 2).unwrap();
        assert_eq!(read.all(), ["a", "bc", "", "last é"]);
        assert_eq!(read.metrics.bytes_read.get(), 14);
    }

    #[test]
    fn a_delimiter_may_have_several_bytes() {
        let port = serve(vec![vec![b"a\n-", b"-b-", b"-", b"c"]]);
        let read = read(SocketSource::new("127.0.0.1", port).delimiter("--"), 1).unwrap();
        assert_eq!(read.all(), ["a\n", "b", "c"]);
    }

    #[test]
    fn a_closed_connection_is_opened_again_where_that_is_wanted() {
        let port = serve(vec![vec![b"a\n"], vec![b"b\n"]]);
        let source = SocketSource::new("127.0.0.1", port).max_retries(1);
        // The third connection is refused.
        let error = message(&read(source, 1).err().unwrap());
        assert!(error.starts_with(&format!("cannot connect to 127.0.0.1:{port}: ")), "{error}");
    }

    #[test]
    fn closing_the_reader_closes_the_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let operator = context(0, 1);
        let notifier = operator.notifier.clone();
        let source = SocketSource::new("127.0.0.1", port).retry_forever();
        let mut reader = source.reader(&ReaderContext { operator, notifier }).unwrap();
        reader.add_splits(vec![RangeSplit { index: 0, start: 0, end: 1, step: 1 }]).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        reader.close();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn a_server_that_is_not_there_is_named() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let error = message(&read(SocketSource::new("127.0.0.1", free), 1).err().unwrap());
        assert!(error.starts_with(&format!("cannot connect to 127.0.0.1:{free}: ")), "{error}");
    }
}

//! Messages off a worker's socket.

use std::io;

use bytes::{Buf, BytesMut};
use prost::Message;
use sciurus_rpc::framing::{self, LENGTH_BYTES};
use tokio::io::{AsyncRead, AsyncReadExt};

/// How much is read at once, in bytes: most messages are shorter.
const READ_BYTES: usize = 8 << 10;

/// Reads messages. A call of [`Frames::next`] that is dropped loses nothing.
pub(crate) struct Frames<R> {
    socket: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub(crate) fn new(socket: R) -> Self {
        Self { socket, buffer: BytesMut::new() }
    }

    /// Returns the next message; `None` where the socket has ended in between messages.
    pub(crate) async fn next<M: Message + Default>(&mut self) -> io::Result<Option<M>> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(Some(message));
            }
            self.buffer.reserve(READ_BYTES);
            if self.socket.read_buf(&mut self.buffer).await? == 0 {
                let within = !self.buffer.is_empty();
                return if within { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(None) };
            }
        }
    }

    fn take<M: Message + Default>(&mut self) -> io::Result<Option<M>> {
        let Some(prefix) = self.buffer.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let length = framing::message_length(*prefix)?;
        if self.buffer.len() < LENGTH_BYTES + length {
            return Ok(None);
        }
        self.buffer.advance(LENGTH_BYTES);
        let body = self.buffer.split_to(length);
        framing::decode(&body).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use sciurus_rpc::proto;
    use tokio::io::AsyncWriteExt;

    use super::*;

    fn message(text: &str) -> proto::WorkerReady {
        proto::WorkerReady { data_address: text.to_owned(), pid: 1, ..Default::default() }
    }

    #[tokio::test]
    async fn messages_come_whole_in_whatever_pieces_they_arrive() {
        let (mut writer, reader) = tokio::io::duplex(7);
        let mut frames = Frames::new(reader);
        let texts = ["a".to_owned(), String::new(), "long".repeat(10_000)];
        let sent: Vec<_> = texts.iter().map(|text| message(text)).collect();
        let write = async {
            for message in &sent {
                writer.write_all(&framing::encode(message).unwrap()).await.unwrap();
            }
            drop(writer);
        };
        let read = async {
            let mut found = Vec::new();
            while let Some(message) = frames.next::<proto::WorkerReady>().await.unwrap() {
                found.push(message);
            }
            found
        };
        assert_eq!(tokio::join!(write, read).1, sent);
    }

    #[tokio::test]
    async fn what_is_no_message_is_refused() {
        for (bytes, kind) in [
            (&[1, 0][..], io::ErrorKind::UnexpectedEof),
            (&[9, 0, 0, 0, 1], io::ErrorKind::UnexpectedEof),
            (&[0xff; 4], io::ErrorKind::InvalidData),
            (&[1, 0, 0, 0, 0xff], io::ErrorKind::InvalidData),
        ] {
            let error = Frames::new(bytes).next::<proto::FromJob>().await.unwrap_err();
            assert_eq!(error.kind(), kind, "{bytes:?}");
        }
    }
}

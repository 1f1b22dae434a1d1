//! Messages on a socket: each preceded by its length, 4 bytes, little endian.

use std::io::{self, Read, Write};

use prost::Message;

/// The longest message that is read: a deployment of some thousand tasks has less than a tenth.
pub const MAX_MESSAGE_BYTES: usize = 64 << 20;

/// How many bytes the length takes that precedes a message.
pub const LENGTH_BYTES: usize = 4;

/// Writes a message, preceded by its length, into a buffer of its own.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] where it is longer than [`MAX_MESSAGE_BYTES`].
pub fn encode(message: &impl Message) -> io::Result<Vec<u8>> {
    let length = message.encoded_len();
    let Some(prefix) = u32::try_from(length).ok().filter(|_| length <= MAX_MESSAGE_BYTES) else {
        let text = format!("a message of {length} bytes; none is longer than {MAX_MESSAGE_BYTES}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    };
    let mut bytes = Vec::with_capacity(LENGTH_BYTES + length);
    bytes.extend_from_slice(&prefix.to_le_bytes());
    message.encode_raw(&mut bytes);
    Ok(bytes)
}

/// Reads the length of the message that follows.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] where it is longer than [`MAX_MESSAGE_BYTES`].
pub fn message_length(prefix: [u8; LENGTH_BYTES]) -> io::Result<usize> {
    let length = u32::from_le_bytes(prefix) as usize;
    if length > MAX_MESSAGE_BYTES {
        let text = format!("a message of {length} bytes; none is longer than {MAX_MESSAGE_BYTES}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok(length)
}

/// Reads a message's body.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] where it is no such message.
pub fn decode<M: Message + Default>(body: &[u8]) -> io::Result<M> {
    M::decode(body).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Writes a message to a socket.
///
/// # Errors
/// Of the socket, or [`io::ErrorKind::InvalidInput`] where the message is too long.
pub fn write(socket: &mut impl Write, message: &impl Message) -> io::Result<()> {
    socket.write_all(&encode(message)?)
}

/// Reads a message off a socket; `None` where the socket has ended in between messages.
///
/// # Errors
/// Of the socket; [`io::ErrorKind::UnexpectedEof`] where it ends within a message,
/// [`io::ErrorKind::InvalidData`] where what comes is none.
pub fn read<M: Message + Default>(socket: &mut impl Read) -> io::Result<Option<M>> {
    let mut prefix = [0; LENGTH_BYTES];
    let mut filled = 0;
    while filled < LENGTH_BYTES {
        match socket.read(&mut prefix[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let mut body = vec![0; message_length(prefix)?];
    socket.read_exact(&mut body)?;
    decode(&body).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto;

    #[test]
    fn messages_come_off_a_socket_as_they_were_written() {
        let messages = [
            proto::FromJob { message: None },
            proto::FromJob {
                message: Some(proto::from_job::Message::Ready(proto::WorkerReady {
                    data_address: "localhost:6121".to_owned(),
                    pid: 7,
                    ..Default::default()
                })),
            },
        ];
        let mut socket = Vec::new();
        for message in &messages {
            write(&mut socket, message).unwrap();
        }
        let mut socket = socket.as_slice();
        for message in messages {
            assert_eq!(read(&mut socket).unwrap(), Some(message));
        }
        assert_eq!(read::<proto::FromJob>(&mut socket).unwrap(), None);
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let kind = |mut bytes: &[u8]| read::<proto::FromJob>(&mut bytes).unwrap_err().kind();
        assert_eq!(kind(&[1, 0]), io::ErrorKind::UnexpectedEof);
        assert_eq!(kind(&[9, 0, 0, 0, 1]), io::ErrorKind::UnexpectedEof);
        assert_eq!(kind(&[0xff; 4]), io::ErrorKind::InvalidData);
        assert_eq!(kind(&[1, 0, 0, 0, 0xff]), io::ErrorKind::InvalidData);
    }
}

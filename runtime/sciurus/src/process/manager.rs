//! The socket to the manager that this process belongs to.

use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::net::AddressFamily;
use sciurus_rpc::framing;
use sciurus_rpc::proto::{FromJob, ToJob, from_job, to_job};

use super::logging;

/// How long the manager may take to read what it is sent: the socket's buffer is full until then.
const SEND_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a message may wait for this process to have room for it.
const HANDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// How often it is looked whether there is room.
const ROOM_LOOK: Duration = Duration::from_millis(5);

/// How long this process may take to end once it is to end.
const END_TIMEOUT: Duration = Duration::from_secs(2);

/// How many messages of the manager wait to be handled at most.
pub(super) const INBOX_MESSAGES: usize = 4096;

/// The exit code of a process that had to be ended by force: something in it hung.
const EXIT_HUNG: i32 = 4;

/// The manager, at the other end of the socket that was the standard input.
#[derive(Clone)]
pub(super) struct Manager(Arc<Ends>);

struct Ends {
    read: UnixStream,
    /// Held while a message is written.
    write: Mutex<UnixStream>,
}

/// What comes from the manager.
pub(super) enum Incoming {
    /// A message.
    Message(Box<to_job::Message>),
    /// The process has to end: it was told to, or the manager is gone.
    End,
}

impl Manager {
    /// Takes the socket that is the standard input and puts nothing in its place; `None` where the
    /// standard input is no socket of a manager's.
    ///
    /// # Errors
    /// Where the system refuses.
    pub(super) fn take_standard_input() -> io::Result<Option<Self>> {
        let stdin = io::stdin();
        let is_local = rustix::net::getsockname(&stdin)
            .is_ok_and(|address| address.address_family() == AddressFamily::UNIX);
        if !is_local {
            return Ok(None);
        }
        let socket = rustix::io::fcntl_dupfd_cloexec(&stdin, 3)?;
        rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
        Self::new(UnixStream::from(socket)).map(Some)
    }

    /// Speaks with a manager over a socket.
    ///
    /// # Errors
    /// Where the system refuses.
    pub(super) fn new(read: UnixStream) -> io::Result<Self> {
        read.set_nonblocking(false)?;
        let write = read.try_clone()?;
        write.set_write_timeout(Some(SEND_TIMEOUT))?;
        Ok(Self(Arc::new(Ends { read, write: Mutex::new(write) })))
    }

    /// Sends a message.
    ///
    /// # Errors
    /// Where the manager is gone, or doesn't read for a minute.
    pub(super) fn send(&self, message: from_job::Message) -> io::Result<()> {
        let message = FromJob { message: Some(message) };
        framing::write(&mut *self.0.write.lock(), &message)
    }

    /// Receives a message, within a time where one is given; `None` where the socket has ended.
    /// Messages of kinds that are not known here are passed over.
    ///
    /// # Errors
    /// Where the socket fails, the time is over, or what comes is no message.
    pub(super) fn receive(&self, within: Option<Duration>) -> io::Result<Option<to_job::Message>> {
        self.0.read.set_read_timeout(within)?;
        let mut socket = &self.0.read;
        loop {
            match framing::read::<ToJob>(&mut socket)? {
                None => return Ok(None),
                Some(ToJob { message: Some(message) }) => return Ok(Some(message)),
                // A newer manager may have more to say.
                Some(ToJob { message: None }) => {
                    tracing::warn!("the manager sent a message of a kind that is not known here");
                }
            }
        }
    }

    /// Reads what the manager says on a thread of its own, up to [`Incoming::End`]. Whatever the
    /// process is at then, it ends within two seconds.
    ///
    /// # Errors
    /// Where the system refuses a thread.
    pub(super) fn listen<M: Send + 'static>(
        &self,
        inbox: SyncSender<M>,
        wrap: fn(Incoming) -> M,
    ) -> io::Result<()> {
        let manager = self.clone();
        let listen = move || {
            loop {
                let incoming = match manager.receive(None) {
                    Ok(Some(to_job::Message::SetLogLevel(level))) => {
                        logging::set_level(&level.directives);
                        continue;
                    }
                    Ok(Some(to_job::Message::Shutdown(_)) | None) => Incoming::End,
                    Ok(Some(message)) => Incoming::Message(Box::new(message)),
                    Err(error) => {
                        tracing::error!("the connection to the manager is lost: {error}");
                        Incoming::End
                    }
                };
                let is_end = matches!(incoming, Incoming::End);
                let deadline = if is_end { END_TIMEOUT } else { HANDLE_TIMEOUT };
                let since = Instant::now();
                if !put(&inbox, wrap(incoming), since + deadline) {
                    end_by_force("it did not handle what the manager told it");
                }
                if is_end {
                    thread::sleep((since + deadline).saturating_duration_since(Instant::now()));
                    end_by_force("it did not end when it was to");
                }
            }
        };
        thread::Builder::new().name("manager".to_owned()).spawn(listen).map(drop)
    }
}

/// Puts a message into a queue; `false` where there is no room until the deadline.
fn put<M>(inbox: &SyncSender<M>, message: M, deadline: Instant) -> bool {
    let mut message = message;
    loop {
        match inbox.try_send(message) {
            // Nobody reads where the process is about to end.
            Ok(()) | Err(TrySendError::Disconnected(_)) => return true,
            Err(TrySendError::Full(_)) if Instant::now() >= deadline => return false,
            Err(TrySendError::Full(back)) => {
                message = back;
                thread::sleep(ROOM_LOOK);
            }
        }
    }
}

fn end_by_force(why: &str) -> ! {
    tracing::error!("this process is ended by force: {why}");
    std::process::exit(EXIT_HUNG)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn what_the_manager_says_arrives_in_order_and_then_its_end() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let manager = Manager::new(near).unwrap();
        for subtask in 0..3 {
            let request = sciurus_rpc::proto::Subtask { subtask, ..Default::default() };
            let message = Some(to_job::Message::SplitRequest(request));
            framing::write(&mut far, &ToJob { message }).unwrap();
        }
        for expected in 0..3 {
            let received = manager.receive(Some(Duration::from_secs(60))).unwrap();
            let Some(to_job::Message::SplitRequest(request)) = received else { panic!() };
            assert_eq!(request.subtask, expected);
        }
        drop(far);
        assert!(manager.receive(None).unwrap().is_none());
    }

    #[test]
    fn messages_of_unknown_kinds_are_passed_over() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let manager = Manager::new(near).unwrap();
        framing::write(&mut far, &ToJob { message: None }).unwrap();
        let shutdown = to_job::Message::Shutdown(sciurus_rpc::proto::Shutdown {});
        framing::write(&mut far, &ToJob { message: Some(shutdown.clone()) }).unwrap();
        assert_eq!(manager.receive(None).unwrap(), Some(shutdown));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let manager = Manager::new(near).unwrap();
        io::Write::write_all(&mut far, &[1, 0, 0, 0, 0xff]).unwrap();
        assert_eq!(manager.receive(None).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_silent_manager_is_given_up() {
        let (near, _far) = UnixStream::pair().unwrap();
        let manager = Manager::new(near).unwrap();
        let error = manager.receive(Some(Duration::from_millis(1))).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_queue_without_room_is_given_up() {
        let (inbox, queue) = mpsc::sync_channel(1);
        assert!(put(&inbox, 1, Instant::now()));
        assert!(!put(&inbox, 2, Instant::now()));
        drop(queue);
        assert!(put(&inbox, 3, Instant::now()));
    }
}

//! Making the connections of a link.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::handshake::{Answer, Hello, Purpose, Timed};
use super::link::Link;
use super::reader;

/// The pause between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(50);

/// How long to wait for the other side to dial until it is asked to …
const INVITE_AFTER: Duration = Duration::from_millis(20);
/// … and until it is asked again.
const INVITE_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// The longest attempt to connect.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(1);

/// The longest handshake.
pub(super) const LONGEST_HANDSHAKE: Duration = Duration::from_secs(5);

/// Why an attempt has failed.
enum Failed {
    /// It may be worth another.
    ForNow(String),
    /// It won't be.
    ForGood(String),
}

impl Link {
    /// Waits until there is a connection, and does what it takes to get one.
    ///
    /// # Errors
    /// The reason, where the peer is lost.
    pub(super) fn establish(self: &Arc<Self>, deadline: Instant) -> Result<(), String> {
        let mut invite_at = Instant::now() + INVITE_AFTER;
        let mut last = self.outbound.lock().broken.take();
        loop {
            let now = Instant::now();
            let attempt = if self.is_dialler() {
                self.dial()
            } else if self.is_connected() {
                Ok(())
            } else if now >= invite_at {
                invite_at = now + INVITE_AGAIN_AFTER;
                self.invite().and(Err(Failed::ForNow("it hasn't connected".to_owned())))
            } else {
                Err(Failed::ForNow("it hasn't connected".to_owned()))
            };
            match attempt {
                Ok(()) => return Ok(()),
                Err(Failed::ForGood(reason)) => return Err(reason),
                Err(Failed::ForNow(reason)) => last = last.or(Some(reason)),
            }
            let mut outbound = self.outbound.lock();
            if outbound.lost.is_some() {
                return Err("it is lost".to_owned());
            }
            if Instant::now() >= deadline {
                return Err(last.unwrap_or_else(|| "no connection".to_owned()));
            }
            let pause = if self.is_dialler() { PAUSE } else { INVITE_AFTER };
            // A connection that the other side has made meanwhile is one of those changes.
            if self.is_dialler() || outbound.stream.is_none() {
                self.changed.wait_for(&mut outbound, pause);
            }
        }
    }

    fn dial(self: &Arc<Self>) -> Result<(), Failed> {
        let stream = Arc::new(self.connect()?);
        let (session, connection) = {
            let mut outbound = self.outbound.lock();
            outbound.connection += 1;
            (outbound.session.unwrap_or_default(), outbound.connection)
        };
        // From here on frames of earlier connections don't count: what is told is exact.
        let received = self.begin_receiving(connection);
        let is_new = !self.is_known.load(Ordering::Acquire);
        let hello = self.hello(Purpose::Connect { is_new }, session, connection, received);
        let mut timed = Timed::new(&stream, LONGEST_HANDSHAKE);
        let answer = hello.write(&mut timed).and_then(|()| Answer::read(&mut timed));
        match answer {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(Failed::ForGood(error.to_string()))
            }
            Err(error) => Err(Failed::ForNow(format!("it doesn't answer: {error}"))),
            Ok(Answer::Refused { reason }) => Err(Failed::ForGood(reason)),
            Ok(Answer::Accepted { received }) => {
                self.is_known.store(true, Ordering::Release);
                self.install(&stream, connection, received).map_err(Failed::ForGood)?;
                let link = self.clone();
                let read = move || reader::run(&link, &stream, connection);
                let started = self.context.threads.spawn("exchange-read", read);
                started.map_err(|error| Failed::ForGood(format!("no thread to read: {error}")))
            }
        }
    }

    /// Asks the other side to dial: it may not know yet that it has to, or not have noticed that
    /// the connection is broken. Where nobody listens the peer is gone.
    fn invite(&self) -> Result<(), Failed> {
        let stream = self.connect()?;
        let (session, connection) = {
            let outbound = self.outbound.lock();
            (outbound.session.unwrap_or_default(), outbound.connection)
        };
        let hello = self.hello(Purpose::Invite, session, connection, 0);
        // Where it doesn't get through it is sent again.
        let _ = hello.write(&mut Timed::new(&stream, LONGEST_ATTEMPT));
        Ok(())
    }

    fn hello(&self, purpose: Purpose, session: u64, connection: u64, received: u64) -> Hello {
        let options = &self.context.options;
        Hello {
            purpose,
            job: options.job,
            from: options.worker,
            to: self.peer.worker,
            session,
            connection,
            received,
            address: self.context.address.to_string(),
        }
    }

    fn connect(&self) -> Result<TcpStream, Failed> {
        let addresses = self
            .peer
            .address
            .to_socket_addrs()
            .map_err(|error| Failed::ForNow(format!("its address can't be found: {error}")))?;
        let mut last = Failed::ForNow("its address can't be found".to_owned());
        for address in addresses {
            match TcpStream::connect_timeout(&address, LONGEST_ATTEMPT) {
                Ok(stream) => return Ok(stream),
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    last = Failed::ForGood("nobody listens there any more".to_owned());
                }
                Err(error) => last = Failed::ForNow(error.to_string()),
            }
        }
        Err(last)
    }

    /// Puts a connection to use over which the other side has received frames up to `received`.
    ///
    /// # Errors
    /// The reason, where the two can't go on from there.
    pub(super) fn install(
        &self,
        stream: &Arc<TcpStream>,
        connection: u64,
        received: u64,
    ) -> Result<(), String> {
        let timeout = Some(self.context.options.reconnect_timeout);
        // Where one of these fails so will the first read or write.
        let _ = stream.set_nodelay(true);
        let _ = stream.set_read_timeout(timeout);
        let _ = stream.set_write_timeout(timeout);
        let mut outbound = self.outbound.lock();
        if outbound.lost.is_some() {
            return Err("it is lost".to_owned());
        }
        if outbound.connection != connection {
            return Err("another connection has taken this one's place".to_owned());
        }
        let done = outbound.outbox.resume(received).map_err(|error| error.to_string())?;
        self.is_heard.store(false, Ordering::Release);
        outbound.rest = None;
        outbound.stream = Some(stream.clone());
        outbound.broken = None;
        drop(outbound);
        drop(done);
        self.changed.notify_all();
        if connection > 1 {
            self.context.counters.reconnects.fetch_add(1, Ordering::Relaxed);
        }
        let peer = &self.peer.address;
        tracing::debug!("connection {connection} with the worker at {peer} is there");
        Ok(())
    }
}

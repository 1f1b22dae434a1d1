//! Taking in the connections that others make.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::channel::Peer;
use super::context::Context;
use super::dial::LONGEST_HANDSHAKE;
use super::handshake::{Answer, Hello, Purpose, Timed};
use super::link::Link;
use super::{reader, writer};

/// The pause after the operating system has refused a connection, for lack of files for instance.
const PAUSE: Duration = Duration::from_millis(50);

/// Takes connections in until the network is closed.
pub(super) fn listen(context: &Arc<Context>, listener: &TcpListener) {
    loop {
        let accepted = listener.accept();
        if context.is_closing() {
            return;
        }
        let stream = match accepted {
            Ok((stream, _)) => Arc::new(stream),
            Err(error) => {
                tracing::warn!("a connection of another worker can't be taken in: {error}");
                thread::sleep(PAUSE);
                continue;
            }
        };
        let Some(number) = context.add_stranger(stream.clone()) else { continue };
        let greeter = context.clone();
        let greet = move || {
            let greeted = greet(&greeter, &stream);
            greeter.remove_stranger(number);
            if let Some((link, connection)) = greeted {
                reader::run(&link, &stream, connection);
            }
        };
        if let Err(error) = context.threads.spawn("exchange-read", greet) {
            tracing::warn!("no thread to read from another worker: {error}");
            context.remove_stranger(number);
        }
    }
}

/// Finds out who has connected; returns what is to be read from, where that is so.
fn greet(context: &Arc<Context>, stream: &Arc<TcpStream>) -> Option<(Arc<Link>, u64)> {
    let mut timed = Timed::new(stream, LONGEST_HANDSHAKE);
    let hello = match Hello::read(&mut timed) {
        Ok(hello) => hello,
        Err(error) => {
            tracing::debug!("somebody has connected for data who is no worker: {error}");
            return None;
        }
    };
    let is_invitation = hello.purpose == Purpose::Invite;
    match admit(context, &hello) {
        Ok(link) if is_invitation => {
            let is_seen_broken = link.outbound.lock().session == Some(hello.session);
            if is_seen_broken {
                link.break_off(hello.connection, "the other side finds it broken".to_owned());
            }
            None
        }
        Ok(link) => accept(&link, stream, &hello).map(|()| (link, hello.connection)),
        Err(reason) => {
            tracing::debug!("the worker at {} is refused: {reason}", hello.address);
            if !is_invitation {
                // Whoever doesn't read it finds the connection closed.
                let _ = Answer::Refused { reason }.write(&mut timed);
            }
            None
        }
    }
}

/// Returns the link that a connection belongs to, or why there is none.
fn admit(context: &Arc<Context>, hello: &Hello) -> Result<Arc<Link>, String> {
    let options = &context.options;
    if hello.job != options.job || hello.to != options.worker {
        return Err(format!(
            "worker {} of job {} listens there, not worker {} of job {}",
            options.worker, options.job, hello.to, hello.job
        ));
    }
    let dials = if hello.purpose == Purpose::Invite { hello.to } else { hello.from };
    let other = if hello.purpose == Purpose::Invite { hello.from } else { hello.to };
    if dials >= other {
        return Err("of two workers the one with the smaller id dials".to_owned());
    }
    let peer = Peer { worker: hello.from, address: hello.address.as_str().into() };
    let Purpose::Connect { is_new } = hello.purpose else { return Ok(context.link(&peer)) };
    let link = if is_new {
        Some(context.link(&peer))
    } else {
        context.links.lock().get(&hello.from).cloned()
    };
    let Some(link) = link else { return Err(GIVEN_UP.to_owned()) };
    let mut outbound = link.outbound.lock();
    let known = outbound.session;
    match known {
        Some(session) if session == hello.session => {}
        None if is_new => outbound.session = Some(hello.session),
        Some(_) if is_new => {
            drop(outbound);
            link.lose("it has given up what was before and begins anew");
            let link = context.link(&peer);
            link.outbound.lock().session = Some(hello.session);
            return Ok(link);
        }
        _ => return Err(GIVEN_UP.to_owned()),
    }
    drop(outbound);
    Ok(link)
}

const GIVEN_UP: &str = "it has given up on this worker";

/// Lets a connection take the place of the link's last one.
fn accept(link: &Arc<Link>, stream: &Arc<TcpStream>, hello: &Hello) -> Option<()> {
    {
        let mut outbound = link.outbound.lock();
        // A dialler that has made another meanwhile doesn't use this one any more.
        if outbound.lost.is_some() || hello.connection <= outbound.connection {
            return None;
        }
        outbound.connection = hello.connection;
        if let Some(last) = outbound.stream.take() {
            let _ = last.shutdown(Shutdown::Both);
        }
    }
    let received = link.begin_receiving(hello.connection);
    let mut timed = Timed::new(stream, LONGEST_HANDSHAKE);
    if let Err(error) = (Answer::Accepted { received }).write(&mut timed) {
        tracing::debug!("the worker at {} doesn't take the answer: {error}", hello.address);
        return None;
    }
    match link.install(stream, hello.connection, hello.received) {
        Ok(()) => Some(()),
        Err(reason) => {
            tracing::debug!(
                "a connection of the worker at {} is of no use: {reason}",
                hello.address
            );
            None
        }
    }
}

impl Context {
    /// Returns the link to a peer, a new one where there is none.
    pub(super) fn link(self: &Arc<Self>, peer: &Peer) -> Arc<Link> {
        let mut links = self.links.lock();
        if let Some(link) = links.get(&peer.worker) {
            return link.clone();
        }
        let session = (self.options.worker < peer.worker).then(|| fastrand::u64(1..));
        let link = Arc::new(Link::new(self.clone(), peer.clone(), session));
        links.insert(peer.worker, link.clone());
        let served = link.clone();
        let started = self.threads.spawn("exchange-write", move || writer::run(&served));
        drop(links);
        if let Err(error) = started {
            link.lose(&format!("no thread to write to it: {error}"));
        }
        if peer.worker == self.options.worker {
            link.lose("it is this worker, which has no such task");
        }
        if self.is_closing() {
            link.lose("this worker ends");
        }
        link
    }
}

//! The thread that makes the connections with a peer, and writes what tasks can't without waiting.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::chunk::Patience;
use super::link::Link;

/// The longest time in which nothing is sent.
const LONGEST_SILENCE: Duration = Duration::from_secs(1);

/// Serves a link until its peer is lost.
pub(super) fn run(link: &Arc<Link>) {
    let options = &link.context.options;
    let mut deadline = Instant::now() + options.connect_timeout;
    loop {
        if let Err(reason) = link.establish(deadline) {
            link.lose(&reason);
            return;
        }
        if write_frames(link).is_none() {
            return;
        }
        // A connection over which nothing came was none.
        if link.is_heard.load(Ordering::Acquire) {
            deadline = Instant::now() + options.reconnect_timeout;
        }
    }
}

/// Writes frames until the connection is broken; `None` where the peer is lost.
fn write_frames(link: &Link) -> Option<()> {
    let silence = LONGEST_SILENCE.min(link.context.options.reconnect_timeout / 4);
    let mut look_at = Instant::now() + silence;
    let mut outbound = link.outbound.lock();
    loop {
        if outbound.lost.is_some() {
            return None;
        }
        if outbound.stream.is_none() {
            return Some(());
        }
        let now = Instant::now();
        if now >= look_at {
            look_at = now + silence;
            // The other side hears that this one is there, and what it has received.
            outbound.is_ack_due = true;
            drop(outbound);
            link.expire();
            outbound = link.outbound.lock();
            continue;
        }
        if outbound.is_writing || !outbound.has_to_write() {
            link.changed.wait_until(&mut outbound, look_at);
            continue;
        }
        let (stream, mut chunk) = link.begin_writing(&mut outbound)?;
        let connection = outbound.connection;
        drop(outbound);
        let written = chunk.write(&stream, Patience::Timeout);
        outbound = link.end_writing(connection, chunk, &written);
    }
}

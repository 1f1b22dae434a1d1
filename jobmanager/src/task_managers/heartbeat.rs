//! Heartbeats: sent to all TaskManagers, and missed when they stay away.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sciurus_core::clock::{Clock, SystemClock};
use sciurus_rpc::proto::Heartbeat;
use sciurus_rpc::proto::job_manager_message::Message;
use tokio::time::{Instant, sleep_until};

use super::TaskManagers;

/// Sends heartbeats, and gives up TaskManagers that have been silent for too long; runs for ever.
///
/// Any message counts as a sign of life.
pub async fn watch_heartbeats(task_managers: TaskManagers) {
    let settings = task_managers.0.heartbeat;
    // Silence is noticed at most a tenth too late.
    let between_looks = settings.interval.min(settings.timeout / 10).max(Duration::from_millis(1));
    let mut next_beat = Instant::now() + settings.interval;
    let mut last_look = SystemClock.now();
    loop {
        sleep_until(next_beat.min(Instant::now() + between_looks)).await;
        let now = SystemClock.now();
        // A machine that slept, or a process that stood still, heard nobody: they get another
        // chance.
        let late = now - last_look - between_looks.as_millis() as i64;
        let pause = if late > settings.timeout.as_millis() as i64 / 2 { late } else { 0 };
        last_look = now;
        if pause > 0 {
            tracing::warn!("this process has stood still for {pause} ms");
        }
        for session in task_managers.sessions() {
            if pause > 0 {
                session.touch(now);
            }
            let silent = now - session.last_heartbeat.load(Ordering::Relaxed);
            if silent > settings.timeout.as_millis() as i64 {
                let reason =
                    format!("the heartbeat of the TaskManager timed out after {silent} ms");
                task_managers.lose(&session, &reason);
            }
        }
        if Instant::now() >= next_beat {
            next_beat = Instant::now() + settings.interval;
            for session in task_managers.sessions() {
                task_managers.send_to(&session, Message::Heartbeat(Heartbeat {}));
            }
        }
    }
}

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
        let jump = jump(now - last_look, between_looks, settings.timeout);
        last_look = now;
        if let Some(jump) = jump {
            tracing::warn!("this process has stood still, or its clock was set: by {jump} ms");
        }
        for session in task_managers.sessions() {
            if jump.is_some() {
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

/// By how many milliseconds more, or less, than it should the clock has moved on between two looks
/// at it, where that is too much: a machine that slept, or a process that stood still, heard nobody,
/// and a clock that was set says nothing about what was heard before. TaskManagers get another
/// chance then.
fn jump(moved_on: i64, between_looks: Duration, timeout: Duration) -> Option<i64> {
    let late = moved_on - between_looks.as_millis() as i64;
    (late > timeout.as_millis() as i64 / 2 || moved_on < 0).then_some(late)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_and_a_clock_that_was_set_either_way_are_noticed() {
        let looks = |moved_on| jump(moved_on, Duration::from_secs(1), Duration::from_secs(10));
        assert_eq!(looks(1_000), None);
        assert_eq!(looks(6_000), None);
        assert_eq!(looks(6_001), Some(5_001));
        assert_eq!(looks(3_600_000), Some(3_599_000));
        assert_eq!(looks(0), None);
        assert_eq!(looks(-3_600_000), Some(-3_601_000), "else nobody were lost for an hour");
    }
}

//! One TaskManager's session: what it says, passed on to whom it concerns.

use std::time::Instant;

use sciurus_checkpoint::{SubtaskState, TaskAcknowledgement};
use sciurus_core::clock::{Clock, SystemClock};
use sciurus_core::ids::{HEX_ID_BYTES, JobId, WorkerId};
use sciurus_job_master::failure::FailureCause;
use sciurus_rpc::convert::{MessageError, TaskCheckpointNews, id, required, sorted};
use sciurus_rpc::proto::job_manager_message::Message as ToTaskManager;
use sciurus_rpc::proto::task_manager_message::Message;
use sciurus_rpc::proto::{self, TaskManagerMessage};
use tokio_stream::{Stream, StreamExt};
use tonic::Status;

use super::{Session, TaskManagers};
use crate::inbox::{CheckpointNews, JobEvent, JobPort};

/// How many messages that make no sense a TaskManager may send.
const MAX_SENSELESS: u32 = 100;

/// How long a worker may take to end whose job isn't there.
const STRAY_WORKER_GRACE_MS: u32 = 2_000;

/// The longest texts of a failure that are kept, in bytes.
const MAX_MESSAGE_BYTES: usize = 16 << 10;
const MAX_DETAILS_BYTES: usize = 64 << 10;

impl TaskManagers {
    /// Hears what a TaskManager says until its session ends.
    pub(super) async fn hear(
        &self,
        session: &Session,
        mut messages: impl Stream<Item = Result<TaskManagerMessage, Status>> + Unpin,
    ) {
        let mut senseless = 0;
        let reason = loop {
            let message = tokio::select! {
                biased;
                () = session.lost.cancelled() => return,
                message = messages.next() => message,
            };
            let message = match message {
                Some(Ok(message)) => message,
                Some(Err(error)) => break format!("its connection broke ({})", error.message()),
                None => break "it has closed its connection".to_owned(),
            };
            session.touch(SystemClock.now());
            // What it says to another leader concerns nobody here.
            if message.leader != self.0.leader.to_bytes().as_slice() {
                continue;
            }
            let heard = tokio::select! {
                biased;
                () = session.lost.cancelled() => return,
                heard = self.pass_on(session, message) => heard,
            };
            if let Err(error) = heard {
                senseless += 1;
                let id = &session.registration.id;
                tracing::warn!("TaskManager {id} has sent a message that makes no sense: {error}");
                if senseless > MAX_SENSELESS {
                    break "it sends messages that make no sense".to_owned();
                }
            }
        };
        self.lose(session, &reason);
    }

    async fn pass_on(
        &self,
        session: &Session,
        message: TaskManagerMessage,
    ) -> Result<(), MessageError> {
        let task_manager = || session.registration.id.clone();
        match required(message.message, "content")? {
            Message::Heartbeat(proto::Heartbeat {}) => {}
            Message::Register(_) => {
                return Err(MessageError::Value { what: "second registration", value: 2 });
            }
            Message::WorkerStarted(started) => {
                let worker = id(&started.worker, "worker id", WorkerId::from_bytes)?;
                self.tell(&started.job_id, session, |_| {
                    Ok(JobEvent::WorkerStarted {
                        task_manager: task_manager(),
                        worker,
                        data_address: started.data_address,
                    })
                })
                .await?;
            }
            Message::WorkerEnded(ended) => {
                let worker = id(&ended.worker, "worker id", WorkerId::from_bytes)?;
                let cause = bounded(required(ended.cause, "cause")?.into());
                let job = id(&ended.job_id, "job id", JobId::from_bytes)?;
                if let Some(port) = self.0.jobs.get(job) {
                    let task_manager = task_manager();
                    let event = JobEvent::WorkerEnded { task_manager, worker, cause };
                    port.inbox.report(event).await;
                }
            }
            Message::Task(report) => {
                let change = required(report.change, "change of state")?.read()?;
                self.tell(&report.job_id, session, |port| {
                    if let Some(metrics) = report.metrics {
                        let is_last = change.1.is_terminal();
                        port.metrics.record(metrics, is_last, Instant::now())?;
                    }
                    let (attempt, state, failure) = change;
                    Ok(JobEvent::TaskChanged {
                        task_manager: task_manager(),
                        generation: session.generation,
                        change: (attempt, state, failure.map(bounded)),
                    })
                })
                .await?;
            }
            Message::SplitRequest(request) => {
                let reader = required(request.reader, "reader")?.try_into()?;
                self.tell(&request.job_id, session, |_| Ok(JobEvent::SplitRequested(reader)))
                    .await?;
            }
            Message::Checkpoint(message) => {
                let report = required(message.report, "report of a checkpoint")?;
                let (attempt, news) = report.read()?;
                let news = read_news(news);
                self.tell(&message.job_id, session, |_| Ok(JobEvent::Checkpoint { attempt, news }))
                    .await?;
            }
            Message::Metrics(report) => self.note_metrics(session, report)?,
            Message::FileList(list) => self.0.requests.on_list(session.generation, list),
            Message::FileRefused(refused) => {
                self.0.requests.on_refused(session.generation, refused);
            }
        }
        Ok(())
    }

    /// Tells a job something. A worker of a job that isn't there has nothing to do any more.
    async fn tell(
        &self,
        job: &[u8],
        session: &Session,
        event: impl FnOnce(&JobPort) -> Result<JobEvent, MessageError>,
    ) -> Result<(), MessageError> {
        let job = id(job, "job id", JobId::from_bytes)?;
        if let Some(port) = self.0.jobs.get(job) {
            let event = event(&port)?;
            port.inbox.report(event).await;
        } else {
            let stop = proto::StopWorker { job_id: bytes(job), grace_ms: STRAY_WORKER_GRACE_MS };
            self.send_to(session, ToTaskManager::StopWorker(stop));
        }
        Ok(())
    }

    fn note_metrics(
        &self,
        session: &Session,
        report: proto::MetricsReport,
    ) -> Result<(), MessageError> {
        let now = Instant::now();
        *session.gauges.lock() = sorted(report.gauges).into();
        for job in report.jobs {
            let id = id(&job.job_id, "job id", JobId::from_bytes)?;
            let Some(port) = self.0.jobs.get(id) else { continue };
            for task in job.tasks {
                port.metrics.record(task, false, now)?;
            }
            if !job.gauges.is_empty() {
                port.metrics.record_worker(session.registration.id.clone(), sorted(job.gauges));
            }
        }
        Ok(())
    }
}

/// Reads what a task says about a checkpoint. State that can't be read is none.
fn read_news(news: TaskCheckpointNews) -> CheckpointNews {
    match news {
        TaskCheckpointNews::Acknowledged { checkpoint, state, metrics } => {
            match SubtaskState::decode(&state) {
                Ok(state) => {
                    let acknowledgement = Box::new(TaskAcknowledgement { state, metrics });
                    CheckpointNews::Acknowledged(checkpoint, acknowledgement)
                }
                Err(error) => {
                    let reason = format!("the task has sent a state that can't be read: {error}");
                    CheckpointNews::Declined(checkpoint, reason)
                }
            }
        }
        TaskCheckpointNews::Declined { checkpoint, mut reason } => {
            cut(&mut reason, MAX_MESSAGE_BYTES);
            CheckpointNews::Declined(checkpoint, reason)
        }
        TaskCheckpointNews::EndOfData => CheckpointNews::EndOfData,
    }
}

fn bytes(job: JobId) -> bytes::Bytes {
    let bytes: [u8; HEX_ID_BYTES] = job.to_bytes();
    sciurus_rpc::convert::bytes_of(bytes)
}

/// Cuts the texts of a failure that came from another process down to what is worth keeping.
pub(crate) fn bounded(mut cause: FailureCause) -> FailureCause {
    cut(&mut cause.kind, 256);
    cut(&mut cause.message, MAX_MESSAGE_BYTES);
    if let Some(details) = &mut cause.details {
        cut(details, MAX_DETAILS_BYTES);
    }
    if let Some(operator) = &mut cause.operator {
        cut(operator, MAX_MESSAGE_BYTES);
    }
    cause
}

fn cut(text: &mut String, max_bytes: usize) {
    if text.len() > max_bytes {
        let end = (0..=max_bytes).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or(0));
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        let mut text = "äöü".to_owned();
        cut(&mut text, 3);
        assert_eq!(text, "ä…");
        cut(&mut text, 100);
        assert_eq!(text, "ä…");
    }
}

//! A running coordinator: messages to it and from it, and its end.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use prost::Message;
use rustix::process::Pid;
use sciurus_core::checkpoint::CheckpointId;
use sciurus_job_master::failure::{FailureCause, Fault};
use sciurus_rpc::convert::{MessageError, required};
use sciurus_rpc::framing;
use sciurus_rpc::proto::{self, FromJob, ToJob, from_job, to_job};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::Child;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::output::Output;
use crate::inbox::{Inbox, JobEvent};
use crate::task_managers::bounded;

/// How many bytes may wait to be read by a coordinator.
const MAX_QUEUED_BYTES: usize = 16 << 20;

/// How long a coordinator may take to end when it is told to.
const GRACE: Duration = Duration::from_secs(2);

/// A process of a job: ends when this is dropped.
pub(super) struct JobProcess {
    pub(super) child: Child,
    /// Its process group, until all of it was killed after the end of the process.
    pub(super) group: Option<Pid>,
    pub(super) reader: OwnedReadHalf,
    pub(super) writer: OwnedWriteHalf,
    pub(super) output: Output,
    /// Its working directory, removed after its end.
    pub(super) directory: PathBuf,
}

impl Drop for JobProcess {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

impl JobProcess {
    /// Ends the process and all that it has started.
    fn kill(&mut self) {
        self.kill_group();
        let _ = self.child.start_kill();
    }

    /// Ends all that the process has started, and itself. Once that was done after its end the id
    /// may be another's.
    fn kill_group(&mut self) {
        if let Some(group) = self.group {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }

    /// Waits for the end of the process; what it has started ends with it.
    async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        self.kill_group();
        self.group = None;
        Ok(status)
    }

    /// Reads a message; `None` where the socket has ended.
    pub(super) async fn read(&mut self) -> io::Result<Option<FromJob>> {
        read_message(&mut self.reader).await
    }

    pub(super) async fn write(&mut self, message: to_job::Message) -> io::Result<()> {
        let bytes = framing::encode(&ToJob { message: Some(message) })?;
        self.writer.write_all(&bytes).await
    }

    /// Waits for the end of a process whose socket has ended, and tells how it ended.
    pub(super) async fn how_it_ended(&mut self) -> String {
        match timeout(GRACE, self.wait()).await {
            Ok(Ok(status)) => describe(status),
            Ok(Err(error)) => format!("ended, nobody knows how ({error})"),
            Err(_) => {
                self.kill();
                let _ = timeout(GRACE, self.wait()).await;
                "closed its connection and was ended".to_owned()
            }
        }
    }
}

/// Tells how a process ended: "ended with exit code 1".
fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;

    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(9)) => {
            "was killed by signal 9 (SIGKILL; where memory runs out the system does that)"
                .to_owned()
        }
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

async fn read_message(reader: &mut OwnedReadHalf) -> io::Result<Option<FromJob>> {
    let mut prefix = [0; framing::LENGTH_BYTES];
    match reader.read_exact(&mut prefix).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    };
    // What was announced is believed as it comes, not before.
    let length = framing::message_length(prefix)? as u64;
    let mut body = Vec::with_capacity(length.min(64 << 10) as usize);
    let read = reader.take(length).read_to_end(&mut body).await?;
    if (read as u64) < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    framing::decode(&body).map(Some)
}

/// A job's coordinator. Dropping this ends it.
pub struct Coordinator {
    number: u64,
    messages: mpsc::UnboundedSender<(usize, to_job::Message)>,
    queued_bytes: Arc<AtomicUsize>,
    stop: CancellationToken,
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Coordinator {
    /// Goes on with a process that has said what the job is. The returned future runs it until its
    /// end and tells `inbox` what it says.
    pub(super) fn start(
        process: JobProcess,
        number: u64,
        inbox: Inbox,
        log_level: watch::Receiver<Option<String>>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (messages, receiver) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let queued_bytes = Arc::new(AtomicUsize::new(0));
        let coordinator =
            Self { number, messages, queued_bytes: queued_bytes.clone(), stop: stop.clone() };
        let run = async move {
            let running = Running { process, number, inbox, queued_bytes, log_level };
            running.run(receiver, stop).await;
        };
        (coordinator, run)
    }

    /// Returns which of the job's coordinators this is.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Says that readers start, in a round that is later than those before.
    ///
    /// # Errors
    /// [`FailureCause`] where the coordinator doesn't read what it is sent.
    pub fn start_readers(&self, start: proto::StartReaders) -> Result<(), FailureCause> {
        self.send(to_job::Message::StartReaders(start))
    }

    /// Asks for a snapshot of all enumerators.
    ///
    /// # Errors
    /// [`FailureCause`] where the coordinator doesn't read what it is sent.
    pub fn snapshot_sources(&self, checkpoint: CheckpointId) -> Result<(), FailureCause> {
        let checkpoint = checkpoint.0;
        self.send(to_job::Message::SnapshotSources(proto::SnapshotSources { checkpoint }))
    }

    /// Says that a checkpoint is complete.
    ///
    /// # Errors
    /// [`FailureCause`] where the coordinator doesn't read what it is sent.
    pub fn checkpoint_complete(&self, checkpoint: CheckpointId) -> Result<(), FailureCause> {
        self.send(to_job::Message::SourcesComplete(checkpoint.0))
    }

    /// Asks for a split.
    ///
    /// # Errors
    /// [`FailureCause`] where the coordinator doesn't read what it is sent.
    pub fn request_split(&self, reader: proto::Subtask) -> Result<(), FailureCause> {
        self.send(to_job::Message::SplitRequest(reader))
    }

    fn send(&self, message: to_job::Message) -> Result<(), FailureCause> {
        let bytes = ToJob { message: Some(message.clone()) }.encoded_len();
        let queued = self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        if queued > 0 && queued + bytes > MAX_QUEUED_BYTES {
            return Err(FailureCause::new(
                Fault::User,
                "CoordinatorStuck",
                "the job's coordinator doesn't read what it is sent: an enumerator is stuck",
            ));
        }
        // Where it has ended the inbox hears of that.
        let _ = self.messages.send((bytes, message));
        Ok(())
    }
}

struct Running {
    process: JobProcess,
    number: u64,
    inbox: Inbox,
    queued_bytes: Arc<AtomicUsize>,
    log_level: watch::Receiver<Option<String>>,
}

impl Running {
    async fn run(
        mut self,
        mut messages: mpsc::UnboundedReceiver<(usize, to_job::Message)>,
        stop: CancellationToken,
    ) {
        let broken = {
            let JobProcess { reader, writer, .. } = &mut self.process;
            let hear = hear(reader, self.number, &self.inbox);
            let queued_bytes = &self.queued_bytes;
            let log_level = &mut self.log_level;
            // It may have been changed before the process came.
            log_level.mark_changed();
            let tell = async {
                while let Some((bytes, message)) = next(&mut messages, log_level).await {
                    queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
                    let bytes = framing::encode(&ToJob { message: Some(message) })?;
                    writer.write_all(&bytes).await?;
                }
                // The job has dropped its end: `stop` is about to say so.
                std::future::pending::<io::Result<()>>().await
            };
            tokio::select! {
                () = stop.cancelled() => None,
                reason = hear => Some(reason),
                Err(error) = tell => Some(error.to_string()),
            }
        };
        let Some(reason) = broken else {
            let _ = timeout(GRACE, self.shut_down()).await;
            return;
        };
        let how = self.process.how_it_ended().await;
        let output = self.process.output.last_lines().await;
        let mut cause = FailureCause::new(
            Fault::User,
            "CoordinatorEnded",
            format!("the job's coordinator {how}"),
        );
        let details = [reason, output].into_iter().filter(|text| !text.is_empty());
        let details = details.collect::<Vec<_>>().join("\n");
        cause.details = (!details.is_empty()).then_some(details);
        let coordinator = self.number;
        self.inbox
            .report(JobEvent::CoordinatorFailed { coordinator, cause, has_ended: true })
            .await;
    }

    async fn shut_down(&mut self) {
        let _ = self.process.write(to_job::Message::Shutdown(proto::Shutdown {})).await;
        let _ = self.process.writer.shutdown().await;
        let _ = self.process.wait().await;
    }
}

/// Waits for the next message and its size: of the job, or that another level is to be logged.
async fn next(
    messages: &mut mpsc::UnboundedReceiver<(usize, to_job::Message)>,
    log_level: &mut watch::Receiver<Option<String>>,
) -> Option<(usize, to_job::Message)> {
    loop {
        tokio::select! {
            message = messages.recv() => return message,
            Ok(()) = log_level.changed() => {
                let Some(directives) = log_level.borrow_and_update().clone() else { continue };
                return Some((0, to_job::Message::SetLogLevel(proto::SetLogLevel { directives })));
            }
        }
    }
}

/// Hears what a coordinator says until its socket ends; returns what is to be said of that.
async fn hear(reader: &mut OwnedReadHalf, number: u64, inbox: &Inbox) -> String {
    loop {
        let message = match read_message(reader).await {
            Ok(Some(FromJob { message: Some(message) })) => message,
            Ok(Some(_)) => continue,
            Ok(None) => return String::new(),
            Err(error) => return format!("its connection broke: {error}"),
        };
        match message {
            from_job::Message::Decisions(decisions) => match read_decisions(decisions, number) {
                Ok(event) => inbox.report(event).await,
                Err(error) => return format!("it sent a message that makes no sense: {error}"),
            },
            from_job::Message::SourcesSnapshotted(snapshot) => match snapshot.read() {
                Ok((checkpoint, result)) => {
                    let event =
                        JobEvent::SourcesSnapshotted { coordinator: number, checkpoint, result };
                    inbox.report(event).await;
                }
                Err(error) => return format!("it sent a message that makes no sense: {error}"),
            },
            from_job::Message::SourcesFailed(cause) | from_job::Message::Refused(cause) => {
                let cause = bounded(cause.into());
                let event =
                    JobEvent::CoordinatorFailed { coordinator: number, cause, has_ended: false };
                inbox.report(event).await;
            }
            // No coordinator's business.
            _ => {}
        }
    }
}

fn read_decisions(
    message: proto::SourceDecisions,
    coordinator: u64,
) -> Result<JobEvent, MessageError> {
    let mut decisions = Vec::with_capacity(message.decisions.len());
    for decision in message.decisions {
        let reader = required(decision.reader, "reader")?.try_into()?;
        decisions.push((reader, required(decision.event, "event")?));
    }
    let (round, total_bytes) = (message.round, message.total_bytes);
    Ok(JobEvent::Decisions { coordinator, round, decisions, total_bytes })
}

//! A worker's life: fetch the executable, start the process, pass messages on, see it end.
//!
//! One task for each worker, and within it one loop that waits for everything at once and blocks on
//! nothing: not on a worker that doesn't read, nor on a session that doesn't take reports.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use rustix::process::Signal;
use sciurus_core::ids::ExecutionAttemptId;
use sciurus_job_master::failure::{FailureCause, Fault};
use sciurus_rpc::proto::{self, from_job, to_job};
use sciurus_rpc::{PROTOCOL_VERSION, framing};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::Child;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::console::Console;
use super::ending::{Ending, code_and_signal};
use super::frames::Frames;
use super::stopping::{Step, Stopping};
use super::{Command, Ended, Report, TaggedReport, WorkerSpec, process};
use crate::machine::Cgroups;
use crate::packages::{Blobs, PackageCache};
use crate::scratch::kill_group;

/// How many reports may wait before no more are read off the worker's socket.
const MAX_PENDING_REPORTS: usize = 64;

/// How many bytes may wait for the worker to read them.
const MAX_UNREAD_BYTES: usize = 2 * framing::MAX_MESSAGE_BYTES;

/// How long a worker may leave what was written to it unread.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a worker that has said that it ends, or has closed its socket, may take to be gone.
const LAST_GRACE: Duration = Duration::from_secs(5);

/// How long what an ended worker had written may take to be read.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);

/// How often the length of its log files is looked at.
const LOG_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Lives a worker's life. It ends when its process, and all that belongs to it, is gone.
pub(super) async fn run(
    spec: WorkerSpec,
    packages: Arc<PackageCache>,
    blobs: impl Blobs,
    mut commands: mpsc::Receiver<Command>,
    reports: mpsc::Sender<TaggedReport>,
    kill: CancellationToken,
) -> Ended {
    let (job, worker) = (spec.job, spec.worker);
    let ended = |cause| Ended { job, worker, cause };
    let stopped = async {
        // Others than Stop mean nothing before there is a process.
        while let Some(command) = commands.recv().await {
            if matches!(command, Command::Stop(_)) {
                return;
            }
        }
    };
    let executable = tokio::select! {
        biased;
        () = kill.cancelled() => return ended(None),
        () = stopped => return ended(None),
        executable = packages.executable(&spec.package, &blobs) => executable,
    };
    let executable = match executable {
        Ok(executable) => executable,
        Err(error) => {
            warn!(%job, %worker, %error, "can't start a worker");
            return ended(Some(error.to_cause()));
        }
    };
    let console = spec.console.then(|| Console::follow(&spec.logs)).flatten();
    let cgroups = Cgroups::of_this_process();
    let oom_kills = cgroups.oom_kills();
    let (mut process, socket) = match process::start(&spec, &executable.path).await {
        Ok(started) => started,
        Err(error) => {
            let text = format!("can't start {}: {error}", executable.path.display());
            warn!(%job, %worker, text);
            return ended(Some(FailureCause::new(Fault::Environment, "WorkerNotStarted", text)));
        }
    };
    let pid = process.pid;
    info!(%job, job_name = spec.job_name, %worker, pid, "started a worker");
    let mut supervisor = Supervisor::new(spec, pid, socket, reports, kill);
    supervisor.greet();
    let status = supervisor.watch(&mut process.child, &mut commands).await;
    // What the worker has started itself goes with it.
    kill_group(pid, Signal::KILL);
    supervisor.drain().await;
    if let Some(console) = console {
        console.finish().await;
    }
    let cause = supervisor.into_cause(status, cgroups.oom_kills() > oom_kills);
    drop(process);
    if let Some(cause) = &cause {
        warn!(%job, %worker, pid, %cause, "a worker has ended");
    } else {
        info!(%job, %worker, pid, "a worker has ended as it was told");
    }
    ended(cause)
}

/// What the loop has waited for.
enum Event {
    Kill,
    Exited(io::Result<ExitStatus>),
    Time,
    Command(Option<Command>),
    Message(io::Result<Option<proto::FromJob>>),
    Written(io::Result<usize>),
    LogCheck,
}

struct Supervisor {
    spec: WorkerSpec,
    pid: u32,
    frames: Frames<OwnedReadHalf>,
    /// Whether more can come off the socket.
    reading: bool,
    writer: OwnedWriteHalf,
    /// What the worker has not read yet, and since when it has read nothing of it.
    unread: BytesMut,
    unread_since: Instant,
    reports: mpsc::Sender<TaggedReport>,
    pending: VecDeque<Report>,
    kill: CancellationToken,
    /// Until when it has to be ready; `None` once it is.
    ready_by: Option<Instant>,
    /// Until when cancelled tasks have to have ended.
    cancelled: HashMap<ExecutionAttemptId, Instant>,
    stopping: Option<Stopping>,
    /// Whether it was told to end.
    told: bool,
    /// Why it is made to end, or what it said itself.
    reason: Option<FailureCause>,
}

impl Supervisor {
    fn new(
        spec: WorkerSpec,
        pid: u32,
        socket: UnixStream,
        reports: mpsc::Sender<TaggedReport>,
        kill: CancellationToken,
    ) -> Self {
        let now = Instant::now();
        let (reader, writer) = socket.into_split();
        Self {
            ready_by: Some(now + spec.start_timeout),
            spec,
            pid,
            frames: Frames::new(reader),
            reading: true,
            writer,
            unread: BytesMut::new(),
            unread_since: now,
            reports,
            pending: VecDeque::new(),
            kill,
            cancelled: HashMap::new(),
            stopping: None,
            told: false,
            reason: None,
        }
    }

    fn greet(&mut self) {
        let init = proto::JobInit {
            protocol: PROTOCOL_VERSION,
            role: proto::JobRole::Worker.into(),
            job_id: Bytes::copy_from_slice(&self.spec.job.to_bytes()),
            configuration: std::mem::take(&mut self.spec.configuration),
            worker: Some(self.spec.init.clone()),
        };
        self.write(to_job::Message::Init(init));
    }

    /// Waits for everything at once until the process has ended.
    async fn watch(
        &mut self,
        child: &mut Child,
        commands: &mut mpsc::Receiver<Command>,
    ) -> io::Result<ExitStatus> {
        let mut log_check = interval_at(Instant::now() + LOG_CHECK_INTERVAL, LOG_CHECK_INTERVAL);
        log_check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut listening, mut may_be_killed) = (true, true);
        loop {
            let deadline = self.next_deadline();
            let event = tokio::select! {
                biased;
                () = self.kill.cancelled(), if may_be_killed => Event::Kill,
                status = child.wait() => Event::Exited(status),
                () = sleep_until(deadline) => Event::Time,
                command = commands.recv(), if listening => Event::Command(command),
                Ok(permit) = self.reports.reserve(), if !self.pending.is_empty() => {
                    if let Some(report) = self.pending.pop_front() {
                        permit.send((self.spec.job, self.spec.worker, report));
                    }
                    continue;
                }
                message = self.frames.next(), if self.reading
                    && self.pending.len() < MAX_PENDING_REPORTS => Event::Message(message),
                written = self.writer.write(&self.unread), if !self.unread.is_empty() => {
                    Event::Written(written)
                }
                _ = log_check.tick() => Event::LogCheck,
            };
            match event {
                Event::Kill => {
                    may_be_killed = false;
                    self.told = true;
                    self.end(Stopping::now(Instant::now()));
                }
                Event::Exited(status) => return status,
                Event::Time => self.pass_time(),
                Event::Command(Some(command)) => self.obey(command),
                // The session is gone, which ends workers, and so will this one be.
                Event::Command(None) => listening = false,
                Event::Message(message) => self.receive(message),
                Event::Written(written) => self.count_written(&written),
                Event::LogCheck => self.spec.logs.limit(),
            }
        }
    }

    fn next_deadline(&self) -> Instant {
        let unread = (!self.unread.is_empty()).then_some(self.unread_since + UNREAD_TIMEOUT);
        let due = if let Some(stopping) = &self.stopping {
            Some(stopping.next_at())
        } else {
            let cancelled = self.cancelled.values().min().copied();
            [self.ready_by, cancelled, unread].into_iter().flatten().min()
        };
        // Far away, and still something that can be waited for.
        due.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600))
    }

    fn pass_time(&mut self) {
        let (now, pid) = (Instant::now(), self.pid);
        if let Some(stopping) = &mut self.stopping {
            match stopping.step(now) {
                Some(Step::Terminate) => kill_group(pid, Signal::TERM),
                Some(Step::Kill) => kill_group(pid, Signal::KILL),
                Some(Step::Remind) => warn!(pid, "a worker was killed and is still there"),
                None => {}
            }
        } else if self.ready_by.is_some_and(|at| at <= now) {
            let seconds = self.spec.start_timeout.as_secs_f32();
            self.give_up(
                Fault::User,
                "WorkerStartTimeout",
                format!(
                    "the job's worker was not ready after {seconds} s: its main has to reach \
                     execute sooner, or sciurus.worker.start-timeout be longer"
                ),
            );
        } else if self.cancelled.values().any(|at| *at <= now) {
            let seconds = self.spec.cancellation_timeout.unwrap_or_default().as_secs_f32();
            self.give_up(
                Fault::User,
                "TaskCancellationTimeout",
                format!(
                    "a cancelled task had not ended after {seconds} s (task.cancellation.timeout)"
                ),
            );
        } else if !self.unread.is_empty() && self.unread_since + UNREAD_TIMEOUT <= now {
            let seconds = UNREAD_TIMEOUT.as_secs();
            let text = format!("the job's worker has read no message for {seconds} s");
            self.give_up(Fault::Environment, "WorkerHung", text);
        }
    }

    /// Ends the worker by force, and says why.
    fn give_up(&mut self, fault: Fault, kind: &str, message: String) {
        let details = self.spec.logs.tail();
        self.reason.get_or_insert_with(|| {
            let mut cause = FailureCause::new(fault, kind, message);
            cause.details = details.map(|tail| format!("The worker's last words:\n{tail}"));
            cause
        });
        self.end(Stopping::now(Instant::now()));
    }

    fn end(&mut self, stopping: Stopping) {
        self.stopping = Some(self.stopping.map_or(stopping, |earlier| earlier.or_sooner(stopping)));
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Deploy(tasks) => self.write(to_job::Message::Deploy(tasks)),
            Command::SourceEvent(event) => self.write(to_job::Message::SourceEvent(event)),
            Command::TriggerCheckpoint(trigger) => {
                self.write(to_job::Message::TriggerCheckpoint(trigger));
            }
            Command::CheckpointComplete(notice) => {
                self.write(to_job::Message::CheckpointComplete(notice));
            }
            Command::CheckpointAborted(notice) => {
                self.write(to_job::Message::CheckpointAborted(notice));
            }
            Command::SetLogLevel(level) => self.write(to_job::Message::SetLogLevel(level)),
            Command::CancelTask(attempt) => {
                if let (Some(limit), Ok(attempt)) =
                    (self.spec.cancellation_timeout, attempt.clone().try_into())
                {
                    self.cancelled.entry(attempt).or_insert_with(|| Instant::now() + limit);
                }
                self.write(to_job::Message::CancelTask(attempt));
            }
            Command::Stop(grace) => {
                self.told = true;
                self.write(to_job::Message::Shutdown(proto::Shutdown {}));
                self.end(Stopping::within(grace, Instant::now()));
            }
        }
    }

    fn write(&mut self, message: to_job::Message) {
        let message = proto::ToJob { message: Some(message) };
        match framing::encode(&message) {
            Ok(bytes) if self.unread.len() + bytes.len() <= MAX_UNREAD_BYTES => {
                if self.unread.is_empty() {
                    self.unread_since = Instant::now();
                }
                self.unread.extend_from_slice(&bytes);
            }
            Ok(_) => {
                let text = "the job's worker leaves too many messages unread".to_owned();
                self.give_up(Fault::Environment, "WorkerHung", text);
            }
            Err(error) => {
                let text = format!("a message to the job's worker can't be sent: {error}");
                self.give_up(Fault::Bug, "MessageTooLarge", text);
            }
        }
    }

    fn count_written(&mut self, written: &io::Result<usize>) {
        match written {
            Ok(bytes @ 1..) => {
                self.unread.advance(*bytes);
                self.unread_since = Instant::now();
                if self.unread.is_empty() {
                    // Deployments are large and rare: their room is not kept.
                    self.unread = BytesMut::new();
                }
            }
            // It has closed the socket; that is noticed where it is read.
            Ok(_) | Err(_) => self.unread = BytesMut::new(),
        }
    }

    fn receive(&mut self, message: io::Result<Option<proto::FromJob>>) {
        match message {
            Ok(Some(proto::FromJob { message: Some(message) })) => self.take(message),
            Ok(Some(proto::FromJob { message: None })) => {
                debug!(job = %self.spec.job, "a worker sent a message that nobody knows");
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                self.violate(&error.to_string());
            }
            // It has ended, or is about to; its exit says more.
            Ok(None) | Err(_) => {
                self.reading = false;
                self.end(Stopping::within(LAST_GRACE, Instant::now()));
            }
        }
    }

    fn take(&mut self, message: from_job::Message) {
        match message {
            from_job::Message::Ready(ready) => self.take_ready(ready),
            from_job::Message::Refused(cause) => {
                self.reason.get_or_insert(cause.into());
                self.end(Stopping::within(LAST_GRACE, Instant::now()));
            }
            _ if self.ready_by.is_some() => self.violate("a report before it was ready"),
            from_job::Message::State(change) => match change.clone().read() {
                Ok((attempt, state, _)) => {
                    if state.is_terminal() {
                        self.cancelled.remove(&attempt);
                    }
                    self.pending.push_back(Report::Task(change));
                }
                Err(error) => self.violate(&error.to_string()),
            },
            from_job::Message::SplitRequest(reader) => {
                self.pending.push_back(Report::SplitRequest(reader));
            }
            from_job::Message::Checkpoint(report) => {
                self.pending.push_back(Report::Checkpoint(report));
            }
            from_job::Message::Metrics(metrics) => {
                self.pending.push_back(Report::Metrics(metrics));
            }
            from_job::Message::Plan(_)
            | from_job::Message::Decisions(_)
            | from_job::Message::SourcesFailed(_)
            | from_job::Message::SourcesSnapshotted(_) => {
                self.violate("what only coordinators send");
            }
        }
    }

    fn take_ready(&mut self, ready: proto::WorkerReady) {
        if self.ready_by.take().is_none() {
            self.violate("that it is ready, for the second time");
        } else if ready.data_address.is_empty() {
            self.violate("that it is ready, and no address for data");
        } else {
            let (data_address, pid) = (ready.data_address, self.pid);
            let job_graph = ready.job_graph;
            self.pending.push_back(Report::Started { data_address, pid, job_graph });
        }
    }

    fn violate(&mut self, what: &str) {
        self.reading = false;
        let text = format!("the job's worker breaks the protocol, it sent: {what}");
        self.give_up(Fault::Bug, "ProtocolViolation", text);
    }

    /// Takes in what the worker had written before it ended, and hands over all reports.
    async fn drain(&mut self) {
        let read = async {
            while self.reading && !self.told {
                let message = self.frames.next().await;
                self.receive(message);
            }
        };
        // Only if something still holds the other end does this wait for more.
        let _ = timeout(DRAIN_TIMEOUT, read).await;
        while let Some(report) = self.pending.pop_front() {
            tokio::select! {
                biased;
                () = self.kill.cancelled() => return,
                sent = self.reports.send((self.spec.job, self.spec.worker, report)) => {
                    if sent.is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn into_cause(
        self,
        status: io::Result<ExitStatus>,
        out_of_memory: bool,
    ) -> Option<FailureCause> {
        if self.told {
            return None;
        }
        if let Some(reason) = self.reason {
            return Some(reason);
        }
        let pid = self.pid;
        let (code, signal) = status.map_or((None, None), code_and_signal);
        let tail = self.spec.logs.tail();
        if self.stopping.is_some_and(|stopping| stopping.was_killed()) {
            let text = format!("the job's worker (process {pid}) closed its socket and went on");
            let mut cause = FailureCause::new(Fault::User, "WorkerLost", text);
            cause.details = tail;
            return Some(cause);
        }
        let ending = Ending {
            pid,
            code,
            signal,
            was_ready: self.ready_by.is_none(),
            out_of_memory,
            budget_bytes: self.spec.init.memory_bytes,
            tail: tail.as_deref(),
        };
        Some(ending.to_cause())
    }
}

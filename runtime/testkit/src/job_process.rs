//! The manager's side of a job's process: starts it and speaks with it, message by message.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sciurus_rpc::proto::{FromJob, JobInit, ToJob, from_job, to_job};
use sciurus_rpc::{PROTOCOL_VERSION, framing};

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process of a job, whose manager the test plays. Dropping it kills the process.
pub struct JobProcess {
    child: Child,
    socket: Option<UnixStream>,
    stderr: Arc<Mutex<String>>,
}

impl JobProcess {
    /// Starts a process as managers do: a socket as its standard input, the variable that says so
    /// in its environment. Its standard error is kept.
    ///
    /// # Panics
    /// Where it can't be started.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        let (near, far) = UnixStream::pair().unwrap();
        let child = command
            .env("SCIURUS_JOB_PROCESS", PROTOCOL_VERSION.to_string())
            .stdin(OwnedFd::from(far))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        // The command holds the other end until it is given another standard input.
        command.stdin(Stdio::null());
        let mut child = child.unwrap();
        let stderr = Arc::new(Mutex::new(String::new()));
        let (mut pipe, kept) = (child.stderr.take().unwrap(), stderr.clone());
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = pipe.read(&mut bytes) {
                kept.lock().push_str(&String::from_utf8_lossy(&bytes[..read]));
            }
        });
        near.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { child, socket: Some(near), stderr }
    }

    /// Starts a process and tells it its part.
    ///
    /// # Panics
    /// Where it can't be started.
    #[track_caller]
    pub fn start_as(command: &mut Command, init: JobInit) -> Self {
        let mut process = Self::start(command);
        process.send(to_job::Message::Init(init));
        process
    }

    /// Sends a message. A process that is gone is not noticed.
    pub fn send(&mut self, message: to_job::Message) {
        if let Some(socket) = &mut self.socket {
            let _ = framing::write(socket, &ToJob { message: Some(message) });
        }
    }

    /// Sends bytes that need not be a message.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        if let Some(socket) = &mut self.socket {
            let _ = socket.write_all(bytes);
        }
    }

    /// Waits for the next message; `None` where the process is gone.
    ///
    /// # Panics
    /// Where none comes in time, or one that can't be read.
    #[track_caller]
    pub fn receive(&mut self) -> Option<from_job::Message> {
        let mut socket = self.socket.as_ref()?;
        match framing::read::<FromJob>(&mut socket) {
            Ok(message) => message.map(|message| message.message.unwrap()),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("{error}; standard error: {}", self.stderr()),
        }
    }

    /// Gives the socket away, to be read and written to elsewhere.
    pub fn socket(&self) -> Option<UnixStream> {
        self.socket.as_ref().and_then(|socket| socket.try_clone().ok())
    }

    /// Ends the connection, as the end of a manager does.
    pub fn hang_up(&mut self) {
        if let Some(socket) = self.socket.take() {
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Kills the process, as `kill -9` does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
    }

    /// Waits for the process's end.
    ///
    /// # Panics
    /// Where it goes on for too long.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "it goes on; standard error: {}", self.stderr());
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Returns the process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns what the process has written to its standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().clone()
    }
}

impl Drop for JobProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

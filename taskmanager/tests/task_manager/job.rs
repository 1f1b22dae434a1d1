//! The job: what it does is what its configuration says.

use std::collections::HashMap;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, exit};
use std::thread::sleep;
use std::time::Duration;

use sciurus_rpc::proto::{self, from_job, to_job};
use sciurus_rpc::{PROTOCOL_VERSION, framing};

/// The key of the configuration that says what the job does.
pub const BEHAVIOUR: &str = "test.behaviour";

/// Set where this process has been started anew so that it ignores SIGTERM.
const IGNORES_TERM: &str = "TEST_IGNORES_TERM";

struct Job {
    socket: UnixStream,
}

/// Plays the job if a TaskManager has started this process.
pub fn play_if_asked() {
    let Some(version) = std::env::var_os("SCIURUS_JOB_PROCESS") else { return };
    assert_eq!(version.to_str(), Some(PROTOCOL_VERSION.to_string().as_str()));
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned().unwrap());
    let mut job = Job { socket };
    if let Ok(host) = std::env::var(IGNORES_TERM) {
        let worker = Some(proto::WorkerInit { host, ..Default::default() });
        let init = proto::JobInit { worker, ..Default::default() };
        job.ready(&init);
        job.obey("ignore-shutdown");
    }
    let Some(to_job::Message::Init(init)) = job.read() else { panic!("no JobInit") };
    job.play(&init);
}

impl Job {
    fn read(&mut self) -> Option<to_job::Message> {
        let message: proto::ToJob = framing::read(&mut self.socket).unwrap()?;
        message.message
    }

    fn send(&mut self, message: from_job::Message) {
        let message = proto::FromJob { message: Some(message) };
        if framing::write(&mut self.socket, &message).is_err() {
            exit(0);
        }
    }

    fn ready(&mut self, init: &proto::JobInit) {
        let worker = init.worker.as_ref().unwrap();
        let data_address = format!("{}:4321", worker.host);
        self.send(from_job::Message::Ready(proto::WorkerReady {
            data_address,
            pid: 1,
            ..Default::default()
        }));
    }

    fn play(&mut self, init: &proto::JobInit) -> ! {
        let behaviour = init.configuration.get(BEHAVIOUR).map_or("obey", String::as_str);
        println!("out of {behaviour}");
        eprintln!("err of {behaviour}");
        match behaviour {
            "never-ready" => wait_for_ever(),
            "exit-3" => exit(3),
            "ignore-term" => {
                let mut shell = Command::new("sh");
                shell
                    .args(["-c", r#"trap "" TERM; exec "$0" "$@""#])
                    .args(std::env::args())
                    .env(IGNORES_TERM, &init.worker.as_ref().unwrap().host);
                panic!("{}", shell.exec());
            }
            "refuse" => {
                self.send(from_job::Message::Refused(proto::FailureCause {
                    kind: "GraphMismatch".to_owned(),
                    message: "another graph".to_owned(),
                    fault: proto::Fault::User.into(),
                    ..Default::default()
                }));
                wait_for_ever()
            }
            "long-message" => {
                self.ready(init);
                let _ = self.socket.write_all(&[0xff; 8]);
                wait_for_ever()
            }
            "garbage" => {
                self.ready(init);
                let _ = self.socket.write_all(&[3, 0, 0, 0, 0xff, 0xff, 0xff]);
                wait_for_ever()
            }
            "coordinate" => {
                self.ready(init);
                self.send(from_job::Message::Decisions(proto::SourceDecisions::default()));
                wait_for_ever()
            }
            "early" => {
                self.send(from_job::Message::SplitRequest(proto::ExecutionAttempt::default()));
                wait_for_ever()
            }
            "close" => {
                self.ready(init);
                // The descriptor itself is standard input, which stays open.
                self.socket.shutdown(std::net::Shutdown::Both).unwrap();
                wait_for_ever()
            }
            "child" => {
                let child = Command::new("sleep").arg("1000").spawn().unwrap();
                println!("child {}", child.id());
                std::mem::forget(child);
            }
            "flood" => {
                self.ready(init);
                for _ in 0..50_000 {
                    self.send(from_job::Message::SplitRequest(attempt(7)));
                }
                self.obey("obey");
            }
            "environment" => {
                let variables: HashMap<_, _> = std::env::vars().collect();
                println!("environment {variables:?}");
                println!("arguments {:?}", std::env::args().skip(1).collect::<Vec<_>>());
                println!("directory {}", std::env::current_dir().unwrap().display());
                println!("init {:?}", init.worker);
            }
            _ => {}
        }
        self.ready(init);
        self.obey(behaviour)
    }

    fn obey(&mut self, behaviour: &str) -> ! {
        while let Some(message) = self.read() {
            match message {
                to_job::Message::Deploy(tasks) => {
                    for task in tasks.tasks {
                        let attempt = task.attempt.unwrap();
                        self.report(&attempt, proto::ExecutionState::Running);
                        self.count(&attempt, 5);
                    }
                }
                to_job::Message::CancelTask(_) if behaviour == "ignore-cancel" => {}
                to_job::Message::CancelTask(attempt) => {
                    self.count(&attempt, 10);
                    self.report(&attempt, proto::ExecutionState::Canceled);
                }
                to_job::Message::SourceEvent(event) => {
                    self.send(from_job::Message::SplitRequest(event.reader.unwrap()));
                }
                to_job::Message::Shutdown(_) if behaviour == "ignore-shutdown" => {}
                to_job::Message::Shutdown(_) => exit(0),
                other => panic!("{other:?}"),
            }
        }
        exit(0)
    }

    fn report(&mut self, attempt: &proto::ExecutionAttempt, state: proto::ExecutionState) {
        let attempt = Some(attempt.clone());
        let change = proto::TaskStateChanged { attempt, state: state.into(), failure: None };
        self.send(from_job::Message::State(change));
    }

    fn count(&mut self, attempt: &proto::ExecutionAttempt, records_in: u64) {
        let attempt = Some(attempt.clone());
        let task = proto::TaskMetrics { attempt, records_in, ..Default::default() };
        let gauges = [("some.gauge".to_owned(), 1.0)].into();
        self.send(from_job::Message::Metrics(proto::WorkerMetrics { tasks: vec![task], gauges }));
    }
}

/// Makes the id of some attempt.
pub fn attempt(subtask: u32) -> proto::ExecutionAttempt {
    let id = |byte: u8| vec![byte; 16].into();
    proto::ExecutionAttempt { graph: id(1), vertex: id(2), subtask, attempt: 0 }
}

/// Goes on until killed, also where the socket has ended.
fn wait_for_ever() -> ! {
    loop {
        sleep(Duration::from_secs(1000));
    }
}

//! The job that tests run. Its configuration says what it does:
//!
//! - `test.parallelism`, `test.vertices`: its graph, a chain of vertices with hash exchanges;
//! - `test.splits`: how many splits its source gives away, one for each request;
//! - `test.plan`: `refuse`, `exit`, `hang`, `garbage`, `senseless`: instead of a plan;
//! - `test.coordinator`: `die-on-request`, `fail-on-request`, `hang`: what becomes of the coordinator.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::config::Configuration;
use sciurus_core::config::options::pipeline;
use sciurus_core::graph::{JobGraph, NodeKind, Partitioning, StreamEdge, StreamGraph, StreamNode};
use sciurus_core::ids::NodeId;
use sciurus_job_master::failure::{FailureCause, Fault};
use sciurus_rpc::convert::{configuration, configuration_texts};
use sciurus_rpc::framing;
use sciurus_rpc::proto::source_event::Event;
use sciurus_rpc::proto::{
    FromJob, JobPlan, JobRole, SourceDecision, SourceDecisions, SourceEvent, SourcesSnapshotted,
    Subtask, ToJob, from_job, to_job,
};

/// The arguments by which the test executable runs nothing but [`job_main`].
pub fn arguments() -> Vec<String> {
    let main = format!("{}::job_main", module_path!().split_once("::").unwrap().1);
    ["--exact", &main, "--nocapture", "--test-threads=1"].map(str::to_owned).to_vec()
}

#[test]
fn job_main() {
    if std::env::var_os("SCIURUS_JOB_PROCESS").is_none() {
        return;
    }
    let stdin = std::io::stdin();
    let mut socket = UnixStream::from(stdin.as_fd().try_clone_to_owned().unwrap());
    play(&mut socket);
    std::process::exit(0);
}

pub fn graph(settings: &Configuration) -> JobGraph {
    let number = |key: &str| settings.text(key).map_or(1, |text| text.parse::<u32>().unwrap());
    let mut graph = StreamGraph::new(settings.text("test.name").unwrap_or("test job"));
    graph.parallelism = number("test.parallelism");
    graph.chaining_enabled = false;
    let bounded = settings.text("test.splits").is_some();
    for id in 0..number("test.vertices") {
        let kind = if id == 0 { NodeKind::Source { bounded } } else { NodeKind::OneInput };
        graph.nodes.push(StreamNode::new(NodeId(id), format!("vertex {id}"), kind));
        if id > 0 {
            let mut edge = StreamEdge::new(NodeId(id - 1), NodeId(id));
            edge.partitioning = Some(Partitioning::Hash);
            graph.edges.push(edge);
        }
    }
    let mut graph = graph.to_job_graph().unwrap();
    let overrides = settings.get(&pipeline::JOBVERTEX_PARALLELISM_OVERRIDES).unwrap();
    let overrides = overrides.iter().map(|(id, parallelism)| (id.parse().unwrap(), *parallelism));
    graph.override_parallelism(&overrides.collect()).unwrap();
    graph
}

fn send(socket: &mut UnixStream, message: from_job::Message) {
    framing::write(socket, &FromJob { message: Some(message) }).unwrap();
}

fn play(socket: &mut UnixStream) {
    let init = framing::read::<ToJob>(socket).unwrap().unwrap();
    let Some(to_job::Message::Init(init)) = init.message else { panic!("{init:?}") };
    let role = init.role();
    let settings = configuration(init.configuration);
    eprintln!("this is the job's log");
    match settings.text("test.plan") {
        Some("refuse") => {
            let cause = FailureCause::new(Fault::User, "Oops", "this job is no good");
            return send(socket, from_job::Message::Refused(cause.into()));
        }
        Some("exit") => {
            eprintln!("the main was not amused");
            std::process::exit(7);
        }
        Some("hang") => loop {
            std::thread::park();
        },
        Some("garbage") => return socket.write_all(&[0xff; 100]).unwrap(),
        Some("senseless") => {
            let plan = JobPlan {
                protocol: sciurus_rpc::PROTOCOL_VERSION,
                job_graph: "{}".into(),
                ..Default::default()
            };
            return send(socket, from_job::Message::Plan(plan));
        }
        _ => {}
    }
    let plan = JobPlan {
        protocol: sciurus_rpc::PROTOCOL_VERSION,
        job_graph: serde_json::to_vec(&graph(&settings)).unwrap().into(),
        configuration: configuration_texts(&settings),
    };
    send(socket, from_job::Message::Plan(plan));
    if role == JobRole::Coordinator {
        coordinate(socket, &settings);
    }
}

fn coordinate(socket: &mut UnixStream, settings: &Configuration) {
    let splits: u32 = settings.text("test.splits").map_or(0, |text| text.parse().unwrap());
    let (mut round, mut left) = (0, 0);
    while let Ok(Some(message)) = framing::read::<ToJob>(socket) {
        let decisions = match message.message {
            Some(to_job::Message::StartReaders(_))
                if settings.text("test.coordinator") == Some("hang") =>
            {
                continue;
            }
            Some(to_job::Message::StartReaders(start)) => {
                round = start.round;
                if !start.readers.is_empty() {
                    left = splits;
                }
                Vec::new()
            }
            Some(to_job::Message::SplitRequest(reader)) => {
                match settings.text("test.coordinator") {
                    Some("die-on-request") if round == 1 => {
                        eprintln!("farewell");
                        std::process::abort()
                    }
                    Some("hang-on-request") => loop {
                        std::thread::park();
                    },
                    Some("fail-on-request") => {
                        let cause = FailureCause::new(Fault::User, "Oops", "no split for you");
                        send(socket, from_job::Message::SourcesFailed(cause.into()));
                        continue;
                    }
                    _ => {}
                }
                vec![decide(reader, &mut left)]
            }
            Some(to_job::Message::SnapshotSources(snapshot)) => {
                let id = CheckpointId(snapshot.checkpoint);
                let taken = SourcesSnapshotted::new(id, Ok(BTreeMap::new()));
                send(socket, from_job::Message::SourcesSnapshotted(taken));
                continue;
            }
            Some(to_job::Message::Shutdown(_)) => return,
            _ => continue,
        };
        let total_bytes = Some(u64::from(splits));
        send(
            socket,
            from_job::Message::Decisions(SourceDecisions { decisions, total_bytes, round }),
        );
    }
}

fn decide(reader: Subtask, left: &mut u32) -> SourceDecision {
    let event = if *left > 0 {
        *left -= 1;
        Event::AddSplit(left.to_string().into())
    } else {
        Event::NoMoreSplits(true)
    };
    SourceDecision { reader: Some(reader), event: Some(SourceEvent { event: Some(event) }) }
}

//! What a job's executable says as which part.

use sciurus_rpc::proto::{self, JobRole, from_job, to_job};
use sciurus_testkit::JobProcess;

use crate::support::{command, init, plan};

#[test]
fn a_planner_says_what_the_job_is_and_ends() {
    let mut init = init(JobRole::Planner);
    init.configuration.insert("some.key".to_owned(), "some value".to_owned());
    let mut planner = JobProcess::start_as(&mut command("counts"), init);
    let (graph, configuration) = plan(&mut planner);
    assert_eq!(graph.job_name, "counts");
    let names: Vec<_> = graph.vertices.iter().map(|vertex| &*vertex.name).collect();
    assert_eq!(names, ["Source: Sequence Source", "words", "counter -> counts"]);
    assert!(graph.vertices.iter().all(|vertex| vertex.parallelism == 4));
    // What it began with, and what the program set.
    assert_eq!(configuration["parallelism.default"], "4");
    assert_eq!(configuration["some.key"], "some value");
    assert_eq!(configuration["execution.runtime-mode"], "BATCH");
    assert!(planner.receive().is_none());
    assert_eq!(planner.wait().code(), Some(0), "{}", planner.stderr());
}

#[test]
fn all_parts_build_the_same_job() {
    let fingerprint = |role| {
        let mut process = JobProcess::start_as(&mut command("counts"), init(role));
        plan(&mut process).0.fingerprint()
    };
    assert_eq!(fingerprint(JobRole::Planner), fingerprint(JobRole::Coordinator));
}

#[test]
fn the_parallelism_that_nobody_has_set_is_1() {
    let mut init = init(JobRole::Planner);
    init.configuration.clear();
    let mut planner = JobProcess::start_as(&mut command("counts"), init);
    let (graph, _) = plan(&mut planner);
    assert!(graph.vertices.iter().all(|vertex| vertex.parallelism == 1));
}

#[test]
fn a_coordinator_serves_until_it_is_told_to_end() {
    let mut coordinator = JobProcess::start_as(&mut command("counts"), init(JobRole::Coordinator));
    let (graph, _) = plan(&mut coordinator);
    let vertex = sciurus_rpc::convert::bytes_of(graph.vertices[0].id.to_bytes());
    let readers = (0..4).map(|subtask| proto::Subtask { vertex: vertex.clone(), subtask });
    let start = proto::StartReaders { readers: readers.collect(), round: 7, restore: None };
    coordinator.send(to_job::Message::StartReaders(start));
    coordinator.send(to_job::Message::SplitRequest(proto::Subtask { vertex, subtask: 2 }));
    let mut decided = || {
        let Some(from_job::Message::Decisions(decisions)) = coordinator.receive() else {
            panic!("{}", coordinator.stderr())
        };
        assert_eq!(decisions.round, 7);
        let readers = decisions.decisions.into_iter().map(|decision| decision.reader.unwrap());
        readers.map(|reader| reader.subtask).collect::<Vec<_>>()
    };
    assert_eq!(decided(), [0, 1, 2, 3], "all have their share from the start");
    assert_eq!(decided(), [2]);
    coordinator.send(to_job::Message::Shutdown(proto::Shutdown {}));
    assert_eq!(coordinator.wait().code(), Some(0), "{}", coordinator.stderr());
}

#[test]
fn a_coordinator_takes_back_what_a_lost_reader_was_given() {
    let mut coordinator = JobProcess::start_as(&mut command("counts"), init(JobRole::Coordinator));
    let (graph, _) = plan(&mut coordinator);
    let vertex = sciurus_rpc::convert::bytes_of(graph.vertices[0].id.to_bytes());
    let reader = |subtask| proto::Subtask { vertex: vertex.clone(), subtask };
    let mut decisions = |message: to_job::Message| {
        coordinator.send(message);
        match coordinator.receive() {
            Some(from_job::Message::Decisions(decisions)) => decisions.decisions,
            other => panic!("{other:?}"),
        }
    };
    let start = |readers: Vec<proto::Subtask>, round| {
        to_job::Message::StartReaders(proto::StartReaders { readers, round, restore: None })
    };
    let given = decisions(start((0..4).map(reader).collect(), 1));
    let given = given.into_iter().find(|decision| decision.reader == Some(reader(2))).unwrap();
    assert!(decisions(start(vec![reader(2)], 2)).is_empty());
    let of_another = decisions(to_job::Message::SplitRequest(reader(3)));
    assert!(of_another.iter().all(|decision| decision.event != given.event));
    assert_eq!(decisions(to_job::Message::SplitRequest(reader(2))), [given]);
}

#[test]
fn a_program_that_executes_nothing_ends() {
    let mut planner = JobProcess::start_as(&mut command("nothing"), init(JobRole::Planner));
    assert!(planner.receive().is_none());
    assert_eq!(planner.wait().code(), Some(0));
}

#[test]
fn a_program_started_by_hand_within_a_jobs_process_runs_its_job_itself() {
    let mut command = command("counts");
    command.env("SCIURUS_JOB_PROCESS", "1").stdin(std::process::Stdio::null());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

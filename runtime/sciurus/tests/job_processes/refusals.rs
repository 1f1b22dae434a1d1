//! What a process can't do it says, and ends.

use sciurus_job_master::failure::{FailureCause, Fault};
use sciurus_rpc::proto::{self, JobInit, JobRole, from_job, to_job};
use sciurus_testkit::JobProcess;

use crate::support::{command, init, plan, worker_init};

#[track_caller]
fn refusal(process: &mut JobProcess) -> FailureCause {
    let cause = match process.receive() {
        Some(from_job::Message::Refused(cause)) => cause.into(),
        other => panic!("{other:?}; standard error: {}", process.stderr()),
    };
    assert!(process.receive().is_none());
    assert_eq!(process.wait().code(), Some(2));
    cause
}

#[track_caller]
fn refused(job: &str, init: JobInit) -> FailureCause {
    refusal(&mut JobProcess::start_as(&mut command(job), init))
}

#[test]
fn a_job_that_cannot_run() {
    let cause = refused("unbounded-batch", init(JobRole::Planner));
    assert_eq!((&*cause.kind, cause.fault), ("UnboundedBatch", Fault::User));
    assert!(cause.message.contains("never ends") && !cause.retriable, "{cause}");
}

#[test]
fn a_setting_that_cannot_be_used() {
    let mut init = init(JobRole::Coordinator);
    init.configuration.insert("parallelism.default".to_owned(), "many".to_owned());
    let cause = refused("counts", init);
    assert_eq!((&*cause.kind, cause.fault), ("ConfigError", Fault::User));
    assert!(cause.message.contains("parallelism.default"), "{cause}");
}

#[test]
fn a_job_that_collects_its_records() {
    let cause = refused("collects", init(JobRole::Planner));
    assert_eq!((&*cause.kind, cause.fault), ("CollectOnCluster", Fault::User));
    assert!(cause.message.contains("sink_to"), "{cause}");
}

#[test]
fn a_job_that_is_another_one_on_the_worker() {
    let init = init(JobRole::Planner);
    let mut planner = JobProcess::start_as(&mut command("machine"), init.clone());
    let (graph, _) = plan(&mut planner);
    let cause = refused("machine", worker_init(&init, &graph, 0));
    assert_eq!((&*cause.kind, cause.fault), ("JobGraphDiffers", Fault::User));
    assert!(cause.message.contains("`main` has to describe the same job"), "{cause}");
    assert!(cause.details.as_ref().unwrap().contains("Source: numbers of"), "{cause:?}");
    assert!(!cause.retriable);
}

#[test]
fn a_manager_of_another_version() {
    let cause = refused("counts", JobInit { protocol: 999, ..init(JobRole::Planner) });
    assert_eq!((&*cause.kind, cause.fault), ("ProtocolMismatch", Fault::User));
    assert!(cause.message.contains("version 999"), "{cause}");
}

#[test]
fn a_first_message_that_lacks_something() {
    let cause = refused("counts", JobInit { worker: None, ..init(JobRole::Worker) });
    assert_eq!((&*cause.kind, cause.fault), ("MalformedMessage", Fault::Bug));
    let mut process = JobProcess::start(&mut command("counts"));
    process.send(to_job::Message::Shutdown(proto::Shutdown {}));
    assert_eq!(refusal(&mut process).kind, "MalformedMessage");
}

#[test]
fn bytes_that_are_no_message() {
    let mut process = JobProcess::start(&mut command("counts"));
    process.send_bytes(&[0xff; 64]);
    assert_eq!(refusal(&mut process).kind, "ConnectionLost");
}

#[test]
fn ports_that_are_none() {
    let init = init(JobRole::Planner);
    let (graph, _) = plan(&mut JobProcess::start_as(&mut command("counts"), init.clone()));
    let mut worker = worker_init(&init, &graph, 0);
    worker.worker.as_mut().unwrap().data_ports = "some".to_owned();
    let cause = refused("counts", worker);
    assert!(cause.message.contains("taskmanager.data.port"), "{cause}");
}

#[test]
fn a_deployment_of_another_job() {
    let init = init(JobRole::Planner);
    let (graph, _) = plan(&mut JobProcess::start_as(&mut command("counts"), init.clone()));
    let mut worker = JobProcess::start_as(&mut command("counts"), worker_init(&init, &graph, 0));
    assert!(matches!(worker.receive(), Some(from_job::Message::Ready(_))));
    let elsewhere = proto::VertexLocations { vertex: vec![0; 16].into(), ..Default::default() };
    let deploy = proto::DeployTasks { locations: vec![elsewhere], ..Default::default() };
    worker.send(to_job::Message::Deploy(deploy));
    assert!(refusal(&mut worker).message.contains("which the job doesn't have"));
}

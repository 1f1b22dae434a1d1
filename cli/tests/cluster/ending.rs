//! Managers are told to end while they have something to do.

use std::process::{Command, Stdio};
use std::time::Duration;

use sciurus_harness::processes::{children_of, is_alive, signal};
use sciurus_harness::{LONG, wait_for};

use crate::{cluster, executables};

/// Less than the 30 s that Kubernetes gives a pod, and than what our own limit is.
const GRACE: Duration = Duration::from_secs(15);

fn wait_for_the_end_of(processes: &[u32]) {
    wait_for("the job's processes to end", LONG, || {
        processes.iter().all(|&process| !is_alive(process)).then_some(())
    });
}

#[test]
fn a_job_manager_that_is_told_to_end_takes_its_jobs_along() {
    let mut cluster = cluster(2, 1);
    let job = cluster.submit(&["-p2"], &["state_machine", "--discard"]);
    cluster.wait_until_all_run(&job);
    let processes = cluster.job_processes();
    signal(cluster.job_manager.pid(), "TERM");
    let status = cluster.job_manager.wait(GRACE);
    assert!(status.success(), "{status}: {}", cluster.log_of_job_manager());
    assert!(!cluster.log_of_job_manager().contains("not all has stopped"));
    wait_for_the_end_of(&processes);
    for task_manager in &cluster.task_managers {
        assert!(is_alive(task_manager.pid()), "TaskManagers wait for the next JobManager");
    }
    for task_manager in &mut cluster.task_managers {
        signal(task_manager.pid(), "TERM");
        assert!(task_manager.wait(GRACE).success());
    }
}

#[test]
fn a_task_manager_that_is_told_to_end_hands_its_tasks_over() {
    let mut cluster = cluster(2, 2);
    let restarts = ["-p2", "-Drestart-strategy.type=fixed-delay"];
    let job = cluster.submit(&restarts, &["state_machine", "--discard"]);
    cluster.wait_until_all_run(&job);
    let busy = (0..2).find(|&n| !cluster.workers_of(n).is_empty()).unwrap();
    let workers = cluster.workers_of(busy);
    signal(cluster.task_managers[busy].pid(), "TERM");
    let status = cluster.task_managers[busy].wait(GRACE);
    assert!(status.success(), "{status}");
    assert!(workers.iter().all(|&worker| !is_alive(worker)), "workers end before it does");
    wait_for("the tasks to run elsewhere", LONG, || {
        (!cluster.workers_of(1 - busy).is_empty()).then_some(())
    });
    cluster.wait_until_all_run(&job);
    cluster.cancel(&job);
    cluster.wait_for_state(&job, "CANCELED");
}

#[test]
fn a_job_manager_ends_though_the_job_s_main_hangs() {
    let mut cluster = cluster(1, 1);
    let mut run = Command::new(executables().sciurus)
        .args(["run", "-m", &cluster.rest, "-d"])
        .arg(executables().examples)
        .args(["state_machine", "--discard"])
        .env("FLINK_CONF_DIR", cluster.folder())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let job_manager = cluster.job_manager.pid();
    let main = wait_for("the job's main", LONG, || children_of(job_manager).first().copied());
    signal(main, "STOP");
    signal(job_manager, "TERM");
    let status = cluster.job_manager.wait(GRACE);
    assert!(status.success(), "{status}");
    wait_for_the_end_of(&[main]);
    // Whether the job was accepted depends on when its main was stopped.
    run.wait().unwrap();
}

//! A job that lacks slots says so and starts when they come.

use sciurus_harness::{LONG, wait_for};

use crate::cluster;

#[test]
fn a_job_that_lacks_slots_says_so_and_starts_when_a_task_manager_joins() {
    let mut cluster = cluster(1, 1);
    let job = cluster.submit(&["-p", "3"], &["state_machine", "--discard"]);
    // Wherever users look: the job's state, its details, its metrics, the list, the log.
    assert_eq!(cluster.state_of(&job), "CREATED");
    let details = cluster.get(&format!("/jobs/{job}"));
    assert_eq!(details["slot-shortage"]["missing"], 2, "{details:#}");
    let metric = cluster.get(&format!("/jobs/{job}/metrics?get=numMissingSlots"));
    assert_eq!(metric[0]["value"], "2", "{metric:#}");
    let listed = cluster.command("list", &["-a"]);
    let waits = String::from_utf8_lossy(&listed.stderr);
    assert!(waits.contains("waits for slots: 2 missing"), "{waits}");
    let listed = String::from_utf8_lossy(&listed.stdout);
    assert!(listed.contains("Scheduled") && listed.contains(&job), "{listed}");
    wait_for("the log to say so", LONG, || {
        cluster.log_of_job_manager().contains("waits for 2 slots").then_some(())
    });

    cluster.add_task_manager();
    cluster.add_task_manager();
    wait_for("the job to run", LONG, || (cluster.state_of(&job) == "RUNNING").then_some(()));
    cluster.wait_until_all_run(&job);
    cluster.cancel(&job);
    cluster.wait_for_state(&job, "CANCELED");
    cluster.wait_until_idle();
}

//! Savepoints, checkpoints and other parallelism, by our own commands.

use serde_json::Value;

use crate::support::{Ended, LocalCluster, examples, local};

fn json(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

#[test]
fn a_job_is_stopped_with_a_savepoint_and_goes_on_from_it_elsewhere() {
    let cluster = LocalCluster::with_checkpoints(2);
    let job = cluster.submit_endless(&[]);
    cluster.wait_for_tasks(&job);
    let stopped = cluster.run("stop", &[&job]);
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
    let path = stopped.stdout.split_once("Savepoint completed. Path: ").unwrap().1.trim_end();
    let expected = format!(
        "Suspending job \"{job}\" with a CANONICAL savepoint.\n\
         Triggering stop-with-savepoint for job {job}.\nWaiting for response...\n\
         Savepoint completed. Path: {path}\n"
    );
    assert_eq!(stopped.stdout, expected);
    assert!(path.contains("default-savepoints/savepoint-"), "{path}");
    cluster.wait_for_state(&job, "FINISHED");

    let moved = cluster.directory().join("moved");
    std::fs::rename(local(path), &moved).unwrap();
    let resumed = cluster.submit_endless(&["-p", "2", "-s", moved.to_str().unwrap()]);
    cluster.wait_for_tasks(&resumed);
    let statistics = cluster.get(&format!("/jobs/{resumed}/checkpoints"));
    assert_eq!(statistics["counts"]["restored"], 1);
    assert_eq!(statistics["latest"]["restored"]["is_savepoint"], true);

    let drained = json(&cluster.run("stop", &["--json", "-d", &resumed]));
    assert!(local(drained["savepoint"].as_str().unwrap()).join("_metadata").is_file());
    cluster.wait_for_state(&resumed, "FINISHED");
    let disposed = json(&cluster.run("savepoint", &["--json", "-d", moved.to_str().unwrap()]));
    assert_eq!(disposed["disposed"], moved.to_str().unwrap());
    assert!(!moved.exists());
}

#[test]
fn savepoints_and_checkpoints_are_taken_while_a_job_goes_on() {
    let cluster = LocalCluster::with_checkpoints(1);
    let job = cluster.submit_endless(&[]);
    cluster.wait_for_tasks(&job);
    let target = cluster.directory_url("here");
    let taken = json(&cluster.run("savepoint", &["--json", &job, &target]));
    let path = taken["savepoint"].as_str().unwrap();
    assert!(path.contains("/here/savepoint-") && local(path).join("_metadata").is_file(), "{path}");
    let first = json(&cluster.run("checkpoint", &["--json", &job]));
    let full = json(&cluster.run("checkpoint", &["--json", "--full", &job]));
    assert!(full["checkpointId"].as_u64() > first["checkpointId"].as_u64(), "{first} {full}");
    cluster.wait_for_tasks(&job);
    let metrics = cluster.get(&format!(
        "/jobs/{job}/metrics?get=numberOfCompletedCheckpoints,lastCheckpointExternalPath"
    ));
    assert!(metrics[0]["value"].as_str().unwrap().parse::<u64>().unwrap() >= 3, "{metrics}");
    assert!(metrics[1]["value"].as_str().unwrap().starts_with("file:"), "{metrics}");

    let cancelled = cluster.run("cancel", &["-s", &target, &job]);
    assert_eq!(cancelled.code, Some(0), "{cancelled:?}");
    assert!(cancelled.stdout.contains("Savepoint stored in file:"), "{cancelled:?}");
    cluster.wait_for_state(&job, "CANCELED");
    let none = cluster.run("savepoint", &[&job]);
    assert_eq!(none.code, Some(1), "{none:?}");
    assert!(none.stderr.contains("Could not find Flink job"), "{none:?}");
}

#[test]
fn what_cannot_be_restored_is_told_to_whoever_submits() {
    let cluster = LocalCluster::with_checkpoints(1);
    let examples = examples().to_str().unwrap();
    let nothing = cluster.directory().join("nothing");
    let path = nothing.to_str().unwrap();
    let job = [examples, "state_machine", "--discard", "--sleep", "10"];
    let refused = cluster.run("run", &[&["-d", "-s", path][..], &job].concat());
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains(path), "{refused:?}");

    std::fs::create_dir(&nothing).unwrap();
    std::fs::write(nothing.join("_metadata"), "half of somethi").unwrap();
    let refused = cluster.run("run", &[&["-d", "-s", path][..], &job].concat());
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains(path), "{refused:?}");

    let running = cluster.submit_endless(&[]);
    cluster.wait_for_tasks(&running);
    let taken = json(&cluster.run("stop", &["--json", &running]));
    let savepoint = taken["savepoint"].as_str().unwrap();
    let other = [examples, "word_count", "--discard"];
    let homeless = cluster.run("run", &[&["-d", "-s", savepoint][..], &other].concat());
    assert_eq!(homeless.code, Some(1), "{homeless:?}");
    assert!(homeless.stderr.contains("allowNonRestoredState"), "{homeless:?}");
    let left_out = cluster.run("run", &[&["-n", "-s", savepoint][..], &other].concat());
    assert_eq!(left_out.code, Some(0), "{left_out:?}");
}

#[test]
fn a_running_job_is_given_other_parallelism() {
    let cluster = LocalCluster::with_checkpoints(2);
    let job = cluster.submit_endless(&[]);
    // Its tasks may not run yet.
    cluster.wait_for_state(&job, "RUNNING");
    let rescaled = cluster.run("rescale", &[&job, "2"]);
    assert_eq!(rescaled.code, Some(0), "{rescaled:?}");
    let expected = format!("Rescaling job {job}.\nWaiting for response...\nRescaled job {job}.\n");
    assert!(rescaled.stdout.starts_with(&expected), "{rescaled:?}");
    assert!(rescaled.stdout.contains(": 1 -> 2\n"), "{rescaled:?}");
    let back = json(&cluster.run("rescale", &["--json", &job, "1"]));
    assert_eq!(
        (&back["vertices"][0]["before"], &back["vertices"][0]["parallelism"]),
        (&2.into(), &1.into())
    );
    assert!(
        cluster.get(&format!("/jobs/{job}/checkpoints"))["counts"]["restored"].as_u64() >= Some(2)
    );

    let unknown = cluster.run("rescale", &[&job, "--vertex", "nobody=2"]);
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert!(unknown.stderr.contains("has no vertex 'nobody'; it has '"), "{unknown:?}");
    let too_many = cluster.run("rescale", &[&job, "1000000"]);
    assert_eq!(too_many.code, Some(1), "{too_many:?}");
    assert!(too_many.stderr.contains("exceeds its maximum parallelism"), "{too_many:?}");
}

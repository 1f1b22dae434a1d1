//! What is decided in single situations.

use serde_json::json;

use super::world::{World, spec};
use crate::decide::{Action, HookSeen, JobSeen, PodSeen};
use crate::objects::ObjectKind;
use crate::resources::LifecycleState;

fn running(mode: &str) -> World {
    let mut world = World::new(spec(mode));
    world.until_stable();
    world.until("a checkpoint", |world| {
        world.resource.status.job_status.checkpoint_info.last_checkpoint.is_some()
    });
    world
}

#[test]
fn a_new_job_gets_a_finalizer_and_its_objects_and_runs() {
    let mut world = World::new(spec("stateless"));
    let first = world.reconcile(usize::MAX);
    assert!(world.resource.has_finalizer);
    let applied: Vec<_> = first.actions.iter().filter_map(applied_name).collect();
    let expected = [
        (ObjectKind::ConfigMap, "flink-config-job"),
        (ObjectKind::Service, "job"),
        (ObjectKind::Service, "job-rest"),
        (ObjectKind::Service, "job-taskmanager"),
        (ObjectKind::Deployment, "job"),
        (ObjectKind::Deployment, "job-taskmanager"),
    ];
    assert_eq!(applied, expected.map(|(kind, name)| (kind, name.to_owned())));
    assert_eq!(world.lifecycle(), LifecycleState::Deployed);
    world.until_stable();
    let status = &world.resource.status;
    assert_eq!(status.job_manager_deployment_status.as_deref(), Some("READY"));
    assert_eq!(status.task_manager.as_ref().unwrap().replicas, 2);
    assert_eq!(status.observed_generation, Some(1));
    assert_eq!(world.condition("Ready").0, "True");
    // Nothing is left to do.
    assert_eq!(world.reconcile(usize::MAX).actions, []);
}

fn applied_name(action: &Action) -> Option<(ObjectKind, String)> {
    match action {
        Action::Apply(object) => Some((object.kind, object.name.clone())),
        _ => None,
    }
}

#[test]
fn a_savepoint_carries_a_job_to_its_next_version() {
    let mut world = running("savepoint");
    world.change(|spec| spec["job"]["args"] = json!(["--new"]));
    world.until_stable();
    assert_eq!(world.starts.len(), 2);
    let status = &world.resource.status.job_status;
    let savepoint = status.savepoint_info.last_savepoint.as_ref().unwrap();
    assert_eq!(status.upgrade_savepoint_path.as_ref(), Some(&savepoint.location));
    assert_eq!(savepoint.trigger_type, "UPGRADE");
    assert_eq!(world.starts[1].1, world.storage[&savepoint.location]);
    assert_ne!(world.starts[0].0, world.starts[1].0, "launches have ids of their own");
}

#[test]
fn a_job_whose_savepoint_fails_goes_on_and_it_is_tried_again() {
    let mut world = running("savepoint");
    world.cannot_take_savepoints = true;
    world.change(|spec| spec["job"]["args"] = json!(["--new"]));
    world.until("a failure", |world| {
        world.events.iter().any(|event| event.reason == "SavepointFailed")
    });
    assert_eq!(world.starts.len(), 1);
    world.tick();
    let (_, message) = world.condition("Ready");
    assert!(message.contains("tried again"), "{message}");
    world.cannot_take_savepoints = false;
    world.until("the new version", |world| world.starts.len() == 2);
}

#[test]
fn the_last_state_carries_a_job_even_if_its_job_manager_is_out_of_reach() {
    let mut world = running("last-state");
    world.is_unreachable = true;
    world.change(|spec| spec["job"]["args"] = json!(["--new"]));
    world.until("the new version", |world| world.starts.len() == 2);
    world.is_unreachable = false;
    world.until_stable();
    let folder = format!("file:///data/cp/{}", world.starts[0].0);
    assert_eq!(world.starts[1].1, world.storage[&folder]);
    let (_, job) = world.job.as_ref().unwrap();
    assert_eq!(job.from.as_ref(), Some(&folder));
}

#[test]
fn a_stateless_job_begins_anew() {
    let mut world = running("stateless");
    world.change(|spec| spec["job"]["args"] = json!(["--new"]));
    world.until_stable();
    assert_eq!(world.starts[1].1, 0);
}

#[test]
fn a_suspended_job_has_no_pods_and_goes_on_where_it_was() {
    let mut world = running("savepoint");
    world.change(|spec| spec["job"]["state"] = json!("suspended"));
    world.until("a suspended job", |world| world.lifecycle() == LifecycleState::Suspended);
    world.tick();
    assert!(world.objects.keys().all(|(kind, _)| *kind != ObjectKind::Deployment));
    let done = world.storage.values().max().copied().unwrap();
    world.change(|spec| spec["job"]["state"] = json!("running"));
    world.until_stable();
    assert_eq!(world.starts[1].1, done);
}

#[test]
fn more_task_managers_come_without_a_restart() {
    let mut world = running("savepoint");
    world.change(|spec| spec["taskManager"]["replicas"] = json!(4));
    world.until_stable();
    world.tick();
    assert_eq!((world.task_managers, world.starts.len()), (4, 1));
    assert_eq!(world.resource.status.task_manager.as_ref().unwrap().replicas, 4);
}

#[test]
fn another_parallelism_is_asked_of_the_running_job_if_its_state_can_follow() {
    let mut world = running("savepoint");
    world.change(|spec| spec["job"]["parallelism"] = json!(4));
    let decision = world.reconcile(usize::MAX);
    assert!(
        decision
            .actions
            .iter()
            .any(|action| matches!(action, Action::Rescale { parallelism: 4, .. }))
    );
    world.until_stable();
    assert!(world.events.iter().any(|event| event.reason == "Rescaled"));
    assert_eq!(world.starts.len(), 1);

    let mut world = running("stateless");
    world.change(|spec| spec["job"]["parallelism"] = json!(4));
    world.until_stable();
    assert_eq!(world.starts.len(), 2);
}

#[test]
fn a_nonce_takes_one_savepoint() {
    let mut world = running("savepoint");
    world.change(|spec| spec["job"]["savepointTriggerNonce"] = json!(7));
    world.until("a savepoint", |world| {
        world.resource.status.job_status.savepoint_info.last_savepoint.is_some()
    });
    for _ in 0..5 {
        world.tick();
    }
    let info = &world.resource.status.job_status.savepoint_info;
    assert_eq!(info.savepoint_history.len(), 1);
    assert_eq!(info.savepoint_history[0].trigger_nonce, Some(7));
    assert_eq!(
        (info.savepoint_history[0].trigger_type.as_str(), world.starts.len()),
        ("MANUAL", 1)
    );
}

#[test]
fn a_restart_nonce_restarts_by_the_upgrade_mode() {
    let mut world = running("savepoint");
    world.change(|spec| spec["restartNonce"] = json!(1));
    world.until_stable();
    assert_eq!(world.starts.len(), 2);
    assert!(world.starts[1].1 > 0);
}

#[test]
fn a_redeploy_nonce_starts_from_the_initial_savepoint() {
    let mut world = running("savepoint");
    world.storage.insert("file:///data/sp/mine".to_owned(), 5);
    world.change(|spec| {
        spec["job"]["initialSavepointPath"] = json!("file:///data/sp/mine");
        spec["job"]["savepointRedeployNonce"] = json!(1);
    });
    world.until_stable();
    assert_eq!(world.starts[1].1, 5);
}

#[test]
fn a_specification_that_can_t_be_used_is_explained_and_what_runs_goes_on() {
    let mut world = running("savepoint");
    world.change(|spec| spec["job"]["jarFile"] = json!("https://example.org/x.jar"));
    let decision = world.reconcile(usize::MAX);
    assert_eq!(decision.actions, []);
    let error = world.resource.status.error.clone().unwrap();
    assert!(error.contains("is no local:// path"), "{error}");
    assert_eq!(world.condition("SpecAccepted").0, "False");
    assert_eq!(world.starts.len(), 1);
    world.change(|spec| spec["job"]["jarFile"] = json!("local:///x.jar"));
    world.until_stable();
    assert_eq!((world.resource.status.error.clone(), world.starts.len()), (None, 2));
}

#[test]
fn a_wrong_image_is_explained_and_a_right_one_mends_it() {
    let mut world = World::new(spec("savepoint"));
    world.reconcile(usize::MAX);
    world.is_unreachable = true;
    world.pods.push(PodSeen {
        name: "job-1".to_owned(),
        component: "jobmanager".to_owned(),
        image: "nowhere:1".to_owned(),
        waiting: Some(("ErrImagePull".to_owned(), "not found".to_owned())),
        ..PodSeen::default()
    });
    world.reconcile(usize::MAX);
    assert_eq!(world.lifecycle(), LifecycleState::Failed);
    assert!(world.resource.status.error.as_ref().unwrap().contains("nowhere:1"));
    world.pods.clear();
    world.job = None;
    world.is_unreachable = false;
    world.change(|spec| spec["image"] = json!("somewhere:1"));
    world.until_stable();
    assert_eq!(world.resource.status.error, None);
}

#[test]
fn a_job_that_has_ended_keeps_its_job_manager_and_isn_t_run_again() {
    let mut world = running("stateless");
    world.job.as_mut().unwrap().1.state = "FINISHED".to_owned();
    world.tick();
    assert_eq!(world.task_managers, 0);
    assert_eq!(world.lifecycle(), LifecycleState::Stable);
    // Its JobManager is started anew and knows no better than to run it.
    world.job.as_mut().unwrap().1.state = "CREATED".to_owned();
    for _ in 0..3 {
        world.tick();
    }
    assert!(world.template.is_none());
    assert_eq!(world.resource.status.job_status.state.as_deref(), Some("FINISHED"));
}

#[test]
fn a_failed_job_says_why_and_is_started_again_where_that_is_asked_for() {
    let mut world = running("last-state");
    world.job.as_mut().unwrap().1.state = "FAILED".to_owned();
    world.tick();
    assert_eq!(world.lifecycle(), LifecycleState::Failed);
    let error = world.resource.status.error.clone().unwrap();
    assert_eq!(error, "the job failed: no such package");
    assert_eq!(world.starts.len(), 1);
    world.change(|spec| {
        spec["flinkConfiguration"]["kubernetes.operator.job.restart.failed"] = json!("true");
    });
    world.until("another start", |world| world.starts.len() == 2);
    assert!(world.starts[1].1 > 0);
}

#[test]
fn deletion_cancels_the_job_and_leaves_nothing() {
    let mut world = running("savepoint");
    world.resource.is_deleted = true;
    let decision = world.reconcile(usize::MAX);
    assert_eq!(world.lifecycle(), LifecycleState::Deleting);
    assert!(matches!(decision.actions[..], [Action::Cancel { .. }]));
    world.until("the end", |world| world.is_gone);
    assert!(world.objects.is_empty());
    assert!(!world.storage.is_empty(), "checkpoints stay");
}

#[test]
fn deletion_waits_for_pods_to_end() {
    let mut world = running("stateless");
    world.pods.push(PodSeen { name: "job-1".to_owned(), is_deleted: true, ..PodSeen::default() });
    world.resource.is_deleted = true;
    for _ in 0..40 {
        world.tick();
    }
    assert!(!world.is_gone && world.objects.is_empty());
    world.pods.clear();
    world.until("the end", |world| world.is_gone);
}

#[test]
fn a_savepoint_before_the_deletion_is_taken_where_that_is_asked_for() {
    let mut asked = spec("savepoint");
    asked["flinkConfiguration"]["kubernetes.operator.job.savepoint-on-deletion"] = json!("true");
    let mut world = World::new(asked);
    world.until_stable();
    world.resource.is_deleted = true;
    world.until("the end", |world| world.is_gone);
    assert!(world.storage.keys().any(|path| path.starts_with("file:///data/sp/")));
}

#[test]
fn hooks_come_before_and_after_and_a_failed_one_holds_up() {
    let mut with_hooks = spec("stateless");
    let hook = |name: &str| json!([{"name": name, "job": {"podSpec": {"containers": []}}}]);
    with_hooks["hooks"] = json!({
        "beforeUpgrade": hook("drain"),
        "afterStart": hook("warm"),
        "beforeDeletion": hook("bye"),
    });
    let mut world = World::new(with_hooks);
    let finish = |world: &mut World, part: &str, end: HookSeen| {
        world.until(part, |world| world.jobs.keys().any(|name| name.contains(part)));
        let name = world.jobs.keys().rfind(|name| name.contains(part)).unwrap().clone();
        world.jobs.insert(name, end);
        world.tick();
    };
    finish(&mut world, "start-warm", HookSeen::Succeeded);
    assert!(world.resource.status.progress.started_hooks_done);
    world.change(|spec| spec["job"]["args"] = json!(["--new"]));
    finish(&mut world, "upgrade-drain", HookSeen::Failed("exit code 1".to_owned()));
    assert_eq!(world.starts.len(), 1);
    let error = world.resource.status.error.clone().unwrap();
    assert_eq!(error, "the hook 'drain' failed: exit code 1");
    let before = world.jobs.len();
    world.until("another try", |world| world.jobs.len() > before);
    let again = world
        .jobs
        .iter()
        .find(|(name, seen)| name.contains("drain") && **seen == HookSeen::Running)
        .map(|(name, _)| name.clone())
        .unwrap();
    world.jobs.insert(again, HookSeen::Succeeded);
    world.until_stable();
    assert_eq!(world.starts.len(), 2);
    world.resource.is_deleted = true;
    world.tick();
    assert!(world.job.is_some(), "the job runs until the hook has succeeded");
    finish(&mut world, "delete-bye", HookSeen::Succeeded);
    world.until("the end", |world| world.is_gone);
}

#[test]
fn terminal_states_are_those_of_flink() {
    for state in ["FINISHED", "FAILED", "CANCELED"] {
        assert!(JobSeen::is_terminal(state));
    }
    assert!(!JobSeen::is_terminal("SUSPENDED") && !JobSeen::is_terminal("RUNNING"));
}

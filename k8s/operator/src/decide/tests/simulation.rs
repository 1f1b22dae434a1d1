//! Random histories: whatever happens, in the end what is specified runs, and no state is lost.

use proptest::prelude::*;
use serde_json::json;

use super::world::{World, spec};
use crate::objects::ObjectKind;
use crate::resources::LifecycleState;

/// Something that happens.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Seconds(u8),
    /// The operator ends between two actions.
    OperatorEndsAfter(u8),
    Arguments(u8),
    Parallelism(u8),
    Replicas(u8),
    State(bool),
    Mode(bool),
    /// The JobManager's process ends; the next one finds the job in its storage.
    JobManagerEnds,
    Unreachable(u8),
    SavepointsFail(u8),
    Savepoint(u8),
    BadSpecification,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => (1..6_u8).prop_map(Happening::Seconds),
        3 => (0..7_u8).prop_map(Happening::OperatorEndsAfter),
        3 => any::<u8>().prop_map(Happening::Arguments),
        1 => (1..5_u8).prop_map(Happening::Parallelism),
        1 => (1..5_u8).prop_map(Happening::Replicas),
        2 => any::<bool>().prop_map(Happening::State),
        1 => any::<bool>().prop_map(Happening::Mode),
        2 => Just(Happening::JobManagerEnds),
        1 => (1..30_u8).prop_map(Happening::Unreachable),
        1 => (1..40_u8).prop_map(Happening::SavepointsFail),
        1 => any::<u8>().prop_map(Happening::Savepoint),
        1 => Just(Happening::BadSpecification),
    ]
}

fn happen(world: &mut World, happening: Happening) {
    match happening {
        Happening::Seconds(seconds) => seconds_pass(world, seconds),
        Happening::OperatorEndsAfter(actions) => {
            world.pass();
            world.reconcile(usize::from(actions));
        }
        Happening::Arguments(n) => {
            world.change(|spec| spec["job"]["args"] = json!([n.to_string()]));
        }
        Happening::Parallelism(n) => world.change(|spec| spec["job"]["parallelism"] = json!(n)),
        Happening::Replicas(n) => world.change(|spec| spec["taskManager"]["replicas"] = json!(n)),
        Happening::State(runs) => {
            let state = if runs { "running" } else { "suspended" };
            world.change(|spec| spec["job"]["state"] = json!(state));
        }
        Happening::Mode(savepoint) => {
            let mode = if savepoint { "savepoint" } else { "last-state" };
            world.change(|spec| spec["job"]["upgradeMode"] = json!(mode));
        }
        Happening::JobManagerEnds => {
            // A job that has ended for good is forgotten by the JobManager's storage.
            let is_running = world
                .job
                .as_ref()
                .is_some_and(|(_, job)| job.state == "RUNNING" || job.state == "CREATED");
            if is_running {
                world.job = None;
            }
        }
        Happening::Unreachable(seconds) => {
            world.is_unreachable = true;
            seconds_pass(world, seconds);
            world.is_unreachable = false;
        }
        Happening::SavepointsFail(seconds) => {
            world.cannot_take_savepoints = true;
            seconds_pass(world, seconds);
            world.cannot_take_savepoints = false;
        }
        Happening::Savepoint(nonce) => {
            world.change(|spec| spec["job"]["savepointTriggerNonce"] = json!(nonce));
        }
        Happening::BadSpecification => {
            let jar = world.resource.spec["job"]["jarFile"].clone();
            world.change(|spec| spec["job"]["jarFile"] = json!("ftp://x"));
            seconds_pass(world, 2);
            world.change(|spec| spec["job"]["jarFile"] = jar);
        }
    }
}

fn seconds_pass(world: &mut World, seconds: u8) {
    for _ in 0..seconds {
        let (starts, before) = (world.starts.len(), world.durable);
        world.tick();
        check_starts(world, starts, before);
    }
}

/// Each start goes on from all that was durable before it.
fn check_starts(world: &World, starts: usize, durable: u64) {
    for (id, count) in &world.starts[starts..] {
        assert!(*count >= durable, "{id} starts from {count}, though {durable} was durable");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_what_is_specified_runs_in_the_end_and_nothing_is_lost(
        savepoint in any::<bool>(),
        history in prop::collection::vec(happening(), 1..25),
    ) {
        let mut world = World::new(spec(if savepoint { "savepoint" } else { "last-state" }));
        for happening in history {
            let (starts, before) = (world.starts.len(), world.durable);
            happen(&mut world, happening);
            if matches!(happening, Happening::OperatorEndsAfter(_)) {
                check_starts(&world, starts, before);
            }
        }
        let suspended = world.resource.spec["job"]["state"] == json!("suspended");
        // Long enough for all that is tried again.
        seconds_pass(&mut world, 120);
        if suspended {
            prop_assert_eq!(world.lifecycle(), LifecycleState::Suspended);
            prop_assert!(world.objects.keys().all(|(kind, _)| *kind != ObjectKind::Deployment));
        } else {
            prop_assert_eq!(world.lifecycle(), LifecycleState::Stable);
            let template = &world.template.as_ref().unwrap().0;
            let arguments = &template["spec"]["containers"][0]["args"];
            let last = arguments.as_array().unwrap().last().cloned();
            if let Some(own) = world.resource.spec["job"]["args"].get(0) {
                prop_assert_eq!(last.as_ref(), Some(own));
            }
            prop_assert_eq!(
                i64::from(world.task_managers),
                world.resource.spec["taskManager"]["replicas"].as_i64().unwrap()
            );
        }
        prop_assert_eq!(world.resource.status.error.clone(), None);
        world.resource.is_deleted = true;
        seconds_pass(&mut world, 60);
        prop_assert!(world.is_gone && world.objects.is_empty());
    }
}

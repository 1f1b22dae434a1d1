use proptest::prelude::*;

use super::*;

fn job(number: u8) -> JobId {
    JobId::from_bytes([number; 16])
}

fn slot(index: u32) -> SharedSlot {
    SharedSlot { group: "default".into(), index }
}

fn slots(count: u32) -> impl Iterator<Item = SharedSlot> {
    (0..count).map(slot)
}

fn location(name: &str) -> TaskManagerLocation {
    TaskManagerLocation { id: TaskManagerId::new(name), endpoint: name.to_owned() }
}

fn cluster(placement: Placement, task_managers: &[(&str, u32)]) -> SlotManager {
    let mut manager = SlotManager::new(placement);
    for (name, slots) in task_managers {
        assert!(manager.add_task_manager(location(name), 1, *slots).is_empty());
    }
    manager
}

fn places(grants: &Grants) -> Vec<&str> {
    let slots = grants.iter().flat_map(|(_, slots)| slots);
    slots.map(|slot| slot.grant.location.id.as_str()).collect()
}

#[test]
fn task_managers_are_filled_or_used_evenly() {
    let mut fill = cluster(Placement::Fill, &[("a", 2), ("b", 2), ("c", 2)]);
    assert_eq!(places(&fill.request(job(1), slots(3))), ["a", "a", "b"]);
    assert_eq!(places(&fill.request(job(2), slots(2))), ["b", "c"]);
    let mut spread = cluster(Placement::Spread, &[("a", 2), ("b", 4)]);
    assert_eq!(places(&spread.request(job(1), slots(3))), ["a", "b", "b"]);
}

#[test]
fn a_job_gets_more_slots_where_it_is() {
    let mut fill = cluster(Placement::Fill, &[("a", 4), ("b", 4)]);
    fill.request(job(1), slots(3));
    fill.request(job(2), slots(2));
    let grants = fill.request(job(2), [slot(9)]);
    assert_eq!(places(&grants), ["a"].map(|_| "b").to_vec());
}

#[test]
fn who_lacks_slots_holds_none_and_starts_when_a_task_manager_joins() {
    let mut manager = cluster(Placement::Fill, &[("a", 2)]);
    assert!(manager.request(job(1), slots(3)).is_empty());
    assert_eq!(manager.free(), 2);
    assert_eq!(manager.request(job(2), slots(1)).len(), 1);
    let grants = manager.add_task_manager(location("b"), 7, 2);
    assert_eq!(places(&grants), ["a", "b", "b"]);
    assert_eq!(grants[0].1[1].generation, 7);
    assert_eq!((manager.free(), manager.total()), (0, 4));
}

#[test]
fn the_first_to_wait_is_the_first_to_get() {
    let mut manager = cluster(Placement::Fill, &[]);
    for number in [1, 2, 3] {
        assert!(manager.request(job(number), slots(2)).is_empty());
    }
    let jobs: Vec<_> = manager
        .add_task_manager(location("a"), 1, 4)
        .into_iter()
        .map(|(granted, slots)| (granted, slots.len()))
        .collect();
    assert_eq!(jobs, [(job(1), 2), (job(2), 2)]);
    assert_eq!(manager.remove_job(job(1)).len(), 1, "the third gets what the first had");
}

#[test]
fn what_is_withdrawn_is_not_waited_for() {
    let mut manager = cluster(Placement::Fill, &[("a", 1)]);
    assert!(manager.request(job(1), slots(2)).is_empty());
    let grants = manager.withdraw(job(1), &[slot(1)]);
    assert_eq!(grants[0].1[0].grant.slot, slot(0));
    assert!(manager.withdraw(job(1), &[slot(0)]).is_empty());
}

#[test]
fn a_lost_task_manager_names_the_jobs_that_were_there() {
    let mut manager = cluster(Placement::Fill, &[("a", 2), ("b", 1)]);
    let first = manager.request(job(1), slots(1));
    manager.request(job(2), slots(1));
    let lost = manager.remove_task_manager(&TaskManagerId::new("a"));
    assert_eq!(lost, BTreeSet::from([job(1), job(2)]));
    assert_eq!((manager.free(), manager.total()), (1, 1));
    let allocation = first[0].1[0].grant.allocation;
    assert!(manager.release(job(1), [allocation]).is_empty());
    assert_eq!(manager.free(), 1);
}

#[test]
fn nobody_gives_back_what_another_job_has() {
    let mut manager = cluster(Placement::Fill, &[("a", 1)]);
    let grants = manager.request(job(1), slots(1));
    manager.release(job(2), [grants[0].1[0].grant.allocation]);
    assert_eq!(manager.free(), 0);
}

#[derive(Clone, Debug)]
enum Step {
    Join(u8, u32),
    Leave(u8),
    Request(u8, BTreeSet<u32>),
    Withdraw(u8, BTreeSet<u32>),
    Release(u8, usize),
    End(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let set = || prop::collection::btree_set(0..6u32, 1..5);
    let step = prop_oneof![
        (0..4u8, 1..4u32).prop_map(|(tm, slots)| Step::Join(tm, slots)),
        (0..4u8).prop_map(Step::Leave),
        (0..4u8, set()).prop_map(|(job, slots)| Step::Request(job, slots)),
        (0..4u8, set()).prop_map(|(job, slots)| Step::Withdraw(job, slots)),
        (0..4u8, 0..6usize).prop_map(|(job, place)| Step::Release(job, place)),
        (0..4u8).prop_map(Step::End),
    ];
    prop::collection::vec(step, 1..80)
}

/// Holds what the manager has given away, as those see it who got it.
#[derive(Default)]
struct Model {
    slots: BTreeMap<String, u32>,
    held: HashMap<AllocationId, (JobId, String, u32)>,
    waiting: BTreeMap<JobId, BTreeSet<SharedSlot>>,
}

impl Model {
    fn take(&mut self, grants: Grants) -> Result<(), TestCaseError> {
        for (job, granted) in grants {
            let wanted = self.waiting.remove(&job).unwrap_or_default();
            let got: BTreeSet<_> = granted.iter().map(|slot| slot.grant.slot.clone()).collect();
            prop_assert_eq!(&got, &wanted, "a job gets all that it waits for");
            for slot in granted {
                let name = slot.grant.location.id.as_str().to_owned();
                prop_assert!(slot.slot < self.slots[&name], "a slot that there isn't");
                let taken = self.held.values().any(|(_, n, s)| *n == name && *s == slot.slot);
                prop_assert!(!taken, "a slot is given twice");
                self.held.insert(slot.grant.allocation, (job, name, slot.slot));
            }
        }
        Ok(())
    }

    fn check(&self, manager: &SlotManager) -> Result<(), TestCaseError> {
        let total: u32 = self.slots.values().sum();
        prop_assert_eq!(manager.total(), total);
        prop_assert_eq!(manager.free() as usize, total as usize - self.held.len(), "a slot leaks");
        for wanted in self.waiting.values() {
            prop_assert!(wanted.len() > manager.free() as usize, "a job waits though it need not");
        }
        for (name, slots) in &self.slots {
            let (allocated, all) = manager.allocated(&TaskManagerId::new(name.as_str())).unwrap();
            prop_assert_eq!(all, *slots);
            let held = self.held.values().filter(|(_, n, _)| n == name).count();
            prop_assert_eq!(allocated.len(), held);
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn no_slot_is_given_twice_and_none_is_lost(steps in steps(), spread: bool) {
        let placement = if spread { Placement::Spread } else { Placement::Fill };
        let mut manager = SlotManager::new(placement);
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Join(tm, slots) => {
                    let name = format!("tm-{tm}");
                    if !model.slots.contains_key(&name) {
                        model.slots.insert(name.clone(), slots);
                        model.take(manager.add_task_manager(location(&name), 1, slots))?;
                    }
                }
                Step::Leave(tm) => {
                    let name = format!("tm-{tm}");
                    let lost = manager.remove_task_manager(&TaskManagerId::new(name.as_str()));
                    let held = model.held.values().filter(|(_, n, _)| *n == name);
                    let jobs: BTreeSet<_> = held.map(|(job, _, _)| *job).collect();
                    prop_assert_eq!(lost, jobs);
                    model.slots.remove(&name);
                    model.held.retain(|_, (_, n, _)| *n != name);
                }
                Step::Request(number, wanted) => {
                    let wanted: Vec<_> = wanted.into_iter().map(slot).collect();
                    model.waiting.entry(job(number)).or_default().extend(wanted.clone());
                    model.take(manager.request(job(number), wanted))?;
                }
                Step::Withdraw(number, unwanted) => {
                    let unwanted: Vec<_> = unwanted.into_iter().map(slot).collect();
                    if let Some(wanted) = model.waiting.get_mut(&job(number)) {
                        wanted.retain(|slot| !unwanted.contains(slot));
                    }
                    model.waiting.retain(|_, wanted| !wanted.is_empty());
                    model.take(manager.withdraw(job(number), &unwanted))?;
                }
                Step::Release(number, place) => {
                    let owned = model.held.iter().filter(|(_, (owner, _, _))| *owner == job(number));
                    if let Some(allocation) = owned.map(|(id, _)| *id).nth(place) {
                        model.held.remove(&allocation);
                        model.take(manager.release(job(number), [allocation]))?;
                    }
                }
                Step::End(number) => {
                    model.waiting.remove(&job(number));
                    model.held.retain(|_, (owner, _, _)| *owner != job(number));
                    model.take(manager.remove_job(job(number)))?;
                }
            }
            model.check(&manager)?;
        }
    }
}

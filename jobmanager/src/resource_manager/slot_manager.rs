//! Decides which slot goes to whom: events go in, grants come out; no clock, no network.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sciurus_core::ids::{AllocationId, JobId, TaskManagerId};
use sciurus_job_master::slots::{SharedSlot, SlotGrant, TaskManagerLocation};

/// A slot that was given to a job, and which one it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantedSlot {
    /// What the job's master is told.
    pub grant: SlotGrant,
    /// Which registration of the TaskManager it belongs to.
    pub generation: u64,
    /// Which of the TaskManager's slots it is.
    pub slot: u32,
}

/// Slots that were given away, by job.
pub type Grants = Vec<(JobId, Vec<GrantedSlot>)>;

/// Says how slots are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// One TaskManager is filled before the next one is used.
    #[default]
    Fill,
    /// All TaskManagers have about as many of their slots in use.
    Spread,
}

/// A slot in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllocatedSlot {
    /// Which of the TaskManager's slots it is.
    pub slot: u32,
    /// The job that has it.
    pub job: JobId,
    /// Identifies the grant.
    pub allocation: AllocationId,
}

/// The TaskManagers' slots, who has them and who waits for some.
///
/// A job that waits gets all that it has asked for at once, or nothing: two jobs that each hold a
/// part of what they need would wait for each other. Jobs are served in the order in which they
/// began to wait, but a job for which there is enough doesn't wait for one for which there isn't.
#[derive(Debug, Default)]
pub struct SlotManager {
    placement: Placement,
    task_managers: BTreeMap<TaskManagerId, Offer>,
    allocations: HashMap<AllocationId, (TaskManagerId, u32)>,
    /// By when they began to wait.
    waiting: BTreeMap<u64, Wait>,
    waits: u64,
    free: u32,
}

#[derive(Debug)]
struct Offer {
    location: TaskManagerLocation,
    generation: u64,
    slots: Vec<Option<(JobId, AllocationId)>>,
    used: u32,
    used_by: HashMap<JobId, u32>,
}

#[derive(Debug)]
struct Wait {
    job: JobId,
    slots: BTreeSet<SharedSlot>,
}

impl Offer {
    fn free(&self) -> u32 {
        self.slots.len() as u32 - self.used
    }
}

impl SlotManager {
    /// Makes one without TaskManagers.
    pub fn new(placement: Placement) -> Self {
        Self { placement, ..Self::default() }
    }

    /// Adds a TaskManager, which must not be there.
    pub fn add_task_manager(
        &mut self,
        location: TaskManagerLocation,
        generation: u64,
        slots: u32,
    ) -> Grants {
        debug_assert!(!self.task_managers.contains_key(&location.id), "{location:?} is there");
        let offer = Offer {
            generation,
            slots: vec![None; slots as usize],
            used: 0,
            used_by: HashMap::new(),
            location,
        };
        self.free += slots;
        self.task_managers.insert(offer.location.id.clone(), offer);
        self.serve()
    }

    /// Forgets a TaskManager and returns the jobs that had slots there.
    pub fn remove_task_manager(&mut self, id: &TaskManagerId) -> BTreeSet<JobId> {
        let Some(offer) = self.task_managers.remove(id) else { return BTreeSet::new() };
        self.free -= offer.free();
        let used = offer.slots.into_iter().flatten();
        used.map(|(job, allocation)| {
            self.allocations.remove(&allocation);
            job
        })
        .collect()
    }

    /// Notes that a job needs slots, beside those that it waits for already.
    pub fn request(&mut self, job: JobId, slots: impl IntoIterator<Item = SharedSlot>) -> Grants {
        let place = self.waiting.iter().find(|(_, wait)| wait.job == job).map(|(place, _)| *place);
        let place = place.unwrap_or_else(|| {
            self.waits += 1;
            self.waits
        });
        let wait =
            self.waiting.entry(place).or_insert_with(|| Wait { job, slots: BTreeSet::new() });
        wait.slots.extend(slots);
        self.serve()
    }

    /// Notes that a job no longer needs slots that it has asked for.
    pub fn withdraw(&mut self, job: JobId, slots: &[SharedSlot]) -> Grants {
        for wait in self.waiting.values_mut().filter(|wait| wait.job == job) {
            wait.slots.retain(|slot| !slots.contains(slot));
        }
        self.waiting.retain(|_, wait| !wait.slots.is_empty());
        self.serve()
    }

    /// Takes slots back that a job had; those that it doesn't have are none of its business.
    pub fn release(
        &mut self,
        job: JobId,
        allocations: impl IntoIterator<Item = AllocationId>,
    ) -> Grants {
        for allocation in allocations {
            let Some((id, slot)) = self.allocations.get(&allocation) else { continue };
            let Some(offer) = self.task_managers.get_mut(id) else { continue };
            let Some(place) = offer.slots.get_mut(*slot as usize) else { continue };
            if place.is_some_and(|(owner, _)| owner == job) {
                *place = None;
                offer.used -= 1;
                self.free += 1;
                if let Some(used) = offer.used_by.get_mut(&job) {
                    *used -= 1;
                    if *used == 0 {
                        offer.used_by.remove(&job);
                    }
                }
                self.allocations.remove(&allocation);
            }
        }
        self.serve()
    }

    /// Takes back all that a job has and forgets what it waits for.
    pub fn remove_job(&mut self, job: JobId) -> Grants {
        self.waiting.retain(|_, wait| wait.job != job);
        let used = self.task_managers.values().filter(|offer| offer.used_by.contains_key(&job));
        let used = used.flat_map(|offer| offer.slots.iter().flatten());
        let allocations: Vec<_> =
            used.filter(|(owner, _)| *owner == job).map(|(_, allocation)| *allocation).collect();
        self.release(job, allocations)
    }

    /// Returns how many slots there are.
    pub fn total(&self) -> u32 {
        self.task_managers.values().map(|offer| offer.slots.len() as u32).sum()
    }

    /// Returns how many slots nobody has.
    pub fn free(&self) -> u32 {
        self.free
    }

    /// Returns which slots of a TaskManager are in use, and how many it has.
    pub fn allocated(&self, id: &TaskManagerId) -> Option<(Vec<AllocatedSlot>, u32)> {
        let offer = self.task_managers.get(id)?;
        let slots = (0..).zip(&offer.slots).filter_map(|(slot, use_)| {
            use_.map(|(job, allocation)| AllocatedSlot { slot, job, allocation })
        });
        Some((slots.collect(), offer.slots.len() as u32))
    }

    /// Gives every job that waits what it waits for, if there is enough.
    fn serve(&mut self) -> Grants {
        let mut grants = Grants::new();
        if self.free == 0 {
            return grants;
        }
        let enough = |wait: &Wait, free: u32| wait.slots.len() <= free as usize;
        let mut next = 0;
        while let Some((&place, _)) =
            self.waiting.range(next..).find(|(_, wait)| enough(wait, self.free))
        {
            next = place + 1;
            let Some(wait) = self.waiting.remove(&place) else { break };
            let slots = wait.slots.into_iter().filter_map(|slot| self.allocate(wait.job, slot));
            let slots: Vec<_> = slots.collect();
            if !slots.is_empty() {
                grants.push((wait.job, slots));
            }
        }
        grants
    }

    fn allocate(&mut self, job: JobId, slot: SharedSlot) -> Option<GrantedSlot> {
        let open = self.task_managers.values_mut().filter(|offer| offer.free() > 0);
        let offer = match self.placement {
            // Where the job is already, else where most is in use: few workers, few exchanges.
            Placement::Fill => open.max_by(|a, b| {
                let has = |offer: &Offer| offer.used_by.contains_key(&job);
                has(a).cmp(&has(b)).then(share(a, b)).then(b.location.id.cmp(&a.location.id))
            }),
            Placement::Spread => {
                open.min_by(|a, b| share(a, b).then(a.location.id.cmp(&b.location.id)))
            }
        }?;
        let index = offer.slots.iter().position(Option::is_none)?;
        let allocation = AllocationId::random();
        offer.slots[index] = Some((job, allocation));
        offer.used += 1;
        *offer.used_by.entry(job).or_insert(0) += 1;
        self.free -= 1;
        let location = offer.location.clone();
        self.allocations.insert(allocation, (location.id.clone(), index as u32));
        Some(GrantedSlot {
            generation: offer.generation,
            slot: index as u32,
            grant: SlotGrant { slot, allocation, location },
        })
    }
}

/// Compares which share of their slots is in use.
fn share(a: &Offer, b: &Offer) -> std::cmp::Ordering {
    let [a_slots, b_slots] = [a, b].map(|offer| offer.slots.len() as u64);
    (u64::from(a.used) * b_slots).cmp(&(u64::from(b.used) * a_slots))
}

#[cfg(test)]
#[path = "slot_manager_tests.rs"]
mod tests;

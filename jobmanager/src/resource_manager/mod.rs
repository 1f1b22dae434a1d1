//! Who has which slot: [`SlotManager`] decides, [`ResourceManager`] tells the jobs.

mod slot_manager;

use parking_lot::Mutex;
use sciurus_core::ids::{AllocationId, JobId, TaskManagerId};
use sciurus_job_master::failure::FailureCause;
use sciurus_job_master::slots::{SharedSlot, TaskManagerLocation};

use crate::inbox::{JobEvent, JobPorts};

pub use slot_manager::{AllocatedSlot, GrantedSlot, Grants, Placement, SlotManager};

/// How many slots there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlotCounts {
    /// How many TaskManagers offer.
    pub total: u32,
    /// How many of them nobody has.
    pub available: u32,
}

/// Gives slots to jobs.
///
/// Jobs hear of grants and losses in the order in which they were decided: they are told while the
/// lock is held.
#[derive(Debug)]
pub struct ResourceManager {
    slots: Mutex<SlotManager>,
    jobs: JobPorts,
}

impl ResourceManager {
    /// Makes one without TaskManagers.
    pub fn new(placement: Placement, jobs: JobPorts) -> Self {
        Self { slots: Mutex::new(SlotManager::new(placement)), jobs }
    }

    /// Notes that a TaskManager has joined.
    pub fn task_manager_joined(&self, location: TaskManagerLocation, generation: u64, slots: u32) {
        self.decide(|manager| manager.add_task_manager(location, generation, slots));
        self.announce();
    }

    /// Notes that a TaskManager is gone and tells all jobs that had slots there.
    pub fn task_manager_lost(&self, task_manager: &TaskManagerId, cause: &FailureCause) {
        let mut manager = self.slots.lock();
        for job in manager.remove_task_manager(task_manager) {
            if let Some(port) = self.jobs.get(job) {
                port.inbox.tell(JobEvent::TaskManagerLost {
                    task_manager: task_manager.clone(),
                    cause: cause.clone(),
                });
            }
        }
        drop(manager);
        self.announce();
    }

    /// Looks for slots for a job, which hears of them by [`JobEvent::SlotsGranted`].
    pub fn request(&self, job: JobId, slots: Vec<SharedSlot>) {
        self.decide(|manager| manager.request(job, slots));
    }

    /// No longer looks for slots for a job.
    pub fn withdraw(&self, job: JobId, slots: &[SharedSlot]) {
        self.decide(|manager| manager.withdraw(job, slots));
    }

    /// Takes slots back.
    pub fn release(&self, job: JobId, allocations: Vec<AllocationId>) {
        self.decide(|manager| manager.release(job, allocations));
        self.announce();
    }

    /// Takes back all that a job has.
    pub fn remove_job(&self, job: JobId) {
        self.decide(|manager| manager.remove_job(job));
        self.announce();
    }

    /// Returns how many slots there are.
    pub fn counts(&self) -> SlotCounts {
        let manager = self.slots.lock();
        SlotCounts { total: manager.total(), available: manager.free() }
    }

    /// Returns which slots of a TaskManager are in use.
    pub fn allocated(&self, task_manager: &TaskManagerId) -> Vec<AllocatedSlot> {
        self.slots.lock().allocated(task_manager).map(|(slots, _)| slots).unwrap_or_default()
    }

    /// Tells all jobs how many slots are free: some may want to have more.
    fn announce(&self) {
        let free = self.counts().available;
        for port in self.jobs.all().values() {
            port.inbox.tell(JobEvent::SlotsAvailable(free));
        }
    }

    fn decide(&self, decide: impl FnOnce(&mut SlotManager) -> Grants) {
        let mut manager = self.slots.lock();
        let mut grants = decide(&mut manager);
        while let Some((job, slots)) = grants.pop() {
            match self.jobs.get(job) {
                Some(port) => port.inbox.tell(JobEvent::SlotsGranted(slots)),
                // It has ended in the meantime.
                None => grants.extend(manager.remove_job(job)),
            }
        }
    }
}

//! How often a job has changed its parallelism, why, and what came of it.

use std::collections::{BTreeMap, VecDeque};

use sciurus_core::ids::JobVertexId;
use sciurus_core::time::Timestamp;

/// Why a job was to change its parallelism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RescaleTrigger {
    /// It begins.
    InitialSchedule,
    /// A user has given it other bounds.
    UpdateRequirement,
    /// There are more slots.
    NewResourceAvailable,
    /// It has failed and starts again.
    RecoverableFailover,
}

impl RescaleTrigger {
    /// Returns Flink's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InitialSchedule => "INITIAL_SCHEDULE",
            Self::UpdateRequirement => "UPDATE_REQUIREMENT",
            Self::NewResourceAvailable => "NEW_RESOURCE_AVAILABLE",
            Self::RecoverableFailover => "RECOVERABLE_FAILOVER",
        }
    }
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RescaleEnd {
    /// The job runs with its new parallelism.
    Completed,
    /// Something went wrong.
    Failed(String),
    /// It was not needed any more, for this reason of Flink's.
    Ignored(&'static str),
}

impl RescaleEnd {
    /// Returns Flink's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Completed => "COMPLETED",
            Self::Failed(_) => "FAILED",
            Self::Ignored(_) => "IGNORED",
        }
    }

    /// Returns Flink's name of the reason.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Completed => "SUCCEEDED",
            Self::Failed(_) => "EXCEPTION_OCCURRED",
            Self::Ignored(reason) => reason,
        }
    }
}

/// How many subtasks a vertex had, was to have, and has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RescaledVertex {
    /// Its name.
    pub name: String,
    /// The slot sharing group.
    pub group: String,
    /// The upper bound.
    pub desired: u32,
    /// The lower bound.
    pub sufficient: u32,
    /// How many it had; none before the job began.
    pub before: Option<u32>,
    /// How many it has since.
    pub after: Option<u32>,
}

/// How many slots a slot sharing group had, was to have, and has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RescaledGroup {
    /// As many as its upper bounds ask for.
    pub desired: u32,
    /// As many as its lower bounds ask for.
    pub minimal: u32,
    /// How many it had; none before the job began.
    pub before: Option<u32>,
    /// How many it has since.
    pub after: Option<u32>,
}

/// A change of a job's parallelism.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rescale {
    /// Numbers the changes of a job, from 1.
    pub number: u64,
    /// Numbers the bounds that were in force: those that the job came with are 1.
    pub requirements: u64,
    /// Why.
    pub trigger: RescaleTrigger,
    /// When it was decided.
    pub started: Timestamp,
    /// When it was over, and what came of it.
    pub ended: Option<(Timestamp, RescaleEnd)>,
    /// What it meant for each vertex.
    pub vertices: BTreeMap<JobVertexId, RescaledVertex>,
    /// What it meant for each slot sharing group.
    pub groups: BTreeMap<String, RescaledGroup>,
}

impl Rescale {
    /// Returns how many milliseconds it took, if it is over.
    pub fn duration_ms(&self) -> Option<u64> {
        let (ended, _) = self.ended.as_ref()?;
        Some(u64::try_from(ended.saturating_sub(self.started)).unwrap_or(0))
    }
}

/// How many changes there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RescaleCounts {
    /// Not needed any more.
    pub ignored: u64,
    /// Under way.
    pub in_progress: u64,
    /// Done.
    pub completed: u64,
    /// Gone wrong.
    pub failed: u64,
}

/// The latest changes of a job's parallelism.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RescaleHistory {
    size: usize,
    counts: RescaleCounts,
    begun: u64,
    /// The newest first.
    rescales: VecDeque<Rescale>,
}

impl RescaleHistory {
    pub(crate) fn new(size: usize) -> Self {
        Self { size, ..Self::default() }
    }

    /// Returns how many changes there were.
    pub fn counts(&self) -> RescaleCounts {
        self.counts
    }

    /// Goes through those that are remembered, the newest first.
    pub fn rescales(&self) -> impl Iterator<Item = &Rescale> {
        self.rescales.iter().take(self.size)
    }

    /// Returns the latest one that ended in this way (by Flink's name).
    pub fn latest(&self, end: &str) -> Option<&Rescale> {
        self.rescales()
            .find(|rescale| rescale.ended.as_ref().is_some_and(|(_, ended)| ended.name() == end))
    }

    pub(crate) fn begin(&mut self, mut rescale: Rescale) {
        if let Some(open) = self.open() {
            let (at, end) = (rescale.started, RescaleEnd::Ignored("RESOURCE_REQUIREMENTS_UPDATED"));
            open.ended = Some((at, end));
            self.counts.in_progress -= 1;
            self.counts.ignored += 1;
        }
        self.begun += 1;
        rescale.number = self.begun;
        self.counts.in_progress += 1;
        self.rescales.push_front(rescale);
        self.rescales.truncate(self.size.max(1));
    }

    /// Returns the one that is under way.
    pub(crate) fn open(&mut self) -> Option<&mut Rescale> {
        self.rescales.front_mut().filter(|rescale| rescale.ended.is_none())
    }

    pub(crate) fn end(&mut self, end: RescaleEnd, now: Timestamp) {
        let Some(open) = self.open() else { return };
        let name = end.name();
        open.ended = Some((now, end));
        self.counts.in_progress -= 1;
        match name {
            "COMPLETED" => self.counts.completed += 1,
            "FAILED" => self.counts.failed += 1,
            _ => self.counts.ignored += 1,
        }
    }
}

//! What a job waits for that lacks slots: not in Flink's API, but what its users look for.

use std::collections::BTreeMap;

use sciurus_core::time::Timestamp;
use sciurus_job_master::SlotShortage;
use serde::Serialize;

/// What a job waits for that lacks slots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SlotShortageBody {
    missing: u32,
    since: Timestamp,
    by_slot_sharing_group: BTreeMap<String, u32>,
}

impl From<SlotShortage> for SlotShortageBody {
    fn from(shortage: SlotShortage) -> Self {
        Self {
            missing: shortage.total(),
            since: shortage.since,
            by_slot_sharing_group: shortage.missing,
        }
    }
}

//! Counters that a job's result carries.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// The accumulators of a job, summed over subtasks.
#[derive(Debug, Clone, Default)]
pub struct Accumulators(Arc<Mutex<BTreeMap<String, i64>>>);

impl Accumulators {
    /// Adds `value` to the accumulator `name`.
    pub fn add(&self, name: &str, value: i64) {
        let mut counters = self.0.lock();
        match counters.get_mut(name) {
            Some(counter) => *counter += value,
            None => {
                counters.insert(name.to_owned(), value);
            }
        }
    }

    /// Returns all accumulators by name.
    pub fn snapshot(&self) -> BTreeMap<String, i64> {
        self.0.lock().clone()
    }
}

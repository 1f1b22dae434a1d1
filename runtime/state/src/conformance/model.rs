//! What a backend should do, in the simplest way.

use std::collections::{BTreeMap, BTreeSet};

use sciurus_core::key::{hash_key, key_group, subtask_of};

use super::operation::{BatchRow, Operation, RowOperation};
use super::{KEYS, MAX_PARALLELISM, TIME_TO_LIVE, key};
use crate::namespace::Namespace;
use crate::timer::{TimeDomain, Timer};

/// All that one key has in one namespace; what expires with the time at which it was renewed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Entry {
    count: Option<i64>,
    note: Option<(String, i64)>,
    seen: Option<(i64, i64)>,
    list: Vec<i64>,
    recent: Vec<(i64, i64)>,
    map: BTreeMap<i64, String>,
    cache: BTreeMap<i64, (i64, i64)>,
    sum: Option<i64>,
    average: Option<(i64, i64)>,
}

impl Entry {
    /// Removes what has expired.
    fn expire(&mut self, now: i64) {
        let alive = |stamp: i64| stamp + TIME_TO_LIVE > now;
        self.note.take_if(|(_, stamp)| !alive(*stamp));
        self.seen.take_if(|(_, stamp)| !alive(*stamp));
        self.recent.retain(|(_, stamp)| alive(*stamp));
        self.cache.retain(|_, (_, stamp)| alive(*stamp));
    }

    fn read_seen(&mut self, now: i64) -> Option<i64> {
        let (value, stamp) = self.seen.as_mut()?;
        *stamp = now;
        Some(*value)
    }

    fn read_cache(&mut self, now: i64) -> Vec<(i64, i64)> {
        self.cache.values_mut().for_each(|(_, stamp)| *stamp = now);
        self.cache.iter().map(|(key, (value, _))| (*key, *value)).collect()
    }

    /// Does something that isn't about timers; returns what is seen of it.
    fn apply(&mut self, operation: &RowOperation, now: i64) -> String {
        use RowOperation as Row;
        match operation.clone() {
            Row::SetCount(value) => self.count = Some(value),
            Row::AddCount(value) => self.count = Some(self.count.unwrap_or(0).wrapping_add(value)),
            Row::ClearCount => self.count = None,
            Row::SetNote(value) => self.note = Some((value, now)),
            Row::ReadNote => return format!("{:?}", self.note.as_ref().map(|(value, _)| value)),
            Row::UpdateNote(keep) => {
                let note = self.note.take().map(|(value, _)| (value + "!", now));
                self.note = note.filter(|_| keep);
            }
            Row::SetSeen(value) => self.seen = Some((value, now)),
            Row::ReadSeen => return format!("{:?}", self.read_seen(now)),
            Row::AddList(values) => self.list.extend(values),
            Row::SetList(values) => self.list = values,
            Row::ClearList => self.list.clear(),
            Row::AddRecent(value) => self.recent.push((value, now)),
            Row::SetRecent(values) => {
                self.recent = values.into_iter().map(|value| (value, now)).collect();
            }
            Row::ReadRecent => return format!("{:?}", self.recent_values()),
            Row::PutMap(key, value) | Row::UpdateMap(key, Some(value)) => {
                self.map.insert(key, value);
            }
            Row::UpdateMap(key, None) => {
                self.map.remove(&key);
            }
            Row::RemoveMap(key) => return format!("{:?}", self.map.remove(&key)),
            Row::ClearMap => self.map.clear(),
            Row::PutCache(key, value) | Row::UpdateCache(key, Some(value)) => {
                self.cache.insert(key, (value, now));
            }
            Row::UpdateCache(key, None) => {
                self.cache.remove(&key);
            }
            Row::GetCache(key) => {
                let value = self.cache.get_mut(&key).map(|(value, stamp)| {
                    *stamp = now;
                    *value
                });
                return format!("{value:?}");
            }
            Row::RemoveCache(key) => {
                return format!("{:?}", self.cache.remove(&key).map(|(value, _)| value));
            }
            Row::ReadCache => return format!("{:?}", self.read_cache(now)),
            Row::AddSum(value) => self.sum = Some(self.sum.unwrap_or(0) + value),
            Row::ClearSum => self.sum = None,
            Row::AddAverage(value) => {
                let (sum, count) = self.average.unwrap_or((0, 0));
                self.average = Some((sum + value, count + 1));
            }
            Row::ReadAll => return self.read_all(now),
            Row::RegisterTimer(..) | Row::DeleteTimer(..) => {}
        }
        String::new()
    }

    fn recent_values(&self) -> Vec<i64> {
        self.recent.iter().map(|(value, _)| *value).collect()
    }

    /// Returns all that is there; reading renews what it renews.
    fn read_all(&mut self, now: i64) -> String {
        let (seen, cache) = (self.read_seen(now), self.read_cache(now));
        format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
            self.count,
            self.note.as_ref().map(|(value, _)| value),
            seen,
            self.list,
            self.recent_values(),
            self.map.iter().collect::<Vec<_>>(),
            cache,
            self.sum,
            self.average.map(|(sum, count)| sum as f64 / count as f64),
        )
    }
}

/// All state of a job.
#[derive(Debug, Clone)]
pub(super) struct Model {
    entries: BTreeMap<(Namespace, Vec<u8>), Entry>,
    event_timers: BTreeSet<Timer>,
    processing_timers: BTreeSet<Timer>,
    now: i64,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            event_timers: BTreeSet::new(),
            processing_timers: BTreeSet::new(),
            now: 1000,
        }
    }
}

/// Returns the subtask that owns a key.
pub(super) fn owner(key: &[u8], parallelism: u32) -> u32 {
    subtask_of(key_group(hash_key(key), MAX_PARALLELISM), parallelism, MAX_PARALLELISM)
}

impl Model {
    pub(super) fn now(&self) -> i64 {
        self.now
    }

    fn timers(&mut self, domain: TimeDomain) -> &mut BTreeSet<Timer> {
        match domain {
            TimeDomain::Event => &mut self.event_timers,
            TimeDomain::Processing => &mut self.processing_timers,
        }
    }

    /// Does something to a key; returns what is seen of it.
    fn row(&mut self, namespace: Namespace, key: &[u8], operation: &RowOperation) -> String {
        let timer = |timestamp, namespace| Timer { timestamp, key: key.into(), namespace };
        match operation {
            RowOperation::RegisterTimer(domain, time, namespace) => {
                self.timers(*domain).insert(timer(*time, *namespace));
                String::new()
            }
            RowOperation::DeleteTimer(domain, time, namespace) => {
                self.timers(*domain).remove(&timer(*time, *namespace));
                String::new()
            }
            _ => {
                let now = self.now;
                self.entries.entry((namespace, key.to_vec())).or_default().apply(operation, now)
            }
        }
    }

    fn counts(&self, namespace: Namespace) -> impl Iterator<Item = (&Vec<u8>, i64)> {
        let entries = self.entries.iter().filter(move |((other, _), _)| *other == namespace);
        entries.filter_map(|((_, key), entry)| Some((key, entry.count?)))
    }

    /// Does something to the job; returns what is seen of it, at this parallelism.
    pub(super) fn apply(&mut self, operation: &Operation, parallelism: u32) -> Vec<String> {
        let seen = self.apply_to_all(operation, parallelism);
        let now = self.now;
        self.entries.retain(|_, entry| {
            entry.expire(now);
            *entry != Entry::default()
        });
        seen
    }

    fn apply_to_all(&mut self, operation: &Operation, parallelism: u32) -> Vec<String> {
        match operation {
            Operation::Row(namespace, number, row) => {
                vec![self.row(*namespace, &key(*number), row)]
            }
            Operation::Batch { namespace, rows, select, then } => {
                let mut seen = Vec::new();
                for subtask in 0..parallelism {
                    let own: Vec<_> = rows
                        .iter()
                        .enumerate()
                        .filter(|(row, _)| !select || row % 2 == 0)
                        .map(|(_, (number, add))| (key(*number), *add))
                        .filter(|(key, _)| owner(key, parallelism) == subtask)
                        .collect();
                    for (key, add) in &own {
                        let operation = match add {
                            BatchRow::Add(add) => RowOperation::AddCount(*add),
                            BatchRow::Clear => RowOperation::ClearCount,
                            BatchRow::Nothing => continue,
                        };
                        self.row(*namespace, key, &operation);
                    }
                    for (key, _) in own {
                        seen.extend(then.iter().map(|then| self.row(*namespace, &key, then)));
                    }
                }
                seen
            }
            Operation::Lookup(namespace) => (0..KEYS)
                .map(|number| {
                    let entry = self.entries.get(&(*namespace, key(number)));
                    format!("{:?}", entry.and_then(|entry| entry.count))
                })
                .collect(),
            Operation::Merge(from, into) => {
                if from != into {
                    let counts: Vec<_> =
                        self.counts(*from).map(|(key, count)| (key.clone(), count)).collect();
                    for (key, count) in counts {
                        self.row(*into, &key, &RowOperation::AddCount(count));
                    }
                    self.entries.retain(|(namespace, _), _| namespace != from);
                }
                Vec::new()
            }
            Operation::Drop(dropped) => {
                self.entries.retain(|(namespace, _), _| namespace != dropped);
                Vec::new()
            }
            Operation::Visit(namespace) => {
                self.counts(*namespace).map(|entry| format!("{entry:?}")).collect()
            }
            Operation::Namespaces => {
                // Telling takes reading everything that expires, which renews some of it.
                for entry in self.entries.values_mut() {
                    entry.read_seen(self.now);
                    entry.read_cache(self.now);
                }
                let mut keys: BTreeMap<Namespace, usize> = BTreeMap::new();
                for (namespace, _) in self.entries.keys() {
                    *keys.entry(*namespace).or_default() += 1;
                }
                keys.into_iter().map(|entry| format!("{entry:?}")).collect()
            }
            Operation::PopTimers(domain, time) => self.pop_timers(*domain, *time, parallelism),
            Operation::Advance(millis) => {
                self.now += millis;
                Vec::new()
            }
            Operation::Snapshot | Operation::Rescale(_) => Vec::new(),
        }
    }

    fn pop_timers(&mut self, domain: TimeDomain, time: i64, parallelism: u32) -> Vec<String> {
        let timers = self.timers(domain);
        let (due, rest): (BTreeSet<_>, BTreeSet<_>) =
            timers.iter().cloned().partition(|timer| timer.timestamp <= time);
        *timers = rest;
        let mut seen = Vec::new();
        for subtask in 0..parallelism {
            let own = |timer: &&Timer| owner(&timer.key, parallelism) == subtask;
            seen.extend(due.iter().filter(own).map(|timer| format!("{timer:?}")));
            let mut left = timers.iter().filter(own);
            let next = left.next().map(|timer| timer.timestamp);
            seen.push(format!("{next:?} {}", left.count() + usize::from(next.is_some())));
        }
        seen
    }
}

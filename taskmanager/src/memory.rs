//! How a TaskManager's memory is divided. Pure: what the machine has is handed in.

use sciurus_core::config::options::taskmanager as options;
use sciurus_core::config::{ConfigError, Configuration, MemorySize};

/// The part of the whole that the TaskManager's own process gets, at least and at most, in bytes.
const FRAMEWORK_BYTES: (u64, u64) = (16 << 20, 64 << 20);

/// Which part that is in between.
const FRAMEWORK_DIVISOR: u64 = 16;

/// What rounding fractions may cost, in bytes.
const ROUNDING_BYTES: u64 = 1 << 10;

/// The least that job workers can do with, together, in bytes.
const LEAST_FREE_BYTES: u64 = 16 << 20;

/// Divides a TaskManager's memory; all in bytes.
///
/// `total_process` is the sum of the others. Only `framework` is kept from workers; how the rest is
/// divided is what pools are measured against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryBudget {
    /// All of it, workers included.
    pub total_process: u64,
    /// Of the TaskManager's own process.
    pub framework: u64,
    /// For records and user code.
    pub task: u64,
    /// For data on its way between tasks.
    pub network: u64,
    /// For state.
    pub managed: u64,
}

/// Says why the memory can't be divided as the configuration wants it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// An option can't be read.
    #[error(transparent)]
    Configuration(#[from] ConfigError),
    /// The parts are more than the whole.
    #[error(
        "the TaskManager's memory is {total} in all, and its parts take more: {framework} for the \
         TaskManager itself, {network} for the network, {managed} managed, {task} for tasks; raise \
         taskmanager.memory.process.size or lower a part"
    )]
    TooSmall {
        /// All of it.
        total: MemorySize,
        /// Of the TaskManager's own process.
        framework: MemorySize,
        /// For the network.
        network: MemorySize,
        /// For state.
        managed: MemorySize,
        /// For tasks, as far as the configuration says.
        task: MemorySize,
    },
}

impl MemoryBudget {
    /// Divides the memory by Flink's options. `available_bytes` is what holds where they don't say
    /// how much there is.
    ///
    /// # Errors
    /// [`MemoryError`] where options can't be read or contradict each other.
    pub fn divide(
        configuration: &Configuration,
        available_bytes: u64,
    ) -> Result<Self, MemoryError> {
        let size =
            |option| configuration.get_optional(option).map(|size| size.map(MemorySize::bytes));
        let task_heap = size(&options::MEMORY_TASK_HEAP_SIZE)?;
        let task_off_heap = configuration.get(&options::MEMORY_TASK_OFF_HEAP_SIZE)?.bytes();
        let task_wanted = task_heap.map(|heap| heap.saturating_add(task_off_heap));
        let managed_wanted = size(&options::MEMORY_MANAGED_SIZE)?;
        let network = NetworkOptions::read(configuration)?;
        let managed_fraction = configuration.get(&options::MEMORY_MANAGED_FRACTION)?;

        let whole = size(&options::MEMORY_PROCESS_SIZE)?.or(size(&options::MEMORY_FLINK_SIZE)?);
        let total = match (whole, task_wanted, managed_wanted) {
            (Some(whole), _, _) => whole,
            // Flink's third way to say how much it is: by its parts.
            (None, Some(task), Some(managed)) => network.total_with(task.saturating_add(managed)),
            (None, _, _) => available_bytes,
        };
        let framework = framework_of(total);
        let rest = total - framework;
        let network_bytes = network.of(total, rest);
        let managed = managed_wanted
            .unwrap_or_else(|| ((total as f64 * managed_fraction) as u64).min(rest / 2));
        let task = rest.checked_sub(network_bytes).and_then(|rest| rest.checked_sub(managed));
        match task {
            Some(task) if task >= task_wanted.unwrap_or(0) && rest >= LEAST_FREE_BYTES => {
                Ok(Self { total_process: total, framework, task, network: network_bytes, managed })
            }
            _ => Err(MemoryError::TooSmall {
                total: MemorySize::from_bytes(total),
                framework: MemorySize::from_bytes(framework),
                network: MemorySize::from_bytes(network_bytes),
                managed: MemorySize::from_bytes(managed),
                task: MemorySize::from_bytes(task_wanted.unwrap_or(LEAST_FREE_BYTES)),
            }),
        }
    }

    /// Returns what all workers may take together, in bytes.
    pub fn free_for_workers(&self) -> u64 {
        self.total_process - self.framework
    }

    /// Returns what the worker of a job may take that uses so many of the slots, in bytes: its
    /// share. A number of 0 means that the job's slots aren't known; the worker may take all then.
    pub fn of_worker(&self, slots: u32, all_slots: u32) -> u64 {
        share(self.free_for_workers(), slots, all_slots)
    }

    /// Returns how much of that is for state, in bytes.
    pub fn managed_of_worker(&self, slots: u32, all_slots: u32) -> u64 {
        share(self.managed, slots, all_slots)
    }
}

/// Returns the share of a number of slots; 0 stands for all of them.
fn share(bytes: u64, slots: u32, all_slots: u32) -> u64 {
    let all_slots = u64::from(all_slots.max(1));
    let slots = match u64::from(slots) {
        0 => all_slots,
        slots => slots.min(all_slots),
    };
    (u128::from(bytes) * u128::from(slots) / u128::from(all_slots)) as u64
}

fn framework_of(total: u64) -> u64 {
    (total / FRAMEWORK_DIVISOR).clamp(FRAMEWORK_BYTES.0, FRAMEWORK_BYTES.1).min(total / 2)
}

struct NetworkOptions {
    fraction: f64,
    min: u64,
    max: u64,
    /// Whether the least was asked for, or is only what holds by default.
    min_wanted: bool,
}

impl NetworkOptions {
    fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        let min = configuration.get(&options::MEMORY_NETWORK_MIN)?.bytes();
        Ok(Self {
            fraction: configuration.get(&options::MEMORY_NETWORK_FRACTION)?,
            min,
            max: configuration.get(&options::MEMORY_NETWORK_MAX)?.bytes().max(min),
            min_wanted: configuration.contains(&options::MEMORY_NETWORK_MIN),
        })
    }

    /// The network's part of the whole; small processes get less than the default minimum.
    fn of(&self, total: u64, rest: u64) -> u64 {
        let wanted = ((total as f64 * self.fraction) as u64).clamp(self.min, self.max);
        if self.min_wanted { wanted } else { wanted.min(rest / 4) }
    }

    /// The whole of which the given parts remain when the network and the TaskManager have theirs.
    fn total_with(&self, parts: u64) -> u64 {
        // The TaskManager's part at its most: a bit too much does no harm.
        let parts = parts.saturating_add(FRAMEWORK_BYTES.1);
        let network = (parts as f64 * self.fraction / (1.0 - self.fraction)).ceil() as u64;
        parts.saturating_add(network.clamp(self.min, self.max)).saturating_add(ROUNDING_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GIB: u64 = 1 << 30;
    const MIB: u64 = 1 << 20;

    fn divide(pairs: &[(&str, &str)], available: u64) -> Result<MemoryBudget, MemoryError> {
        let configuration = Configuration::from_pairs(pairs.iter().copied());
        let budget = MemoryBudget::divide(&configuration, available)?;
        let parts = budget.framework + budget.task + budget.network + budget.managed;
        assert_eq!(parts, budget.total_process);
        Ok(budget)
    }

    #[test]
    fn the_process_size_comes_first_then_flinks_then_what_there_is() {
        let process = ("taskmanager.memory.process.size", "4g");
        let flink = ("taskmanager.memory.flink.size", "2g");
        assert_eq!(divide(&[process, flink], GIB).unwrap().total_process, 4 * GIB);
        assert_eq!(divide(&[flink], GIB).unwrap().total_process, 2 * GIB);
        assert_eq!(divide(&[], GIB).unwrap().total_process, GIB);
    }

    #[test]
    fn fractions_and_limits_divide_the_whole() {
        let budget = divide(&[("taskmanager.memory.process.size", "10g")], 0).unwrap();
        assert_eq!(budget.framework, 64 * MIB);
        assert_eq!((budget.network, budget.managed), (GIB, 4 * GIB));
        let limits = [
            ("taskmanager.memory.process.size", "10g"),
            ("taskmanager.memory.network.max", "100m"),
            ("taskmanager.memory.managed.size", "1g"),
        ];
        let budget = divide(&limits, 0).unwrap();
        assert_eq!((budget.network, budget.managed), (100 * MIB, GIB));
        let parts = [
            ("taskmanager.memory.task.heap.size", "1g"),
            ("taskmanager.memory.managed.size", "1g"),
        ];
        let budget = divide(&parts, 0).unwrap();
        assert!((GIB..GIB + GIB / 8).contains(&budget.task), "{budget:?}");
        assert!(budget.network >= 64 * MIB, "{budget:?}");
    }

    #[test]
    fn a_small_process_still_gets_a_division_and_what_cannot_be_is_refused() {
        let budget = divide(&[("taskmanager.memory.process.size", "128m")], 0).unwrap();
        assert_eq!((budget.framework, budget.network), (16 * MIB, 28 * MIB));
        let error = divide(&[("taskmanager.memory.process.size", "20m")], 0).unwrap_err();
        assert!(error.to_string().contains("20 mb in all"), "{error}");
        let too_much =
            [("taskmanager.memory.process.size", "1g"), ("taskmanager.memory.managed.size", "1g")];
        assert!(matches!(divide(&too_much, 0), Err(MemoryError::TooSmall { .. })));
        let wrong = divide(&[("taskmanager.memory.process.size", "much")], 0);
        assert!(matches!(wrong, Err(MemoryError::Configuration(_))));
    }

    #[test]
    fn a_workers_budget_is_the_share_of_its_slots() {
        let budget = divide(&[("taskmanager.memory.process.size", "1088m")], 0).unwrap();
        assert_eq!(budget.free_for_workers(), 1024 * MIB);
        assert_eq!(budget.of_worker(1, 4), 256 * MIB);
        assert_eq!(budget.of_worker(4, 4), 1024 * MIB);
        assert_eq!(budget.of_worker(0, 4), 1024 * MIB);
        assert_eq!(budget.of_worker(9, 4), 1024 * MIB);
    }

    proptest! {
        #[test]
        fn whatever_is_asked_for_the_parts_make_up_the_whole(
            total in 0_u64..1 << 45,
            managed in prop::option::of(0_u64..1 << 45),
            task in prop::option::of(0_u64..1 << 45),
            fraction in 0.0..1.0_f64,
            max in prop::option::of(0_u64..1 << 45),
        ) {
            let mut pairs = vec![("taskmanager.memory.network.fraction", fraction.to_string())];
            let mut add = |key, value: Option<u64>| {
                pairs.extend(value.map(|value| (key, value.to_string())));
            };
            add("taskmanager.memory.managed.size", managed);
            add("taskmanager.memory.task.heap.size", task);
            add("taskmanager.memory.network.max", max);
            let pairs: Vec<_> = pairs.iter().map(|(key, value)| (*key, &**value)).collect();
            if let Ok(budget) = divide(&pairs, total) {
                prop_assert!(budget.task >= task.unwrap_or(0));
            }
        }
    }
}

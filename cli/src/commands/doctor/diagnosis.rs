//! What follows from the facts: the three classic failures (nothing runs, it is slow, memory is
//! exceeded), what is behind them, and the next step.

use sciurus_core::config::MemorySize;
use serde::Serialize;

use super::facts::{EXCHANGE, Facts, Load, MANAGED, TOTAL, TaskManager, USED, Vertex};

/// From which share of its time on a subtask is busy enough to hold others up.
const BUSY: f64 = 0.7;
/// From which share of its time on a subtask waits for those behind it.
const BACK_PRESSURED: f64 = 0.1;
/// From which share on that is a problem; before, it is worth knowing.
const HIGH_BACK_PRESSURE: f64 = 0.5;
/// How much busier than the average one subtask may be before its share of the keys is too large.
const SKEW: f64 = 2.0;
/// From which share on memory is near its limit.
const MEMORY_NEAR_LIMIT: f64 = 0.9;
/// What memory has to grow by each second to be told, as a share of its limit.
const GROWTH: f64 = 0.002;

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub grade: Grade,
    pub what: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<String>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    Problem,
    Hint,
    Well,
}

impl Finding {
    fn new(grade: Grade, what: impl Into<String>) -> Self {
        Self { grade, what: what.into(), because: Vec::new(), next: Vec::new() }
    }

    fn because(mut self, reason: impl Into<String>) -> Self {
        self.because.push(reason.into());
        self
    }

    fn next(mut self, step: impl Into<String>) -> Self {
        self.next.push(step.into());
        self
    }
}

/// Draws conclusions from two looks at a job, the worst first; there is at least one.
pub fn diagnose(before: &Facts, after: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(memory_exceeded(after));
    findings.extend(not_running(after));
    findings.extend(failing_checkpoints(after));
    findings.extend(memory_near_limit(before, after));
    if after.is_running() {
        findings.extend(bottleneck(after));
        findings.extend(stalled_watermarks(before, after));
    }
    findings.sort_by_key(|finding| finding.grade);
    if findings.is_empty() {
        findings.push(Finding::new(Grade::Well, "nothing is wrong as far as can be seen"));
    }
    findings
}

/// It was submitted, and nothing runs.
fn not_running(facts: &Facts) -> Option<Finding> {
    let job = facts.job;
    let failure = facts.failures.first();
    let slots: u32 = facts.task_managers.iter().map(|manager| manager.slots).sum();
    let free: u32 = facts.task_managers.iter().map(|manager| manager.free_slots).sum();
    if facts.missing_slots > 0 {
        let finding = Finding::new(
            Grade::Problem,
            format!("nothing runs: {} slots are missing", facts.missing_slots),
        )
        .because(format!(
            "{} TaskManagers are registered, with {slots} slots in all, of which {free} are free",
            facts.task_managers.len()
        ));
        return Some(if facts.task_managers.is_empty() {
            finding
                .next("start a TaskManager, or look why none registers: its log says whom it dials")
                .next("a TaskManager finds the JobManager by jobmanager.rpc.address and .rpc.port")
        } else {
            let widest = facts.vertices.iter().map(|vertex| vertex.parallelism).max().unwrap_or(1);
            finding
                .because(format!("the job's highest parallelism is {widest}, one slot for each"))
                .next("add TaskManagers or slots (taskmanager.numberOfTaskSlots)")
                .next("or submit it with fewer subtasks (-p), or cancel other jobs: sciurus list")
        });
    }
    match facts.state.as_str() {
        "RUNNING" => {
            let waiting: Vec<&str> = facts
                .vertices
                .iter()
                .filter(|vertex| vertex.tasks.get("INITIALIZING").is_some_and(|tasks| *tasks > 0))
                .map(|vertex| vertex.name.as_str())
                .collect();
            if !waiting.is_empty() {
                let what = format!("tasks are being restored: {}", waiting.join(", "));
                let next = "wait: state is being read; sciurus logs JOB shows how far it is";
                return Some(Finding::new(Grade::Hint, what).next(next));
            }
            let restarts = (facts.restarts > 0).then(|| {
                let what = format!("the job was restarted {} times", facts.restarts);
                with_failure(Finding::new(Grade::Hint, what), facts)
            });
            restarts.map(|finding| finding.next(format!("sciurus logs {job} has the details")))
        }
        "RESTARTING" | "FAILING" => {
            let what = format!("the job restarts: {} times so far", facts.restarts);
            let finding = with_failure(Finding::new(Grade::Problem, what), facts);
            Some(finding.next(format!("sciurus logs {job} has the details")))
        }
        "FAILED" => {
            let finding = with_failure(Finding::new(Grade::Problem, "the job has failed"), facts);
            let finding = finding.next(format!("sciurus logs {job} has the details"));
            Some(if facts.checkpoints.completed > 0 {
                finding
                    .next("mend the cause and submit it again from its last checkpoint (-s PATH)")
            } else {
                finding.next("mend the cause and submit it again")
            })
        }
        "CREATED" | "INITIALIZING" | "RECONCILING" => {
            let what = format!("nothing runs yet: the job is {}", facts.state);
            Some(Finding::new(Grade::Hint, what).next("look again in some seconds"))
        }
        "FINISHED" | "CANCELED" | "SUSPENDED" if failure.is_none() => None,
        _ => None,
    }
}

fn with_failure(finding: Finding, facts: &Facts) -> Finding {
    let Some(failure) = facts.failures.first() else { return finding };
    let first = failure.message.lines().next().unwrap_or_default();
    let mut finding = finding.because(format!("{}: {first}", failure.kind));
    if let Some(task) = &failure.task {
        let on = failure.task_manager.as_ref().map(|manager| format!(" on TaskManager {manager}"));
        finding = finding.because(format!("in {task}{}", on.unwrap_or_default()));
    }
    finding
}

/// A worker took more memory than it may.
fn memory_exceeded(facts: &Facts) -> Option<Finding> {
    let failure = facts.failures.iter().find(|failure| failure.kind == "MemoryExceeded")?;
    let first = failure.message.lines().next().unwrap_or_default();
    let mut finding =
        Finding::new(Grade::Problem, "a worker exceeded its memory").because(first.to_owned());
    if let Some(task) = &failure.task {
        finding = finding.because(format!("the failure was met in {task}"));
    }
    Some(
        finding
            .next("keep state in RocksDB (state.backend.type: rocksdb) where it outgrows memory")
            .next("or give TaskManagers more (taskmanager.memory.process.size)")
            .next("or keep less: shorter windows, state with a time to live"),
    )
}

/// A TaskManager's memory is nearly used up, or grows.
fn memory_near_limit(before: &Facts, after: &Facts) -> Vec<Finding> {
    let seconds = after.at.duration_since(before.at).as_secs_f64();
    let mut findings = Vec::new();
    for manager in &after.task_managers {
        let Some(pools) = Pools::of(manager) else { continue };
        let earlier = before.task_managers.iter().find(|earlier| earlier.id == manager.id);
        let earlier = earlier.and_then(Pools::of).unwrap_or(pools);
        let growth = |now: f64, then: f64| if seconds > 0.0 { (now - then) / seconds } else { 0.0 };
        let shares = [
            ("state and the program itself", pools.rest(), earlier.rest()),
            ("RocksDB and other managed memory", pools.managed, earlier.managed),
            ("records that wait between tasks", pools.exchange, earlier.exchange),
        ];
        if pools.used < MEMORY_NEAR_LIMIT * pools.total {
            continue;
        }
        let percent = 100.0 * pools.used / pools.total;
        let what = format!("TaskManager {} uses {percent:.0} % of its memory", manager.id);
        let mut finding = Finding::new(Grade::Hint, what);
        for (name, now, then) in shares {
            let speed = growth(now, then);
            let grows = if speed > GROWTH * pools.total {
                format!(", growing by {} a second", size(speed))
            } else {
                String::new()
            };
            finding = finding.because(format!("{name}: {}{grows}", size(now)));
        }
        findings.push(finding.next("raise taskmanager.memory.process.size before it is exceeded"));
    }
    findings
}

/// What a TaskManager's memory is used for, in bytes.
#[derive(Debug, Clone, Copy)]
struct Pools {
    total: f64,
    used: f64,
    managed: f64,
    exchange: f64,
}

impl Pools {
    fn of(manager: &TaskManager) -> Option<Self> {
        let get = |name| manager.memory.get(name).copied();
        let total = get(TOTAL).filter(|total| *total > 0.0)?;
        let (managed, exchange) = (get(MANAGED).unwrap_or(0.0), get(EXCHANGE).unwrap_or(0.0));
        Some(Self { total, used: get(USED)?, managed, exchange })
    }

    fn rest(&self) -> f64 {
        (self.used - self.managed - self.exchange).max(0.0)
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates
fn size(bytes: f64) -> MemorySize {
    MemorySize::from_mib(bytes as u64 >> 20)
}

/// Checkpoints don't succeed any more.
fn failing_checkpoints(facts: &Facts) -> Option<Finding> {
    let reason = facts.checkpoints.failing.as_ref()?;
    let counts = &facts.checkpoints;
    let what = format!(
        "the latest checkpoint failed; {} failed and {} succeeded so far",
        counts.failed, counts.completed
    );
    let finding = Finding::new(Grade::Problem, what).because(reason.clone());
    let is_late = reason.to_lowercase().contains("expired");
    Some(if is_late {
        finding
            .next("barriers wait behind records where there is back pressure: mend that first")
            .next("or raise execution.checkpointing.timeout")
    } else {
        finding.next("the job goes on from the last one that succeeded if it fails")
    })
}

/// Which vertex holds the others up, and why.
fn bottleneck(facts: &Facts) -> Option<Finding> {
    let job = facts.job;
    let waiting = |vertex: &Vertex| max(vertex, |load| load.back_pressured) >= BACK_PRESSURED;
    let busiest = |vertex: &Vertex| max(vertex, |load| load.busy);
    // Behind the last one that waits: those behind it keep up.
    let last_waiting = facts.vertices.iter().rev().find(|vertex| waiting(vertex));
    let Some(waiter) = last_waiting else {
        let source = facts
            .vertices
            .iter()
            .find(|vertex| vertex.inputs.is_empty() && busiest(vertex) >= BUSY)?;
        let what =
            format!("'{}' reads as fast as it can: it is busy {}", source.name, shares(source));
        return Some(
            Finding::new(Grade::Hint, what)
                .because("nothing behind it waits")
                .next(rescale(job, source)),
        );
    };
    let behind = facts
        .vertices
        .iter()
        .filter(|vertex| vertex.inputs.contains(&waiter.id) && !waiting(vertex))
        .max_by(|a, b| busiest(a).total_cmp(&busiest(b)))?;
    let mean = mean(behind, |load| load.busy);
    let worst = behind.loads.iter().max_by(|a, b| a.busy.total_cmp(&b.busy))?;
    let what = format!("it is slow because of '{}', which is busy {}", behind.name, shares(behind));
    let percent = 100.0 * max(waiter, |load| load.back_pressured);
    let is_high = max(waiter, |load| load.back_pressured) >= HIGH_BACK_PRESSURE;
    let grade = if is_high { Grade::Problem } else { Grade::Hint };
    let mut finding = Finding::new(grade, what)
        .because(format!("'{}' before it waits for it {percent:.0} % of its time", waiter.name));
    if behind.loads.len() > 1 && worst.busy > SKEW * mean.max(0.01) && worst.busy >= BUSY / 2.0 {
        return Some(
            finding
                .because(format!(
                    "subtask {} does most of the work: too many records have its keys",
                    worst.subtask
                ))
                .next("more subtasks don't help: choose keys that spread better")
                .next("or aggregate before the exchange"),
        );
    }
    if worst.busy < BUSY {
        finding = finding.because(
            "it is not busy all the time: it may wait for a processor, a disk, a server or a lock",
        );
        return Some(
            finding.next("look what it waits for; asynchronous calls keep more in flight"),
        );
    }
    Some(finding.next(rescale(job, behind)).next("or make its functions do less for each record"))
}

fn rescale(job: sciurus_core::ids::JobId, vertex: &Vertex) -> String {
    let more = 2 * vertex.parallelism;
    format!("give it more subtasks: sciurus rescale {job} --vertex {}={more}", vertex.id)
}

/// Watermarks that stand still while records come.
fn stalled_watermarks(before: &Facts, after: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for vertex in after.vertices.iter().filter(|vertex| !vertex.inputs.is_empty()) {
        let Some(earlier) = before.vertex(&vertex.id) else { continue };
        let came = vertex.read_records.saturating_sub(earlier.read_records);
        let lowest = vertex.watermarks.values().min();
        if came == 0 || lowest.is_none() || lowest != earlier.watermarks.values().min() {
            continue;
        }
        let what = format!("the watermark of '{}' stands still though records come", vertex.name);
        findings.push(
            Finding::new(Grade::Hint, what)
                .because(format!("{came} records came while it was looked at"))
                .because(
                    "a split without records holds it back, or the times of records don't grow",
                )
                .next("let idle splits be passed over: WatermarkStrategy::with_idleness"),
        );
        // Those behind it wait for the same.
        break;
    }
    findings
}

fn max(vertex: &Vertex, of: impl Fn(&Load) -> f64) -> f64 {
    vertex.loads.iter().map(of).fold(0.0, f64::max)
}

#[allow(clippy::cast_precision_loss)] // few subtasks
fn mean(vertex: &Vertex, of: impl Fn(&Load) -> f64) -> f64 {
    vertex.loads.iter().map(of).sum::<f64>() / vertex.loads.len().max(1) as f64
}

fn shares(vertex: &Vertex) -> String {
    let (mean, max) = (mean(vertex, |load| load.busy), max(vertex, |load| load.busy));
    if vertex.loads.len() > 1 {
        return format!(
            "{:.0} % of its time, its busiest subtask {:.0} %",
            100.0 * mean,
            100.0 * max
        );
    }
    format!("{:.0} % of its time", 100.0 * max)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::{Duration, Instant};

    use sciurus_core::ids::JobId;

    use super::super::facts::{Checkpoints, Failure};
    use super::*;

    fn vertex(id: &str, inputs: &[&str], loads: &[(f64, f64)]) -> Vertex {
        Vertex {
            id: id.to_owned(),
            name: id.to_uppercase(),
            parallelism: u32::try_from(loads.len()).unwrap(),
            inputs: inputs.iter().map(|input| (*input).to_owned()).collect(),
            loads: (0_u32..)
                .zip(loads)
                .map(|(subtask, &(busy, back_pressured))| Load { subtask, busy, back_pressured })
                .collect(),
            ..Vertex::default()
        }
    }

    fn facts(state: &str, vertices: Vec<Vertex>) -> Facts {
        Facts {
            at: Instant::now(),
            job: JobId::from_bytes([1; 16]),
            name: "job".to_owned(),
            state: state.to_owned(),
            missing_slots: 0,
            vertices,
            failures: Vec::new(),
            restarts: 0,
            checkpoints: Checkpoints::default(),
            task_managers: Vec::new(),
        }
    }

    fn text(findings: &[Finding]) -> String {
        format!("{findings:?}")
    }

    #[test]
    fn the_vertex_behind_the_last_one_that_waits_is_the_bottleneck() {
        let vertices = vec![
            vertex("source", &[], &[(0.1, 0.9)]),
            vertex("map", &["source"], &[(0.2, 0.8)]),
            vertex("window", &["map"], &[(0.95, 0.0), (0.9, 0.0)]),
            vertex("sink", &["window"], &[(0.3, 0.0)]),
        ];
        let facts = facts("RUNNING", vertices);
        let findings = diagnose(&facts, &facts);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].grade, Grade::Problem);
        assert!(findings[0].what.contains("'WINDOW', which is busy 92 %"), "{findings:?}");
        assert!(findings[0].because[0].contains("'MAP' before it waits for it 80 %"));
        assert!(findings[0].next[0].ends_with("--vertex window=4"), "{findings:?}");
    }

    #[test]
    fn one_busy_subtask_among_idle_ones_is_skew() {
        let vertices = vec![
            vertex("source", &[], &[(0.1, 0.9)]),
            vertex("sum", &["source"], &[(1.0, 0.0), (0.05, 0.0), (0.05, 0.0), (0.05, 0.0)]),
        ];
        let facts = facts("RUNNING", vertices);
        let found = text(&diagnose(&facts, &facts));
        assert!(found.contains("subtask 0 does most of the work"), "{found}");
        assert!(!found.contains("sciurus rescale"), "{found}");
    }

    #[test]
    fn what_waits_for_others_is_not_busy() {
        let vertices = vec![
            vertex("source", &[], &[(0.1, 0.9)]),
            vertex("lookup", &["source"], &[(0.3, 0.0)]),
        ];
        let facts = facts("RUNNING", vertices);
        let found = text(&diagnose(&facts, &facts));
        assert!(found.contains("it may wait for a processor, a disk"), "{found}");
    }

    #[test]
    fn a_job_without_trouble_is_well() {
        let vertices =
            vec![vertex("source", &[], &[(0.2, 0.0)]), vertex("sink", &["source"], &[(0.1, 0.0)])];
        let facts = facts("RUNNING", vertices);
        let findings = diagnose(&facts, &facts);
        assert_eq!((findings.len(), findings[0].grade), (1, Grade::Well));
    }

    #[test]
    fn missing_slots_name_what_there_is() {
        let mut facts = facts("CREATED", vec![Vertex { parallelism: 4, ..vertex("a", &[], &[]) }]);
        facts.missing_slots = 3;
        let found = text(&diagnose(&facts, &facts));
        assert!(found.contains("3 slots are missing"), "{found}");
        assert!(found.contains("start a TaskManager"), "{found}");
        let slots = TaskManager { slots: 1, free_slots: 1, ..TaskManager::default() };
        facts.task_managers.push(slots);
        let found = text(&diagnose(&facts, &facts));
        assert!(found.contains("1 TaskManagers are registered, with 1 slots in all"), "{found}");
        assert!(found.contains("highest parallelism is 4"), "{found}");
    }

    #[test]
    fn failures_name_their_kind_and_place() {
        let mut facts = facts("FAILED", Vec::new());
        facts.failures.push(Failure {
            kind: "MemoryExceeded".to_owned(),
            message: "the job's worker takes 90 mb of the 80 mb\nat somewhere".to_owned(),
            task: Some("sum (1/2)".to_owned()),
            task_manager: Some("tm-1".to_owned()),
        });
        let findings = diagnose(&facts, &facts);
        assert_eq!(findings.len(), 2);
        let found = text(&findings);
        assert!(found.contains("takes 90 mb of the 80 mb\""), "{found}");
        assert!(found.contains("in sum (1/2) on TaskManager tm-1"), "{found}");
        assert!(found.contains("state.backend.type: rocksdb"), "{found}");
    }

    #[test]
    fn the_pool_that_grows_is_named() {
        const MIB: f64 = 1_048_576.0;
        let manager = |used: f64, managed: f64| TaskManager {
            id: "tm".to_owned(),
            memory: BTreeMap::from([
                (TOTAL, 1000.0 * MIB),
                (USED, used * MIB),
                (MANAGED, managed * MIB),
                (EXCHANGE, 10.0 * MIB),
            ]),
            ..TaskManager::default()
        };
        let mut before = facts("RUNNING", Vec::new());
        before.task_managers.push(manager(900.0, 300.0));
        let mut after = facts("RUNNING", Vec::new());
        after.at = before.at + Duration::from_secs(2);
        after.task_managers.push(manager(940.0, 300.0));
        let found = text(&diagnose(&before, &after));
        assert!(found.contains("uses 94 % of its memory"), "{found}");
        assert!(
            found.contains("state and the program itself: 630 mb, growing by 20 mb a second"),
            "{found}"
        );
        assert!(found.contains("other managed memory: 300 mb\""), "{found}");
    }

    #[test]
    fn a_watermark_that_stands_still_is_told_where_records_come() {
        let at = |records, watermark| {
            let mut window = vertex("window", &["source"], &[(0.1, 0.0)]);
            window.read_records = records;
            window.watermarks = BTreeMap::from([(0, watermark), (1, 500)]);
            facts("RUNNING", vec![vertex("source", &[], &[(0.1, 0.0)]), window])
        };
        let found = text(&diagnose(&at(10, 100), &at(30, 100)));
        assert!(found.contains("'WINDOW' stands still") && found.contains("20 records"), "{found}");
        for (before, after) in [(at(10, 100), at(10, 100)), (at(10, 100), at(30, 200))] {
            assert_eq!(diagnose(&before, &after)[0].grade, Grade::Well);
        }
    }

    #[test]
    fn checkpoints_that_fail_are_told_with_the_reason() {
        let mut facts = facts("RUNNING", Vec::new());
        facts.checkpoints = Checkpoints {
            completed: 3,
            failed: 2,
            failing: Some("Checkpoint expired before completing.".to_owned()),
        };
        let found = text(&diagnose(&facts, &facts));
        assert!(found.contains("2 failed and 3 succeeded"), "{found}");
        assert!(found.contains("execution.checkpointing.timeout"), "{found}");
    }
}

//! A cluster that exists only in memory, and the rules that a job master must keep there.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use fastrand::Rng;
use sciurus_core::ids::{AllocationId, ExecutionAttemptId, JobId, TaskManagerId};
use sciurus_core::time::Timestamp;
use sciurus_job_master::execution_graph::ExecutionVertex;
use sciurus_job_master::failure::{FailureCause, Fault};
use sciurus_job_master::restart::RestartStrategySettings;
use sciurus_job_master::slots::{SharedSlot, SlotGrant, TaskManagerLocation};
use sciurus_job_master::{
    Action, Event, ExecutionState, JobMaster, JobMasterOptions, JobStatus, State, Timer,
};

use crate::jobs;

/// How many things happen while failures are possible.
const TROUBLED_STEPS: u32 = 400;
/// How many things may happen from then until the job must have ended.
const CALM_STEPS: u32 = 20_000;
const TASK_MANAGERS: u32 = 3;

type Report = (ExecutionAttemptId, ExecutionState, Option<FailureCause>);

/// A task that a TaskManager runs.
struct Task {
    state: ExecutionState,
    task_manager: TaskManagerId,
    is_told_to_stop: bool,
}

pub struct Cluster {
    pub master: JobMaster,
    random: Rng,
    settings: RestartStrategySettings,
    has_blocking_exchanges: bool,
    now: Timestamp,
    /// Failures and the like per 1,000 steps.
    trouble: u32,
    task_managers: Vec<TaskManagerId>,
    task_managers_so_far: u32,
    tasks: BTreeMap<ExecutionAttemptId, Task>,
    /// What tasks have reported and the master hasn't heard yet, in order per attempt.
    reports: BTreeMap<ExecutionAttemptId, VecDeque<Report>>,
    old_reports: Vec<Report>,
    timers: Vec<(Timestamp, Timer)>,
    requested: BTreeSet<SharedSlot>,
    given: BTreeMap<AllocationId, SlotGrant>,
    status: JobStatus,
    end: Option<JobStatus>,
    was_cancelled: bool,
    was_not_retriable: bool,
}

impl Cluster {
    /// Runs a job to its end.
    pub fn run(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let graph = jobs::job_graph(&mut random);
        let settings = jobs::restart_settings(&mut random);
        let strategy = settings.clone().build(random.fork()).expect("settings are in range");
        let options = JobMasterOptions {
            slot_request_timeout: Duration::from_millis(random.u64(50..500)),
            attempts_history_size: random.usize(..3),
            ..JobMasterOptions::default()
        };
        let master = JobMaster::new(JobId::random(), graph, strategy, options, 0);
        let mut cluster = Self {
            has_blocking_exchanges: master.regions().has_blocking_exchanges(),
            master,
            trouble: *random.choice(&[0, 10, 50, 200]).expect("there are some"),
            random,
            settings,
            now: 0,
            task_managers: Vec::new(),
            task_managers_so_far: 0,
            tasks: BTreeMap::new(),
            reports: BTreeMap::new(),
            old_reports: Vec::new(),
            timers: Vec::new(),
            requested: BTreeSet::new(),
            given: BTreeMap::new(),
            status: JobStatus::Initializing,
            end: None,
            was_cancelled: false,
            was_not_retriable: false,
        };
        for _ in 0..TASK_MANAGERS {
            cluster.add_task_manager();
        }
        cluster.tell(Event::Start);
        for _ in 0..TROUBLED_STEPS {
            cluster.step();
        }
        cluster.trouble = 0;
        let mut steps = 0;
        while cluster.end.is_none() {
            cluster.step();
            steps += 1;
            assert!(steps < CALM_STEPS, "the job stands still: {:?}", cluster.master);
        }
        cluster.check_end();
        cluster
    }

    /// Lets one thing happen.
    fn step(&mut self) {
        self.now += self.random.i64(0..3);
        if self.random.u32(..1000) < self.trouble {
            return self.make_trouble();
        }
        match self.random.u8(..10) {
            0..=3 => self.work(),
            4..=6 => self.deliver_report(),
            7 => self.give_slots(),
            8 => self.fire_timer(),
            _ => self.repeat_old_news(),
        }
    }

    fn make_trouble(&mut self) {
        match self.random.u8(..20) {
            0 => {
                self.was_cancelled |= self.end.is_none();
                self.tell(Event::CancelRequested);
            }
            1 => self.tell(Event::GlobalFailure(cause("GlobalFailure"))),
            2..=5 => self.lose_task_manager(),
            _ => self.end_some_task(ExecutionState::Failed),
        }
    }

    /// Lets a task get on.
    fn work(&mut self) {
        let Some(attempt) = self.some_task(|_| true) else { return };
        let task = &self.tasks[&attempt];
        let next = match task.state {
            ExecutionState::Deploying => ExecutionState::Initializing,
            ExecutionState::Initializing => ExecutionState::Running,
            _ if self.random.u8(..4) == 0 => ExecutionState::Finished,
            state => state,
        };
        if task.is_told_to_stop {
            self.end_task(attempt, ExecutionState::Canceled);
        } else if next == ExecutionState::Finished {
            self.end_task(attempt, next);
        } else if next != task.state {
            self.report(attempt, next, None);
            if let Some(task) = self.tasks.get_mut(&attempt) {
                task.state = next;
            }
        }
    }

    fn end_some_task(&mut self, state: ExecutionState) {
        if let Some(attempt) = self.some_task(|_| true) {
            self.end_task(attempt, state);
        }
    }

    fn end_task(&mut self, attempt: ExecutionAttemptId, state: ExecutionState) {
        self.tasks.remove(&attempt);
        let mut failure = (state == ExecutionState::Failed).then(|| cause("TaskFailure"));
        if let (Some(failure), 0) = (&mut failure, self.random.u8(..50)) {
            failure.retriable = false;
            self.was_not_retriable = true;
        }
        self.report(attempt, state, failure);
    }

    fn report(
        &mut self,
        attempt: ExecutionAttemptId,
        state: ExecutionState,
        failure: Option<FailureCause>,
    ) {
        self.reports.entry(attempt).or_default().push_back((attempt, state, failure));
    }

    fn deliver_report(&mut self) {
        let waiting: Vec<_> = self.reports.keys().copied().collect();
        let Some(attempt) = self.random.choice(waiting) else { return };
        let Some(queue) = self.reports.get_mut(&attempt) else { return };
        let report = queue.pop_front().expect("empty queues are removed");
        if queue.is_empty() {
            self.reports.remove(&attempt);
        }
        self.old_reports.push(report.clone());
        self.tell_report(report);
    }

    /// Delivers a report again, or a timer of long ago.
    fn repeat_old_news(&mut self) {
        if let Some(report) = self.random.choice(self.old_reports.clone())
            && !self.tasks.contains_key(&report.0)
            && !self.reports.contains_key(&report.0)
        {
            self.tell_report(report);
        }
    }

    fn tell_report(&mut self, (attempt, state, failure): Report) {
        self.tell(Event::TaskStateChanged { attempt, state, failure });
    }

    fn give_slots(&mut self) {
        let mut grants = Vec::new();
        for slot in self.requested.clone() {
            if self.random.bool() {
                continue;
            }
            self.requested.remove(&slot);
            let id = self.random.choice(&self.task_managers).expect("there are some").clone();
            let location = TaskManagerLocation { endpoint: id.to_string(), id };
            let allocation = AllocationId::from_bytes(self.random.u128(..).to_be_bytes());
            let grant = SlotGrant { slot, allocation, location };
            self.given.insert(allocation, grant.clone());
            grants.push(grant);
        }
        self.tell(Event::SlotsGranted(grants));
    }

    fn fire_timer(&mut self) {
        // Time doesn't run ahead to a slot timer: it would overtake every grant.
        let may_fire = |&place: &usize| {
            let (at, timer) = self.timers[place];
            at <= self.now || matches!(timer, Timer::Restart(_))
        };
        let next = (0..self.timers.len()).filter(may_fire).min_by_key(|&t| self.timers[t].0);
        let Some(next) = next else { return };
        let (at, timer) = self.timers[next];
        self.now = self.now.max(at);
        if self.random.u8(..8) > 0 {
            self.timers.remove(next);
        }
        self.tell(Event::TimerFired(timer));
    }

    fn add_task_manager(&mut self) {
        self.task_managers_so_far += 1;
        self.task_managers.push(TaskManagerId::new(format!("tm-{}", self.task_managers_so_far)));
    }

    fn lose_task_manager(&mut self) {
        let place = self.random.usize(..self.task_managers.len());
        let task_manager = self.task_managers.swap_remove(place);
        self.add_task_manager();
        self.tasks.retain(|_, task| task.task_manager != task_manager);
        self.given.retain(|_, grant| grant.location.id != task_manager);
        self.tell(Event::TaskManagerLost { task_manager, cause: cause("TaskManagerLost") });
    }

    fn some_task(&mut self, is_wanted: impl Fn(&Task) -> bool) -> Option<ExecutionAttemptId> {
        let wanted = self.tasks.iter().filter(|(_, task)| is_wanted(task));
        let wanted: Vec<_> = wanted.map(|(attempt, _)| *attempt).collect();
        self.random.choice(wanted)
    }

    /// Tells the master of an event, does what it wants, and checks that it may want it.
    fn tell(&mut self, event: Event) {
        let actions = self.master.handle(event, self.now);
        let mut last_deployed = None;
        for action in actions {
            if self.end.is_some() {
                let is_clean_up =
                    matches!(action, Action::ReleaseSlots(_) | Action::CancelTask { .. });
                assert!(is_clean_up, "{action:?} after the end");
            }
            match action {
                Action::RequestSlots(slots) => {
                    for slot in slots {
                        assert!(self.requested.insert(slot), "a slot is asked for once");
                    }
                }
                Action::WithdrawSlotRequests(slots) => {
                    for slot in slots {
                        assert!(self.requested.remove(&slot), "only a request is withdrawn");
                    }
                }
                Action::ReleaseSlots(allocations) => {
                    for allocation in allocations {
                        assert!(self.given.remove(&allocation).is_some(), "it was given");
                    }
                }
                Action::Deploy { attempt, slot, .. } => {
                    let position =
                        self.master.execution_graph().position_of(attempt.execution_vertex());
                    assert!(last_deployed < position, "topological order");
                    last_deployed = position;
                    self.deploy(attempt, slot);
                }
                Action::CancelTask { attempt } => {
                    if let Some(task) = self.tasks.get_mut(&attempt) {
                        task.is_told_to_stop = true;
                    }
                }
                Action::StartTimer { timer, delay } => {
                    self.timers.push((self.now + delay.as_millis() as i64, timer));
                }
                Action::ReportStatus(status) => {
                    assert!(self.status.may_become(status), "{} to {status}", self.status);
                    self.status = status;
                }
                Action::JobReachedTerminal { status, failure } => {
                    assert_eq!(self.end.replace(status), None, "a job ends once");
                    assert_eq!(failure.is_some(), status == JobStatus::Failed);
                    assert!(self.requested.is_empty(), "no request outlives the job");
                    assert!(self.given.is_empty(), "no slot outlives the job");
                }
                Action::RestoreSources { checkpoint: None, .. } => {}
                action => panic!("{action:?} of a job without checkpoints"),
            }
        }
        self.check();
    }

    fn deploy(&mut self, attempt: ExecutionAttemptId, slot: SlotGrant) {
        assert_eq!(self.given.get(&slot.allocation), Some(&slot), "the slot is the job's");
        let executions = self.master.execution_graph();
        let region_of = |attempt: &ExecutionAttemptId| {
            executions
                .position_of(attempt.execution_vertex())
                .map(|position| self.master.regions().region_of(position))
        };
        for other in self.tasks.keys().filter(|other| region_of(other) == region_of(&attempt)) {
            assert_ne!(other.execution_vertex(), attempt.execution_vertex(), "two at a time");
            let is_current = executions.subtasks().iter().any(|s| s.current().id() == *other);
            assert!(is_current, "{other} still runs in the region of {attempt}");
        }
        let regions = self.master.regions();
        for input in region_of(&attempt).into_iter().flat_map(|r| regions.inputs_of(r)) {
            let input = executions.subtasks()[input].current();
            let is_there = input.state() == ExecutionState::Finished
                && input.slot().is_some_and(|slot| self.task_managers.contains(&slot.location.id));
            assert!(is_there, "{attempt} reads {}, which isn't there", input.id());
        }
        for other in executions.subtasks().iter().map(ExecutionVertex::current) {
            let shares = self.tasks.contains_key(&other.id())
                && other.slot().is_some_and(|held| held.allocation == slot.allocation);
            assert!(!shares || other.id().vertex != attempt.vertex, "two subtasks share a slot");
        }
        let task_manager = slot.location.id;
        let state = ExecutionState::Deploying;
        self.tasks.insert(attempt, Task { state, task_manager, is_told_to_stop: false });
    }

    /// Checks what must hold between any two events.
    fn check(&self) {
        assert_eq!(self.status, self.master.status());
        if self.status == JobStatus::Running && !self.has_blocking_exchanges {
            assert_eq!(self.master.slot_shortage(), None, "a running job lacks nothing");
        }
        let waiting = self.master.slot_shortage().map_or(0, |shortage| shortage.total());
        assert_eq!(waiting as usize, self.requested.len(), "the shortage is what is asked for");
        let executions = self.master.execution_graph();
        let mut wanted = BTreeSet::new();
        for vertex in executions.job_vertices() {
            for (index, subtask) in (0..).zip(executions.subtasks_of(vertex)) {
                if subtask.current().state() == ExecutionState::Scheduled {
                    let group = vertex.slot_sharing_group().to_owned();
                    wanted.insert(SharedSlot { group, index });
                }
            }
        }
        assert!(self.requested.is_subset(&wanted), "{:?} for {wanted:?}", self.requested);
        assert_eq!(wanted.is_empty(), self.requested.is_empty(), "{wanted:?} wait for nothing");
        let mut open = 0;
        for subtask in executions.subtasks() {
            let current = subtask.current();
            open += usize::from(!current.state().is_terminal());
            let is_known =
                self.tasks.contains_key(&current.id()) || self.reports.contains_key(&current.id());
            assert!(!current.state().is_deployed() || is_known, "{current:?} is waited for");
        }
        assert_eq!(executions.is_all_terminal(), open == 0);
        match &self.settings {
            RestartStrategySettings::None => assert_eq!(self.master.restarts(), 0),
            RestartStrategySettings::FixedDelay(settings) => {
                assert!(self.master.restarts() <= u64::from(settings.attempts));
            }
            RestartStrategySettings::FailureRate(_)
            | RestartStrategySettings::ExponentialDelay(_) => {}
        }
    }

    /// Checks what must hold at the end, and for ever after.
    fn check_end(&mut self) {
        let current_tasks: Vec<_> = self
            .master
            .execution_graph()
            .subtasks()
            .iter()
            .map(ExecutionVertex::current)
            .filter(|execution| self.tasks.contains_key(&execution.id()))
            .collect();
        assert!(current_tasks.is_empty(), "{current_tasks:?} run on");
        match self.end {
            Some(JobStatus::Finished) => assert!(self.master.execution_graph().is_all_finished()),
            Some(JobStatus::Canceled) => assert!(self.was_cancelled),
            Some(JobStatus::Failed) => {
                let refusal = &self.master.failure().expect("it says why").refusal;
                let is_by_strategy = refusal.starts_with("Recovery is suppressed by");
                assert!(is_by_strategy || self.was_not_retriable, "{refusal}");
                if let (true, RestartStrategySettings::FixedDelay(settings)) =
                    (is_by_strategy, &self.settings)
                {
                    assert_eq!(self.master.restarts(), u64::from(settings.attempts));
                }
            }
            end => panic!("{end:?} is no end"),
        }
        for _ in 0..50 {
            self.step();
        }
    }
}

fn cause(kind: &str) -> FailureCause {
    FailureCause::new(Fault::Environment, kind, "simulated")
}

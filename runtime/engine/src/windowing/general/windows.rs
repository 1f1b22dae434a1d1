//! What happens to the windows of one key: records come, timers fire.

use std::marker::PhantomData;

use sciurus_core::time::Timestamp;
use sciurus_core::{Columns, Record};
use sciurus_state::timer::TimeDomain;

use super::key_windows::{KeyWindow, KeyWindows};
use super::merging::merge_into;
use crate::error::TaskResult;
use crate::output::Output;
use crate::windowing::assigner::WindowAssigner;
use crate::windowing::contents::WindowContents;
use crate::windowing::output::{Progress, WindowOutput};
use crate::windowing::trigger::{Trigger, TriggerContext, TriggerResult, WindowTimers};
use crate::windowing::window::Window;

/// Both time domains.
pub(super) const DOMAINS: [TimeDomain; 2] = [TimeDomain::Event, TimeDomain::Processing];

/// The windows of a key, as `Windows` with these parameters keeps them.
pub(super) type WindowsOf<T, A, G, C> = KeyWindows<
    <A as WindowAssigner<T>>::Window,
    <C as WindowContents<T>>::Accumulator,
    <G as Trigger<T, <A as WindowAssigner<T>>::Window>>::State,
>;

/// Assigner, trigger and functions: what the windows of all keys have in common.
pub(super) struct Windows<T, K, A, G, C, O>
where
    T: Record,
    A: WindowAssigner<T>,
{
    pub(super) assigner: A,
    pub(super) trigger: G,
    pub(super) contents: C,
    pub(super) output: O,
    pub(super) domain: TimeDomain,
    pub(super) allowed_lateness: i64,
    pub(super) progress: Progress,
    /// When the next timers of the windows of the record at hand are due, by domain.
    pub(super) next_timers: [Option<Timestamp>; 2],
    /// The windows of the record at hand.
    pub(super) assigned: Vec<A::Window>,
    pub(super) keys: PhantomData<fn(T) -> K>,
}

impl<T, K, A, G, C, O> Windows<T, K, A, G, C, O>
where
    T: Record,
    K: Record,
    A: WindowAssigner<T>,
    G: Trigger<T, A::Window>,
    C: WindowContents<T>,
    O: WindowOutput<K, A::Window, C::Accumulator>,
{
    /// Adds a record to its windows. Returns whether any takes it; `next_timers` is then when the
    /// next timers of these are due.
    pub(super) fn add(
        &mut self,
        of_key: &mut WindowsOf<T, A, G, C>,
        key: K::View<'_>,
        (columns, row): (&T::Columns, usize),
        timestamp: Option<Timestamp>,
        out: &mut Output,
    ) -> TaskResult<bool> {
        let time = match (self.domain, timestamp) {
            (TimeDomain::Event, Some(timestamp)) => timestamp,
            _ => self.progress.processing_time,
        };
        let mut assigned = std::mem::take(&mut self.assigned);
        self.assigner.assign(columns.get(row), time, &mut assigned);
        let mut taken = false;
        self.next_timers = [None; 2];
        for window in assigned.drain(..) {
            let place = if self.assigner.is_merging() {
                let context = (self.progress.watermark, self.progress.processing_time);
                merge_into::<T, _, _, _>(of_key, window, &self.trigger, &mut self.contents, context)
            } else if self.is_over(&window) {
                continue;
            } else {
                of_key.place_of(window)
            };
            let entry = &mut of_key.windows[place];
            if self.is_over(&entry.window) {
                of_key.windows.remove(place);
                continue;
            }
            taken = true;
            match &mut entry.contents {
                Some(contents) => self.contents.add(contents, columns, row),
                vacant => *vacant = Some(self.contents.create(columns, row)),
            }
            let KeyWindow { window, state, timers, .. } = entry;
            let mut context = self.progress.trigger_context(timers);
            let element = columns.get(row);
            let result = self.trigger.on_element(element, timestamp, window, state, &mut context);
            self.act(result, entry, key, out)?;
            for (place, domain) in DOMAINS.into_iter().enumerate() {
                let next = self.next_timer(entry, domain);
                self.next_timers[place] = earlier(self.next_timers[place], next);
            }
            if Self::is_as_new(entry) {
                of_key.windows.remove(place);
            }
        }
        self.assigned = assigned;
        Ok(taken)
    }

    /// Calls the trigger for all timers of a key that are due at `time`; with `last`, for all that
    /// there are, and new ones are ignored.
    pub(super) fn fire(
        &mut self,
        of_key: &mut WindowsOf<T, A, G, C>,
        key: K::View<'_>,
        domain: TimeDomain,
        time: Timestamp,
        last: bool,
        out: &mut Output,
    ) -> TaskResult {
        let mut place = 0;
        while place < of_key.windows.len() {
            let entry = &mut of_key.windows[place];
            let mut over = false;
            while let Some(due) = self.next_timer(entry, domain).filter(|due| *due <= time && !over)
            {
                let KeyWindow { window, state, timers, .. } = entry;
                let mut ignored = WindowTimers::default();
                timers.of(domain).remove(due);
                let timers = if last { &mut ignored } else { timers };
                let mut context = self.progress.trigger_context(timers);
                let result = match domain {
                    TimeDomain::Event => {
                        self.trigger.on_event_time(due, window, state, &mut context)
                    }
                    TimeDomain::Processing => {
                        self.trigger.on_processing_time(due, window, state, &mut context)
                    }
                };
                self.act(result, entry, key, out)?;
                over = self.cleanup_time(&entry.window, domain) == Some(due);
            }
            if over {
                let KeyWindow { window, state, .. } = entry;
                self.trigger.clear(window, state);
                self.output.clear(key, window, self.progress)?;
            }
            if over || Self::is_as_new(entry) {
                of_key.windows.remove(place);
            } else {
                place += 1;
            }
        }
        Ok(())
    }

    /// Returns when the next timer of any window of a key is due.
    pub(super) fn next_timer_of(
        &self,
        of_key: &WindowsOf<T, A, G, C>,
        domain: TimeDomain,
    ) -> Option<Timestamp> {
        of_key.windows.iter().filter_map(|entry| self.next_timer(entry, domain)).min()
    }

    fn next_timer<S>(
        &self,
        entry: &KeyWindow<A::Window, C::Accumulator, S>,
        domain: TimeDomain,
    ) -> Option<Timestamp> {
        let timer = match domain {
            TimeDomain::Event => entry.timers.event.first(),
            TimeDomain::Processing => entry.timers.processing.first(),
        };
        earlier(timer, self.cleanup_time(&entry.window, domain))
    }

    /// Returns when a window is to be forgotten, by the clock of `domain`; `None` where never.
    fn cleanup_time(&self, window: &A::Window, domain: TimeDomain) -> Option<Timestamp> {
        let time = match self.domain {
            TimeDomain::Event => window.max_timestamp().saturating_add(self.allowed_lateness),
            TimeDomain::Processing => window.max_timestamp(),
        };
        (domain == self.domain && time < Timestamp::MAX).then_some(time)
    }

    fn is_over(&self, window: &A::Window) -> bool {
        self.domain == TimeDomain::Event
            && self
                .cleanup_time(window, TimeDomain::Event)
                .is_some_and(|time| time <= self.progress.watermark)
    }

    /// Returns whether the window could be made anew without a difference; one that is never
    /// forgotten must not stay for ever.
    fn is_as_new(entry: &KeyWindow<A::Window, C::Accumulator, G::State>) -> bool {
        entry.contents.is_none()
            && entry.window.max_timestamp() == Timestamp::MAX
            && entry.timers == WindowTimers::default()
            && entry.state == G::State::default()
    }

    fn act(
        &mut self,
        result: TriggerResult,
        entry: &mut KeyWindow<A::Window, C::Accumulator, G::State>,
        key: K::View<'_>,
        out: &mut Output,
    ) -> TaskResult {
        if result.is_fire()
            && let Some(contents) = &entry.contents
        {
            self.output.emit(key, &entry.window, self.progress, contents, out)?;
        }
        if result.is_purge() {
            entry.contents = None;
        }
        Ok(())
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

impl Progress {
    fn trigger_context<'a>(&self, timers: &'a mut WindowTimers) -> TriggerContext<'a> {
        TriggerContext::new(self.watermark, self.processing_time, timers)
    }
}

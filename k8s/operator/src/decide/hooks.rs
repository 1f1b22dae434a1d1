//! Hooks: what is done one after the other before an upgrade, after a start, before the deletion.

use super::{Decider, Defaults, HookSeen, Resource};
use crate::resources::{FailurePolicy, HookSpec, HooksSpec, Stage};

/// How long a hook may take where it doesn't say, in seconds.
const DEFAULT_TIMEOUT_SECONDS: i32 = 600;

/// The same for an HTTP call.
const DEFAULT_HTTP_TIMEOUT_SECONDS: i32 = 10;

/// How long after a failure a hook is tried again, in milliseconds.
const RETRY_MILLIS: i64 = 60_000;

/// Says when hooks are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookList {
    /// Before a job is stopped to be upgraded or suspended.
    BeforeUpgrade,
    /// After each start.
    AfterStart,
    /// Before a deleted resource's job is stopped.
    BeforeDeletion,
}

impl HookList {
    /// Returns a short name, for names of Jobs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BeforeUpgrade => "upgrade",
            Self::AfterStart => "start",
            Self::BeforeDeletion => "delete",
        }
    }

    fn of(self, hooks: &HooksSpec) -> &[HookSpec] {
        match self {
            Self::BeforeUpgrade => &hooks.before_upgrade,
            Self::AfterStart => &hooks.after_start,
            Self::BeforeDeletion => &hooks.before_deletion,
        }
    }
}

/// One run of a hook.
#[derive(Clone, Debug, PartialEq)]
pub struct HookRun {
    /// When.
    pub list: HookList,
    /// What.
    pub hook: HookSpec,
    /// Tells this run from others.
    pub run: i64,
    /// How long it may take, in seconds.
    pub timeout_seconds: i32,
    /// The image of containers that name none.
    pub image: String,
}

/// How a list of hooks stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hooks {
    /// All are done.
    Done,
    /// One goes on, or has failed and is tried again.
    Pending,
}

/// Returns the hook that a resource's status says is under way.
pub fn under_way(resource: &Resource, defaults: &Defaults) -> Option<HookRun> {
    let progress = &resource.status.progress;
    let list = match progress.stage {
        Some(Stage::BeforeUpgrade) => HookList::BeforeUpgrade,
        Some(Stage::BeforeDeletion) => HookList::BeforeDeletion,
        _ if progress.launched
            && progress.starts_hooks_for == progress.launches
            && !progress.started_hooks_done =>
        {
            HookList::AfterStart
        }
        _ => return None,
    };
    let model = resource.read(&resource.spec).ok().or_else(|| resource.deployed())?;
    let image = progress.image.as_ref().unwrap_or(&defaults.image);
    present(list, &model.hooks, progress.hooks_done, progress.hook_run, image)
}

/// Returns the hook of a list that is to be done now, and how.
fn present(list: HookList, hooks: &HooksSpec, done: i64, run: i64, image: &str) -> Option<HookRun> {
    let hook = list.of(hooks).get(usize::try_from(done).ok()?)?;
    let default =
        if hook.http.is_some() { DEFAULT_HTTP_TIMEOUT_SECONDS } else { DEFAULT_TIMEOUT_SECONDS };
    Some(HookRun {
        list,
        hook: hook.clone(),
        run,
        timeout_seconds: hook.timeout_seconds.unwrap_or(default),
        image: image.to_owned(),
    })
}

impl Decider<'_> {
    /// Begins with a list of hooks; returns whether there are any.
    pub(super) fn begin_hooks(&mut self, list: HookList, hooks: &HooksSpec) -> bool {
        if list.of(hooks).is_empty() {
            return false;
        }
        let progress = &mut self.status.progress;
        progress.hooks_done = 0;
        progress.hook_run += 1;
        progress.retry_at = None;
        true
    }

    /// Goes on with a list of hooks.
    pub(super) fn go_on_with_hooks(&mut self, list: HookList, hooks: &HooksSpec) -> Hooks {
        let image = self.launch().image;
        let progress = &self.status.progress;
        let before = &self.resource.status.progress;
        // What was seen is about the hook that was present before this decision.
        let is_seen =
            (before.hooks_done, before.hook_run) == (progress.hooks_done, progress.hook_run);
        let Some(run) = present(list, hooks, progress.hooks_done, progress.hook_run, &image) else {
            return Hooks::Done;
        };
        if let Some(at) = progress.retry_at {
            if self.seen.now < at {
                self.complain(format!(
                    "the hook '{}' failed; it is tried again within a minute",
                    run.hook.name
                ));
                return Hooks::Pending;
            }
            self.status.progress.retry_at = None;
            self.status.progress.hook_run += 1;
            let run = HookRun { run: self.status.progress.hook_run, ..run };
            self.actions.push(super::Action::Hook(Box::new(run)));
            return Hooks::Pending;
        }
        let hook_seen = if is_seen { self.seen.hook.clone() } else { HookSeen::NotBegun };
        let name = run.hook.name.clone();
        match hook_seen {
            HookSeen::NotBegun => {
                self.wait_for(format!("the hook '{name}'"));
                self.actions.push(super::Action::Hook(Box::new(run)));
                Hooks::Pending
            }
            HookSeen::Running => {
                self.wait_for(format!("the hook '{name}'"));
                Hooks::Pending
            }
            HookSeen::Succeeded => {
                self.tell("HookSucceeded", format!("the hook '{name}' succeeded"));
                self.next_hook(list, hooks)
            }
            HookSeen::Failed(reason) => {
                let message = format!("the hook '{name}' failed: {reason}");
                self.warn("HookFailed", message.clone());
                if run.hook.on_failure == Some(FailurePolicy::Ignore) {
                    return self.next_hook(list, hooks);
                }
                self.complain(message);
                self.status.progress.retry_at = Some(self.seen.now + RETRY_MILLIS);
                Hooks::Pending
            }
        }
    }

    fn next_hook(&mut self, list: HookList, hooks: &HooksSpec) -> Hooks {
        self.status.progress.hooks_done += 1;
        self.go_on_with_hooks(list, hooks)
    }
}

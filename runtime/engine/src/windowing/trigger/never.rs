//! Never fires.

use sciurus_core::Record;
use sciurus_core::time::Timestamp;

use super::{Trigger, TriggerContext, TriggerResult};
use crate::windowing::window::Window;

/// Never fires: what global windows do unless another trigger is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NeverTrigger;

impl<T: Record, W: Window> Trigger<T, W> for NeverTrigger {
    type State = ();

    fn on_element(
        &self,
        _: T::View<'_>,
        _: Option<Timestamp>,
        _: &W,
        (): &mut (),
        _: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        TriggerResult::Continue
    }

    fn can_merge(&self) -> bool {
        true
    }
}

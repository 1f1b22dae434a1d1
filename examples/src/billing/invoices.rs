//! What each user has to pay, minute by minute: a function with two kinds of state and timers.

use sciurus::prelude::*;

use super::click::{Click, ClickView};

const MINUTE_MS: Timestamp = 60_000;

/// What a user has to pay for the clicks of a minute.
#[derive(Debug, Clone, Record)]
pub struct Invoice {
    /// Who.
    pub user: i64,
    /// Which minute since the Unix epoch.
    pub minute: i64,
    /// Which of the user's invoices it is, from 1.
    pub number: i64,
    /// For how many clicks.
    pub clicks: i64,
    /// How much.
    pub cents: i64,
}

/// Adds up the clicks of each user, and writes an invoice when a minute is over.
///
/// Clicks may come in any order, so long as none comes behind its minute's end.
#[derive(Debug, Clone)]
pub struct Invoices {
    /// Invoices written so far.
    written: ValueState<i64>,
    /// Clicks and cents by minute.
    open: MapState<i64, (i64, i64)>,
}

impl Default for Invoices {
    fn default() -> Self {
        Self { written: ValueState::new("written"), open: MapState::new("open") }
    }
}

impl KeyedProcessFunction for Invoices {
    type Key = i64;
    type In = Click;
    type Out = Invoice;

    fn open(&mut self, ctx: &mut KeyedRuntimeContext<'_>) -> Result<(), BoxError> {
        ctx.register(&mut self.written)?;
        Ok(ctx.register(&mut self.open)?)
    }

    fn process_element(
        &mut self,
        click: ClickView<'_>,
        ctx: &mut KeyedContext<'_, i64>,
        _: &mut Collector<'_, Invoice>,
    ) -> Result<(), BoxError> {
        let minute = click.time / MINUTE_MS;
        let (clicks, cents) = self.open.get(ctx, &minute)?.unwrap_or_default();
        self.open.put(ctx, minute, (clicks + 1, cents + click.cents))?;
        let end = (minute + 1) * MINUTE_MS - 1;
        Ok(ctx.timer_service().register_event_time_timer(end)?)
    }

    fn on_timer(
        &mut self,
        timestamp: Timestamp,
        ctx: &mut OnTimerContext<'_, i64>,
        out: &mut Collector<'_, Invoice>,
    ) -> Result<(), BoxError> {
        let minute = timestamp / MINUTE_MS;
        let Some((clicks, cents)) = self.open.get(ctx, &minute)? else { return Ok(()) };
        self.open.remove(ctx, &minute)?;
        // Minutes end in order, so the numbers are the same each time.
        let number = self.written.value(ctx)?.unwrap_or(0) + 1;
        self.written.update(ctx, number)?;
        let user = ctx.current_key();
        out.collect(InvoiceView { user, minute, number, clicks, cents });
        Ok(())
    }
}

use sciurus::prelude::*;

#[derive(Clone)]
struct Late {
    tag: OutputTag<(String, i64)>,
}

impl ProcessFunction for Late {
    type In = String;
    type Out = i64;

    fn process_element(
        &mut self,
        word: &str,
        ctx: &mut Context<'_>,
        _: &mut Collector<'_, i64>,
    ) -> Result<(), BoxError> {
        ctx.output(&self.tag, (word, 1));
        ctx.output(&self.tag, word); //~ expected `(&str, i64)`, found `&str`
        ctx.timer_service().register_event_time_timer(1)?; //~ no method named `register_event_time_timer`
        Ok(())
    }
}

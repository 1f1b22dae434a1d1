use sciurus::prelude::*;

struct Unique;

impl ProcessFunction for Unique { //~ `Unique: Clone` is not satisfied
    type In = i64;
    type Out = i64;

    fn process_element(
        &mut self,
        n: i64,
        _: &mut Context<'_>,
        out: &mut Collector<'_, i64>,
    ) -> Result<(), BoxError> {
        out.collect(n);
        Ok(())
    }
}

use sciurus::prelude::*;

#[derive(Clone)]
struct Keyed;

impl KeyedProcessFunction for Keyed {
    type Key = String;
    type In = (String, i64);
    type Out = i64;

    fn process_element(
        &mut self,
        (_, n): (&str, i64),
        _: &mut KeyedContext<'_, String>,
        out: &mut Collector<'_, i64>,
    ) -> Result<(), BoxError> {
        out.collect(n);
        Ok(())
    }
}

#[derive(Clone)]
struct Plain;

impl ProcessFunction for Plain {
    type In = (String, i64);
    type Out = i64;

    fn process_element(
        &mut self,
        (_, n): (&str, i64),
        _: &mut Context<'_>,
        out: &mut Collector<'_, i64>,
    ) -> Result<(), BoxError> {
        out.collect(n);
        Ok(())
    }
}

fn processed(words: DataStream<(String, i64)>, numbers: DataStream<(i64, i64)>) {
    words.key_by(F0).process(Keyed);
    words.key_by(F1).process(Keyed); //~ `<Keyed as KeyedProcessFunction>::Key == i64`
    numbers.key_by(F0).process(Keyed); //~ `<Keyed as KeyedProcessFunction>::In == (i64, i64)`
    words.process(Keyed); //~ `Keyed` is no function over records without keys
    //~^ `key_by` gives the stream the keys that a `KeyedProcessFunction` needs
    words.key_by(F0).process(Plain); //~ `Plain` is no function over keyed records
    //~^ a `ProcessFunction` has no keys
}

//! Chooses and makes the operator of a windowed stream.

use std::any::{TypeId, type_name};
use std::sync::Arc;

use arrow_schema::Schema;
use sciurus_core::Record;
use sciurus_core::record::Field;
use sciurus_engine::exchange::KeyExtractorFactory;
use sciurus_engine::operator::{Operator, OperatorContext};
use sciurus_engine::windowing::assigner::WindowAssigner;
use sciurus_engine::windowing::contents::{ElementList, WindowContents};
use sciurus_engine::windowing::general::{WindowOperator, WindowOptions};
use sciurus_engine::windowing::output::{
    AllElements, KeyAndValue, Projection, Recomputed, RowOutput, WindowFunction, WindowOutput,
};
use sciurus_engine::windowing::sliced::{SlicedOptions, SlicedWindowOperator};
use sciurus_engine::windowing::trigger::Trigger;

use super::windowed_stream::WindowedStream;
use super::{KeyedStream, SingleOutputStreamOperator};

/// Windows, when they fire, and what becomes of late records.
#[derive(Clone)]
pub(super) struct WindowSettings<A, G> {
    pub(super) assigner: A,
    pub(super) trigger: G,
    pub(super) allowed_lateness: i64,
    pub(super) late_tag: Option<Arc<str>>,
    /// How many records of a window its function is given, the last ones; all where `None`.
    pub(super) last: Option<usize>,
}

impl<A, G> WindowSettings<A, G> {
    fn general(self) -> WindowOptions<A, G> {
        let Self { assigner, trigger, allowed_lateness, late_tag, .. } = self;
        WindowOptions { assigner, trigger, allowed_lateness, late_tag }
    }

    /// Returns how to cut the windows into slices, where they can be: they are the same for all
    /// keys, fire as they do by default and give their function all records.
    fn sliced<T>(&self) -> Option<SlicedOptions>
    where
        T: Record,
        A: WindowAssigner<T>,
        G: 'static,
    {
        let by_default = TypeId::of::<G>() == TypeId::of::<A::DefaultTrigger>();
        let slicing = self.assigner.slicing().filter(|_| by_default && self.last.is_none())?;
        Some(SlicedOptions {
            slicing,
            domain: self.assigner.time_domain(),
            allowed_lateness: self.allowed_lateness,
            late_tag: self.late_tag.clone(),
        })
    }
}

/// What an operator made of parts is boxed as.
type Made = Box<dyn Operator>;

impl<T, K, A, G> WindowedStream<T, K, A, G>
where
    T: Record,
    K: Record,
    A: WindowAssigner<T>,
    G: Trigger<T, A::Window>,
{
    /// Adds the operator of a function that is given what `projection` makes of `contents`, which
    /// records are added to as they come.
    pub(super) fn incremental<C, P, F>(
        &self,
        function_name: &str,
        contents: C,
        projection: P,
        function: F,
    ) -> SingleOutputStreamOperator<F::Output>
    where
        C: WindowContents<T>,
        P: Projection<C::Accumulator> + Clone + Send + Sync + 'static,
        F: WindowFunction<K, A::Window, P::Item> + Clone + Send + Sync + 'static,
    {
        let settings = self.settings.clone();
        let extractor = self.stream.extractor.clone();
        self.operator(function_name, move |context| {
            let (contents, function) = (contents.clone(), function.clone());
            let (projection, limits) = (projection.clone(), context.limits);
            if let Some(options) = settings.sliced() {
                let output = RowOutput::<_, _, F::Output>::new(projection, function, limits);
                return sliced::<T, K, A::Window, _, _>(
                    options, &extractor, contents, output, context,
                );
            }
            let Some(last) = settings.last else {
                let output = RowOutput::<_, _, F::Output>::new(projection, function, limits);
                return general::<T, K, _, _, _, _>(
                    settings.clone(),
                    &extractor,
                    contents,
                    output,
                    context,
                );
            };
            let recomputed = Recomputed::new(contents, projection);
            let output = RowOutput::<_, _, F::Output>::new(recomputed, function, limits);
            let contents = ElementList::last(last);
            general::<T, K, _, _, _, _>(settings.clone(), &extractor, contents, output, context)
        })
    }

    /// Adds the operator of a function that is given all records.
    pub(super) fn full<F>(
        &self,
        function_name: &str,
        function: F,
    ) -> SingleOutputStreamOperator<F::Output>
    where
        F: WindowFunction<K, A::Window, T> + Clone + Send + Sync + 'static,
    {
        let settings = self.settings.clone();
        let extractor = self.stream.extractor.clone();
        self.operator(function_name, move |context| {
            let output =
                RowOutput::<_, _, F::Output>::new(AllElements, function.clone(), context.limits);
            // Lists of records are not worth sharing between windows.
            let tumbling = settings.sliced().filter(|options| options.slicing.is_tumbling());
            if let Some(options) = tumbling {
                let contents = ElementList::all();
                return sliced::<T, K, A::Window, _, _>(
                    options, &extractor, contents, output, context,
                );
            }
            let contents = settings.last.map_or_else(ElementList::all, ElementList::last);
            general::<T, K, _, _, _, _>(settings.clone(), &extractor, contents, output, context)
        })
    }

    /// Adds the operator of an aggregate of one field, where records are nothing but the key's
    /// fields and this one, and windows are cut into slices.
    pub(super) fn columnar<F, C>(
        &self,
        function_name: &str,
        field: F,
        contents: C,
    ) -> Option<SingleOutputStreamOperator<T>>
    where
        F: Field<T>,
        C: WindowContents<T, Accumulator = F::Type>,
    {
        let _ = field;
        let options = self.settings.sliced::<T>()?;
        let schema = Arc::new(Schema::new(T::fields()));
        let key_columns = self.stream.key_columns.clone();
        let is_covered = |index| index == F::INDEX || key_columns.contains(&index);
        if !(0..schema.fields().len()).all(is_covered) || key_columns.contains(&F::INDEX) {
            return None;
        }
        let extractor = self.stream.extractor.clone();
        Some(self.operator(function_name, move |context| {
            let (schema, key_columns) = (schema.clone(), key_columns.clone());
            let output = KeyAndValue::<K, F::Type>::new(schema, key_columns, context.limits);
            let (options, contents) = (options.clone(), contents.clone());
            sliced::<T, K, A::Window, _, _>(options, &extractor, contents, output, context)
        }))
    }

    fn operator<O: Record>(
        &self,
        function_name: &str,
        make: impl Fn(&OperatorContext) -> Made + Send + Sync + 'static,
    ) -> SingleOutputStreamOperator<O> {
        let assigner = self.settings.assigner.to_string();
        let name = assigner.split('(').next().unwrap_or("Window");
        let evictor = self.settings.last.map(|last| format!(", CountEvictor({last})"));
        let description = format!(
            "Window({assigner}, {}{}, {function_name})",
            short_name(type_name::<G>()),
            evictor.unwrap_or_default(),
        );
        let stream: &KeyedStream<T, K> = &self.stream;
        stream
            .transform(name, move |context: &OperatorContext| Ok(make(context)))
            .set_description(&description)
    }
}

fn sliced<T, K, W, C, O>(
    options: SlicedOptions,
    extractor: &Arc<dyn KeyExtractorFactory>,
    contents: C,
    output: O,
    context: &OperatorContext,
) -> Made
where
    T: Record,
    K: Record,
    W: sciurus_engine::windowing::window::Window,
    C: WindowContents<T>,
    O: WindowOutput<K, W, C::Accumulator> + 'static,
{
    let extractor = extractor.create();
    Box::new(SlicedWindowOperator::<T, K, W, C, O>::new(
        options, extractor, contents, output, context,
    ))
}

fn general<T, K, A, G, C, O>(
    settings: WindowSettings<A, G>,
    extractor: &Arc<dyn KeyExtractorFactory>,
    contents: C,
    output: O,
    context: &OperatorContext,
) -> Made
where
    T: Record,
    K: Record,
    A: WindowAssigner<T>,
    G: Trigger<T, A::Window>,
    C: WindowContents<T>,
    O: WindowOutput<K, A::Window, C::Accumulator> + 'static,
{
    let extractor = extractor.create();
    let options = settings.general();
    Box::new(WindowOperator::<T, K, A, G, C, O>::new(options, extractor, contents, output, context))
}

/// Returns the name of a type without the modules it is in.
fn short_name(name: &str) -> String {
    let mut short = String::new();
    for part in name.split_inclusive(['<', '>', ',', ' ']) {
        short.push_str(part.rsplit("::").next().unwrap_or(part));
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_named_without_their_modules() {
        assert_eq!(short_name("a::b::Purging<c::Count>"), "Purging<Count>");
        assert_eq!(short_name("Trigger"), "Trigger");
    }
}

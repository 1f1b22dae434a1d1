//! What an operator emits into: the operators chained behind it and the exchanges to other tasks.

use std::sync::Arc;

use sciurus_core::Batch;
use sciurus_core::element::{StreamElement, WatermarkStatus};
use sciurus_core::time::Timestamp;

use crate::error::{TaskError, TaskResult};
use crate::exchange::RecordWriter;
use crate::metrics::OperatorMetrics;
use crate::operator::{Operator, OperatorContext};
use crate::operator_order::OrderChecked;
use crate::task::panics;
use crate::watermark::WatermarkChange;
use crate::watermark::combined::CombinedWatermark;

/// The receivers of one operator's output.
pub struct Output {
    edges: Vec<OutputEdge>,
    sides: Vec<(Arc<str>, Vec<OutputEdge>)>,
    metrics: Arc<OperatorMetrics>,
}

/// One receiver.
pub enum OutputEdge {
    /// An operator of the same task.
    Chained(Box<OperatorNode>),
    /// Other tasks.
    Exchange(RecordWriter),
}

impl OutputEdge {
    fn send(&mut self, element: StreamElement) -> TaskResult {
        match self {
            Self::Chained(node) => node.process(0, element),
            Self::Exchange(writer) => writer.emit(element),
        }
    }
}

impl Output {
    /// Makes an output without receivers.
    pub fn new(metrics: Arc<OperatorMetrics>) -> Self {
        Self { edges: Vec::new(), sides: Vec::new(), metrics }
    }

    /// Adds a receiver of the main output, or of the side output `tag`.
    pub fn add_edge(&mut self, tag: Option<&str>, edge: OutputEdge) {
        match tag {
            None => self.edges.push(edge),
            Some(tag) => match self.sides.iter_mut().find(|(name, _)| **name == *tag) {
                Some((_, edges)) => edges.push(edge),
                None => self.sides.push((tag.into(), vec![edge])),
            },
        }
    }

    /// Emits rows; an empty batch is dropped.
    ///
    /// # Errors
    /// What a chained operator or an exchange reports.
    #[inline]
    pub fn emit(&mut self, batch: Batch) -> TaskResult {
        if batch.is_empty() {
            return Ok(());
        }
        self.metrics.records_out.add(batch.len() as u64);
        send_to_all(&mut self.edges, StreamElement::Batch(batch))
    }

    /// Emits rows into the side output `tag`; they are dropped where nobody reads it.
    ///
    /// # Errors
    /// What a chained operator or an exchange reports.
    pub fn emit_side(&mut self, tag: &str, batch: Batch) -> TaskResult {
        if batch.is_empty() {
            return Ok(());
        }
        match self.sides.iter_mut().find(|(name, _)| **name == *tag) {
            Some((_, edges)) => {
                self.metrics.records_out.add(batch.len() as u64);
                send_to_all(edges, StreamElement::Batch(batch))
            }
            None => Ok(()),
        }
    }

    /// Returns whether somebody reads the side output `tag`.
    pub fn has_side(&self, tag: &str) -> bool {
        self.sides.iter().any(|(name, _)| **name == *tag)
    }

    /// Emits a watermark into all outputs.
    ///
    /// # Errors
    /// What a chained operator or an exchange reports.
    pub fn emit_watermark(&mut self, watermark: Timestamp) -> TaskResult {
        self.metrics.output_watermark.set(watermark);
        self.emit_control(&StreamElement::Watermark(watermark))
    }

    /// Emits a watermark, a status or the end of the input into all outputs.
    ///
    /// # Errors
    /// What a chained operator or an exchange reports.
    pub fn emit_control(&mut self, element: &StreamElement) -> TaskResult {
        self.all_edges().try_for_each(|edge| edge.send(element.clone()))
    }

    /// Returns whether every exchange behind this operator has credit and every operator chained
    /// behind it can take rows.
    pub fn is_available(&self) -> bool {
        self.edges.iter().chain(self.sides.iter().flat_map(|(_, edges)| edges)).all(|edge| {
            match edge {
                OutputEdge::Chained(node) => node.is_available(),
                OutputEdge::Exchange(writer) => writer.is_available(),
            }
        })
    }

    /// Opens every operator chained behind this one, the last of a chain first.
    ///
    /// # Errors
    /// The first failure; the operators before it stay unopened.
    pub fn open(&mut self) -> TaskResult {
        self.all_edges().try_for_each(|edge| match edge {
            OutputEdge::Chained(node) => node.open_chain(),
            OutputEdge::Exchange(_) => Ok(()),
        })
    }

    /// Closes every operator chained behind this one, the last of a chain first.
    ///
    /// # Errors
    /// The first failure; it keeps no other operator from being closed.
    pub fn close(&mut self) -> TaskResult {
        let mut first = Ok(());
        for edge in self.all_edges() {
            if let OutputEdge::Chained(node) = edge {
                first = first.and(node.close_chain());
            }
        }
        first
    }

    /// Calls `visit` with every exchange behind this operator.
    ///
    /// # Errors
    /// What `visit` returned.
    pub fn try_for_each_writer(
        &mut self,
        visit: &mut impl FnMut(&mut RecordWriter) -> TaskResult,
    ) -> TaskResult {
        self.all_edges().try_for_each(|edge| match edge {
            OutputEdge::Chained(node) => node.output.try_for_each_writer(visit),
            OutputEdge::Exchange(writer) => visit(writer),
        })
    }

    /// Calls `visit` with every operator chained behind this one, nearest first.
    ///
    /// # Errors
    /// What `visit` returned.
    pub fn try_for_each_node(
        &mut self,
        visit: &mut impl FnMut(&mut OperatorNode) -> TaskResult,
    ) -> TaskResult {
        self.all_edges().try_for_each(|edge| match edge {
            OutputEdge::Chained(node) => {
                visit(node)?;
                node.output.try_for_each_node(visit)
            }
            OutputEdge::Exchange(_) => Ok(()),
        })
    }

    fn all_edges(&mut self) -> impl Iterator<Item = &mut OutputEdge> {
        self.edges.iter_mut().chain(self.sides.iter_mut().flat_map(|(_, edges)| edges))
    }
}

fn send_to_all(edges: &mut [OutputEdge], element: StreamElement) -> TaskResult {
    let Some((last, others)) = edges.split_last_mut() else { return Ok(()) };
    others.iter_mut().try_for_each(|edge| edge.send(element.clone()))?;
    last.send(element)
}

/// An operator with its output, in its place in a task.
pub struct OperatorNode {
    /// Where the operator runs.
    pub context: OperatorContext,
    operator: Box<dyn Operator>,
    /// What it emits into.
    pub output: Output,
    watermarks: CombinedWatermark,
    open_inputs: usize,
}

impl OperatorNode {
    /// Puts an operator with `inputs` inputs (1 or 2) in its place.
    pub fn new(
        context: OperatorContext,
        operator: Box<dyn Operator>,
        output: Output,
        inputs: usize,
    ) -> Self {
        let operator: Box<dyn Operator> =
            if cfg!(debug_assertions) { Box::new(OrderChecked::new(operator)) } else { operator };
        Self {
            context,
            operator,
            output,
            watermarks: CombinedWatermark::new(inputs),
            open_inputs: inputs,
        }
    }

    /// Returns whether this operator and all that is behind it can take more rows.
    pub fn is_available(&self) -> bool {
        self.operator.is_available() && self.output.is_available()
    }

    /// Opens the operator.
    ///
    /// # Errors
    /// What the operator reports, with its name.
    pub fn open(&mut self) -> TaskResult {
        let opened = panics::catch(|| self.operator.open(&self.context));
        opened.map_err(|error| error.in_operator(&self.context.name))
    }

    /// Opens the operators chained behind this one and then this one, so that what it emits finds
    /// them ready.
    ///
    /// # Errors
    /// The first failure, with the operator's name.
    pub fn open_chain(&mut self) -> TaskResult {
        self.output.open()?;
        self.open()
    }

    /// Closes the operators chained behind this one and then this one.
    ///
    /// # Errors
    /// The first failure, with the operator's name; it keeps no other from being closed.
    pub fn close_chain(&mut self) -> TaskResult {
        let behind = self.output.close();
        behind.and(self.close())
    }

    /// Processes one element of input `input`.
    ///
    /// # Errors
    /// What the operator or one behind it reports, with the operator's name.
    pub fn process(&mut self, input: usize, element: StreamElement) -> TaskResult {
        panics::catch(|| self.dispatch(input, element))
            .map_err(|error| error.in_operator(&self.context.name))
    }

    fn dispatch(&mut self, input: usize, element: StreamElement) -> TaskResult {
        match element {
            StreamElement::Batch(batch) => {
                self.context.metrics.records_in.add(batch.len() as u64);
                self.operator.process_batch(input, batch, &mut self.output)
            }
            StreamElement::Watermark(watermark) => {
                let change = self.watermarks.on_watermark(input, watermark);
                self.apply(change)
            }
            StreamElement::WatermarkStatus(status) => {
                let change = self.watermarks.on_status(input, status);
                self.apply(change)
            }
            StreamElement::Barrier(_) => {
                Err(TaskError::Defect("a barrier reaches an operator as an element"))
            }
            StreamElement::EndOfPartition => {
                self.output.emit_control(&StreamElement::EndOfPartition)
            }
            StreamElement::EndOfInput => {
                let Some(open_inputs) = self.open_inputs.checked_sub(1) else {
                    return Err(TaskError::Defect("more inputs end than there are"));
                };
                self.open_inputs = open_inputs;
                // As in Flink, event time ends before the input does.
                let change = self.watermarks.on_end(input);
                self.apply(change)?;
                self.operator.end_input(input, &mut self.output)?;
                if open_inputs > 0 {
                    return Ok(());
                }
                self.operator.finish(&mut self.output)?;
                self.output.emit_control(&StreamElement::EndOfInput)
            }
        }
    }

    /// Hands the operator what changes: active before the watermark, idle after it, so that a
    /// watermark never comes from where all is idle.
    fn apply(&mut self, change: WatermarkChange) -> TaskResult {
        let WatermarkChange { watermark, status } = change;
        if status == Some(WatermarkStatus::Active) {
            self.operator.process_watermark_status(WatermarkStatus::Active, &mut self.output)?;
        }
        if let Some(watermark) = watermark {
            self.context.metrics.input_watermark.set(watermark);
            self.operator.process_watermark(watermark, &mut self.output)?;
        }
        if status == Some(WatermarkStatus::Idle) {
            self.operator.process_watermark_status(WatermarkStatus::Idle, &mut self.output)?;
        }
        Ok(())
    }

    /// Returns when the operator wants to be called next.
    pub fn next_processing_time(&self) -> Option<Timestamp> {
        // What an operator that has finished emits would follow the end of its output.
        if self.open_inputs == 0 { None } else { self.operator.next_processing_time() }
    }

    /// Tells the operator the processing time where it asked for that.
    ///
    /// # Errors
    /// What the operator or one behind it reports, with the operator's name.
    pub fn on_processing_time(&mut self, now: Timestamp) -> TaskResult {
        if self.next_processing_time().is_some_and(|due| due <= now) {
            return panics::catch(|| self.operator.on_processing_time(now, &mut self.output))
                .map_err(|error| error.in_operator(&self.context.name));
        }
        Ok(())
    }

    /// Closes the operator.
    ///
    /// # Errors
    /// What the operator reports, with its name.
    pub fn close(&mut self) -> TaskResult {
        let closed = panics::catch(|| self.operator.close());
        closed.map_err(|error| error.in_operator(&self.context.name))
    }
}

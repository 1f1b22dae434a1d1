//! What an operator emits into: the operators chained behind it and the exchanges to other tasks.

use std::sync::Arc;

use sciurus_core::Batch;
use sciurus_core::checkpoint::CheckpointBarrier;
use sciurus_core::element::StreamElement;
use sciurus_core::time::Timestamp;

use crate::checkpoint::OperatorPart;
use crate::error::TaskResult;
use crate::exchange::RecordWriter;
use crate::metrics::OperatorMetrics;
pub use crate::operator_node::OperatorNode;

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

    /// Emits a watermark, a status, the end of the input or of the channels into all outputs.
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

    /// Lets a checkpoint's barrier go on: to other tasks at once, then through the operators chained
    /// behind this one, which put their parts into `parts`.
    ///
    /// # Errors
    /// What an operator or an exchange reports.
    pub fn checkpoint(
        &mut self,
        barrier: &CheckpointBarrier,
        parts: &mut Vec<OperatorPart>,
    ) -> TaskResult {
        for edge in self.all_edges() {
            if let OutputEdge::Exchange(writer) = edge {
                writer.emit(StreamElement::Barrier(barrier.clone()))?;
            }
        }
        self.all_edges().try_for_each(|edge| match edge {
            OutputEdge::Chained(node) => node.checkpoint(barrier, parts),
            OutputEdge::Exchange(_) => Ok(()),
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

//! Window operators, compared with a model that does what their definition says, window by window
//! and record by record.

mod general;
mod harness;
mod input;
mod model;
mod sliced;

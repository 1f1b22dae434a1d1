//! Decisions, alone and in a simulated world.

mod scenes;
mod simulation;
mod world;

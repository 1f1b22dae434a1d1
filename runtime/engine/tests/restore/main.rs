//! Every operator that has state is restored at other parallelisms, in the midst of its input, and
//! comes to the same results as without.

mod drive;
mod functions;
mod table;
mod windows;

//! Panics of user code, turned into errors.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

use crate::error::{TaskError, TaskResult};

thread_local! {
    /// How many calls of [`catch`] are under way on this thread.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// Where the last caught panic of this thread happened.
    static PLACE: RefCell<Option<(String, Option<String>)>> = const { RefCell::new(None) };
}

/// Calls `f` and returns its panic as [`TaskError::Panic`], with message and place.
///
/// Panics that are caught are not printed: they become failures of their job, which are. What `f`
/// has borrowed may be left half changed; after a failure only `close` follows, which copes.
///
/// # Errors
/// What `f` returns, or its panic.
pub fn catch<R>(f: impl FnOnce() -> TaskResult<R>) -> TaskResult<R> {
    keep_quiet();
    DEPTH.set(DEPTH.get() + 1);
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    DEPTH.set(DEPTH.get() - 1);
    result.unwrap_or_else(|panic| Err(to_error(&*panic)))
}

/// Sees to it that caught panics aren't printed; others are, as ever.
fn keep_quiet() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if DEPTH.try_with(Cell::get).unwrap_or(0) == 0 {
                print(info);
            } else {
                note_place(info);
            }
        }));
    });
}

fn note_place(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let backtrace = Backtrace::capture();
    let is_captured = backtrace.status() == BacktraceStatus::Captured;
    let noted = (place, is_captured.then(|| backtrace.to_string()));
    // Where even this fails the panic goes without a place.
    let _ = PLACE.try_with(|place| place.try_borrow_mut().map(|mut place| *place = Some(noted)));
}

fn to_error(panic: &(dyn Any + Send)) -> TaskError {
    let message = panic
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned());
    let (place, backtrace) = PLACE.take().unwrap_or_default();
    TaskError::Panic { message, place, backtrace: backtrace.map(Into::into) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(f: impl FnOnce()) -> String {
        let caught = catch(|| {
            f();
            Ok(())
        });
        caught.unwrap_err().to_string()
    }

    #[test]
    fn a_panic_is_an_error_with_message_and_place() {
        let here = format!("{}:{}:", file!(), line!() + 1);
        let error = text(|| panic!("seven {}", 7));
        assert!(error.starts_with("panicked: seven 7, at "), "{error}");
        assert!(error.contains(&here), "{error}");
    }

    #[test]
    fn the_innermost_catch_has_it() {
        let outer = catch(|| {
            assert!(text(|| panic!("inner")).contains("inner"));
            Ok(7)
        });
        assert_eq!(outer.ok(), Some(7));
    }

    #[test]
    fn whatever_is_thrown_is_caught() {
        let error = text(|| panic::panic_any(7));
        assert!(error.starts_with("panicked: a panic without a message, at "), "{error}");
        // A thrown value that no hook sees has no place.
        let error = text(|| panic::resume_unwind(Box::new("silent")));
        assert_eq!(error, "panicked: silent");
    }
}

//! Runs tests one after the other, between the start and the end of the cluster.

use std::env;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

use crate::kubernetes::Kubernetes;

/// A test on the cluster.
#[derive(Debug, Clone, Copy)]
pub struct Test {
    name: &'static str,
    body: fn(&'static Kubernetes),
    on_testbed: bool,
}

impl Test {
    /// A test with its name, see [`test!`](crate::test).
    pub const fn new(name: &'static str, body: fn(&'static Kubernetes)) -> Self {
        Self { name, body, on_testbed: false }
    }

    /// Marks a test that breaks nodes or the control plane: on another cluster than the test bed it
    /// is skipped.
    #[must_use]
    pub const fn on_testbed(self) -> Self {
        Self { on_testbed: true, ..self }
    }

    fn trial(self, runs: bool) -> Trial {
        Trial::test(self.name, move || {
            panic::catch_unwind(AssertUnwindSafe(|| (self.body)(Kubernetes::get())))
                .map_err(|panic| Failed::from(message(&*panic)))
        })
        .with_ignored_flag(!runs)
    }
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}

/// Names a test after its function and module: `test!(word_count)`.
#[macro_export]
macro_rules! test {
    ($function:ident) => {
        $crate::Test::new(concat!(module_path!(), "::", stringify!($function)), $function)
    };
}

/// Runs tests as the test runner's arguments say, and prints why where they can't run.
pub fn run(tests: impl IntoIterator<Item = Test>) -> ExitCode {
    if env::var_os("SCIURUS_E2E").is_none() {
        eprintln!("tests on Kubernetes are run by `make k8s-test`");
        return ExitCode::SUCCESS;
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let tests: Vec<Test> = tests.into_iter().collect();
    let cluster =
        if arguments.list { Err("they are listed only".to_owned()) } else { Kubernetes::try_get() };
    let has_testbed = cluster.as_ref().is_ok_and(|cluster| cluster.testbed().is_some());
    let trials = tests
        .into_iter()
        .map(|test| test.trial(cluster.is_ok() && (has_testbed || !test.on_testbed)))
        .collect();
    if let Err(why) = &cluster {
        eprintln!("tests on Kubernetes are skipped: {why}");
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Some(testbed) = Kubernetes::started().and_then(Kubernetes::testbed) {
        testbed.down();
    }
    conclusion.exit_code()
}

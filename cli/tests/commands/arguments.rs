//! What needs no cluster.

use std::os::unix::fs::symlink;
use std::process::Command;

use crate::support::{examples, run, sciurus};

#[test]
fn without_a_cluster_a_command_says_where_it_looked_and_how_to_start_one() {
    let listed = run(sciurus().args(["list", "-m", "localhost:1"]));
    assert_eq!(listed.code, Some(1));
    let expected = "error: cannot reach a JobManager at http://localhost:1: ";
    assert!(listed.stderr.starts_with(expected), "{}", listed.stderr);
    assert!(listed.stderr.contains("by 'sciurus cluster start'"), "{}", listed.stderr);
}

#[test]
fn a_host_that_nobody_knows_is_told_like_one_that_does_not_answer() {
    let listed = run(sciurus().args(["list", "-m", "nobody.invalid:1"]));
    assert_eq!(listed.code, Some(1));
    let expected = "error: cannot reach a JobManager at http://nobody.invalid:1: ";
    assert!(listed.stderr.starts_with(expected), "{}", listed.stderr);
}

#[test]
fn a_directory_is_no_package() {
    let directory = tempfile::tempdir().unwrap();
    let ended = run(sciurus().args(["run", "-m", "localhost:1"]).arg(directory.path()));
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains(" is a directory: name a job's executable"), "{}", ended.stderr);
}

#[test]
fn wrong_arguments_end_with_2_and_say_what_is_right() {
    for (arguments, part) in [
        (&["list", "--nonsense"][..], "unexpected argument '--nonsense'"),
        (&["cancel", "xyz"], "Cannot parse JobID from \"xyz\". The expected format is "),
        (&["run"], "<PACKAGE>"),
        (&["cluster", "start", "--slots", "0"], "0 is not in 1.."),
        (&["lst"], "unrecognized subcommand 'lst'"),
    ] {
        let ended = run(sciurus().args(arguments));
        assert_eq!(ended.code, Some(2), "{arguments:?}");
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    }
}

#[test]
fn a_missing_package_is_told_in_flinks_words() {
    let ended = run(sciurus().args(["run", "-m", "localhost:1", "/nope.jar"]));
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.stderr, "error: JAR file does not exist: /nope.jar\n");
}

#[test]
fn options_of_flinks_that_mean_nothing_here_are_let_pass_with_a_warning() {
    let arguments = ["run", "-t", "remote", "-C", "file:///x.jar", "-z", "ns", "-m", "localhost:1"];
    let package = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let ended = run(sciurus().args(arguments).arg(package));
    assert_eq!(ended.code, Some(1));
    for part in ["--target remote has", "--classpath has", "--zookeeperNamespace has"] {
        assert!(ended.stderr.contains(&format!("warning: {part} no effect")), "{}", ended.stderr);
    }
}

#[test]
fn settings_that_cannot_be_used_are_told_all_at_once() {
    let ended = run(sciurus().args(["list", "-Drest.port=x", "-Dclient.timeout=soon"]));
    assert_eq!(ended.code, Some(1));
    for part in ["rest.port: 'x'", "client.timeout: 'soon'"] {
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    }
}

#[test]
fn a_configuration_file_that_makes_no_sense_is_named_with_the_line() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("config.yaml"), "rest:\n  port: [1\n").unwrap();
    let ended = run(sciurus().arg("list").env("FLINK_CONF_DIR", directory.path()));
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("config.yaml, line "), "{}", ended.stderr);
}

#[test]
fn the_executables_name_chooses_the_manager() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("taskmanager");
    symlink(env!("CARGO_BIN_EXE_sciurus"), &link).unwrap();
    let help = run(Command::new(link).arg("--help"));
    assert!(help.stdout.contains("Usage: sciurus taskmanager"), "{help:?}");
}

#[test]
fn a_package_is_made_of_executables() {
    let directory = tempfile::tempdir().unwrap();
    let package = directory.path().join("job.jar");
    let mut command = sciurus();
    command.arg("package").arg(examples()).args(["-c", "word_count", "-o"]).arg(&package);
    let made = run(&mut command);
    assert_eq!(made.code, Some(0), "{made:?}");
    assert!(made.stdout.contains("job.jar for linux-"), "{made:?}");
    assert!(std::fs::read(&package).unwrap().starts_with(b"PK"));
    let text = directory.path().join("text");
    std::fs::write(&text, "no executable").unwrap();
    let refused = run(sciurus().arg("package").arg(&text).arg("-o").arg(&package));
    assert_eq!(refused.code, Some(1));
    let expected = format!("error: {}: ", text.display());
    assert!(refused.stderr.starts_with(&expected), "{}", refused.stderr);
}

#[test]
fn completions_are_there_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(sciurus().args(["completions", shell]));
        assert_eq!(script.code, Some(0));
        assert!(script.stdout.contains("taskmanager"), "{shell}");
    }
}

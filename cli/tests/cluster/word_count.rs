//! A job on several TaskManagers gives what it gives embedded.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{cluster, executables};

/// Writes text of about so many bytes: the words of a small vocabulary in an order that repeats
/// late.
pub fn write_text(path: &Path, bytes: usize) {
    let words: Vec<String> = (0..5_000_u32).map(|n| format!("w{:x}", n * 7_919 % 65_537)).collect();
    let mut text = String::with_capacity(bytes + 100);
    let mut state = 1_u64;
    while text.len() < bytes {
        for _ in 0..8 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
            text.push_str(&words[(state >> 33) as usize % words.len()]);
            text.push(' ');
        }
        text.push('\n');
    }
    fs::write(path, text).unwrap();
}

/// The lines of all finished files of a folder, sorted.
pub fn lines_of(folder: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.file_name().unwrap().to_str().unwrap().starts_with('.') {
                let text = fs::read_to_string(path).unwrap();
                lines.extend(text.lines().map(str::to_owned));
            }
        }
    }
    lines.sort_unstable();
    lines
}

/// What the word count of a file gives embedded.
pub fn embedded(input: &Path, folder: &Path) -> Vec<String> {
    let status = Command::new(executables().examples)
        .args(["word_count", "-q", "-p", "2", "--input"])
        .args([input, Path::new("--output"), folder])
        .status()
        .unwrap();
    assert!(status.success());
    lines_of(folder)
}

#[test]
fn three_task_managers_give_the_embedded_run_s_result() {
    let cluster = cluster(3, 2);
    let (input, output) = (cluster.folder().join("text"), cluster.folder().join("output"));
    write_text(&input, 4 << 20);
    let expected = embedded(&input, &cluster.folder().join("expected"));
    let job = cluster.submit(
        &["-p", "6"],
        &["word_count", "--input", input.to_str().unwrap(), "--output", output.to_str().unwrap()],
    );
    cluster.wait_for_state(&job, "FINISHED");
    let lines = lines_of(&output);
    assert_eq!(lines.len(), expected.len());
    assert!(lines == expected, "the results differ");

    let details = cluster.get(&format!("/jobs/{job}"));
    let vertices = details["vertices"].as_array().unwrap();
    assert!(vertices.iter().all(|vertex| vertex["parallelism"] == 6), "{details:#}");
    for vertex in vertices {
        let path = format!("/jobs/{job}/vertices/{}/taskmanagers", vertex["id"].as_str().unwrap());
        let used = cluster.get(&path);
        assert_eq!(used["taskmanagers"].as_array().unwrap().len(), 3, "{used:#}");
    }
    cluster.wait_until_idle();
}

#[test]
fn an_attached_run_shows_the_job_s_end() {
    let cluster = cluster(1, 2);
    let examples = executables().examples;
    let examples = examples.to_str().unwrap();
    let output = cluster.command("run", &["-p", "2", examples, "word_count", "--discard"]);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}");
    assert!(stdout.contains("Job has been submitted with JobID "), "{stdout}");
    assert!(stdout.contains("Program execution finished"), "{stdout}");
}

//! What the entrypoint does with its arguments.

use sciurus_harness::LONG;

use crate::container::Image;

/// The exit code and all output of a container that ends by itself.
fn run(image: &Image, arguments: &[&str]) -> (Option<i32>, String) {
    let mut container = image.container(arguments).start();
    let status = container.wait(LONG);
    (status.code(), container.output())
}

#[test]
fn flinks_verbs_are_understood_or_refused_with_the_reason() {
    let Some(image) = Image::get() else { return };
    for (arguments, code, expected) in [
        (&[][..], 0, "Usage: docker-entrypoint.sh (jobmanager|"),
        (&["help"], 0, "Usage: docker-entrypoint.sh (jobmanager|"),
        (&["history-server"], 1, "there is no history server"),
        (
            &["bash", "-c", "kubernetes-jobmanager.sh kubernetes-session -Da=b"],
            1,
            "kubernetes-jobmanager.sh kubernetes-session: native Kubernetes mode isn't supported yet",
        ),
        (&["bash", "-c", "echo $HOME"], 127, "there is no bash: the image has no shell"),
        (&["flink", "--version"], 0, "sciurus 0"),
        (&["sciurus-examples", "WordCount", "--help"], 0, "Counts the words of a text"),
        (&["sleep", "0.01"], 0, ""),
        (&["jobmanager", "--nonsense"], 2, "--nonsense"),
    ] {
        let (found, output) = run(image, arguments);
        assert_eq!(found, Some(code), "{arguments:?}: {output}");
        assert!(output.contains(expected), "{arguments:?}: {output}");
    }
}

#[test]
fn every_example_package_names_a_job_that_is_there() {
    let Some(image) = Image::get() else { return };
    for (name, class) in sciurus_image::flink::PACKAGES {
        for job in std::iter::once(name.to_owned()).chain(class.map(|class| format!("x.{class}"))) {
            let (code, output) = run(image, &["sciurus-examples", &job, "--help"]);
            assert_eq!(code, Some(0), "{job}: {output}");
        }
    }
}

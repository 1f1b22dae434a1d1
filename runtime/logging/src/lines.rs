//! The form of a log's lines.

use std::env;

use json_subscriber::JsonLayer;
use sciurus_core::config::options::log::LogFormat;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::time::SystemTime;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

/// The environment's name for the form in which a job's process logs; its manager sets it.
pub const FORMAT_VARIABLE: &str = "SCIURUS_LOG_FORMAT";

/// What Kubernetes sets in each pod.
const POD_VARIABLE: &str = "KUBERNETES_SERVICE_HOST";

/// The form of a log's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

impl Form {
    /// Returns the form of what a process prints, given the setting: where there is none, JSON in a
    /// pod, whose output programs collect, and text elsewhere.
    pub fn of_output(setting: LogFormat) -> Self {
        let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        match setting {
            LogFormat::Text => Self::Text,
            LogFormat::Json => Self::Json,
            LogFormat::Auto => match env::var(FORMAT_VARIABLE) {
                Ok(form) if form == Self::Json.as_str() => Self::Json,
                Ok(form) if form == Self::Text.as_str() => Self::Text,
                _ if is_set(POD_VARIABLE) => Self::Json,
                _ => Self::Text,
            },
        }
    }

    /// Returns the form of a manager's log file, given the setting: where there is none, text, since
    /// people read it through the REST API.
    pub fn of_file(setting: LogFormat) -> Self {
        if setting == LogFormat::Json { Self::Json } else { Self::Text }
    }

    /// Returns its name, the value of [`FORMAT_VARIABLE`].
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

/// A layer that writes lines.
pub type Lines<S> = Box<dyn Layer<S> + Send + Sync>;

/// Makes the layer that writes lines. As JSON the fields of an event, and those of the spans that it
/// lies in, are fields of the object, beside `timestamp`, `level`, `target` and `message`.
pub fn lines<S, W>(form: Form, ansi: bool, writer: W) -> Lines<S>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    match form {
        Form::Text => fmt::layer().with_writer(writer).with_ansi(ansi).boxed(),
        Form::Json => {
            let mut layer = JsonLayer::new(writer);
            layer.with_timer("timestamp", SystemTime);
            layer.with_level("level");
            layer.with_target("target");
            layer.with_flattened_event();
            layer.with_top_level_flattened_span_list();
            layer.boxed()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::Arc;

    use parking_lot::Mutex;
    use serde_json::Value;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(form: Form) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber =
            tracing_subscriber::registry().with(lines(form, false, move || writer.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let task = tracing::info_span!("task", vertex = "map", subtask = 2);
            let _entered = task.enter();
            tracing::info!(checkpoint = 7, "task \"is\" told");
        });
        let bytes = kept.0.lock().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn fields_of_an_event_and_of_its_spans_are_fields_of_the_object() {
        let text = logged(Form::Json);
        assert_eq!(text.lines().count(), 1);
        let object: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(object["message"], "task \"is\" told");
        assert_eq!((&object["level"], &object["checkpoint"]), (&"INFO".into(), &7.into()));
        assert_eq!((&object["vertex"], &object["subtask"]), (&"map".into(), &2.into()));
        assert_eq!(object["target"], module_path!());
        assert!(object["timestamp"].as_str().unwrap().ends_with('Z'), "{object}");
    }

    #[test]
    fn text_names_them_too() {
        let text = logged(Form::Text);
        assert!(text.contains("task{vertex=\"map\" subtask=2}"), "{text}");
        assert!(text.trim_end().ends_with("task \"is\" told checkpoint=7"), "{text}");
    }

    #[test]
    fn a_setting_comes_before_what_the_environment_says() {
        assert_eq!(Form::of_output(LogFormat::Json), Form::Json);
        assert_eq!(Form::of_output(LogFormat::Text), Form::Text);
        assert_eq!(Form::of_file(LogFormat::Auto), Form::Text);
        assert_eq!(Form::of_file(LogFormat::Json), Form::Json);
    }
}

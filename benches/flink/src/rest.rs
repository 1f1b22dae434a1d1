//! The REST API, which is the same in both systems.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::unversioned::multipart::{Form, Part};

/// The longest that a job of a workload may take.
const LONGEST_JOB: Duration = Duration::from_secs(20 * 60);

/// How many subtasks each vertex of a job has.
const PARALLELISM: u32 = 2;

/// A JobManager's REST API.
#[derive(Clone)]
pub struct Rest {
    address: String,
    agent: ureq::Agent,
}

impl Rest {
    /// Speaks to `host:port`.
    pub fn new(address: String) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .into();
        Self { address, agent }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What a path answers; `None` where it doesn't, or an error.
    pub fn try_get(&self, path: &str) -> Option<Value> {
        let mut answer = self.agent.get(self.url(path)).call().ok()?;
        answer.status().is_success().then(|| answer.body_mut().read_json().ok())?
    }

    /// What a path answers.
    pub fn get(&self, path: &str) -> Value {
        self.try_get(path).unwrap_or_else(|| panic!("GET {path} fails"))
    }

    /// Uploads a package, and returns its id.
    pub fn upload(&self, package: &Path) -> String {
        // Whatever it is, an upload is called a jar.
        let file = Part::file(package).unwrap().file_name("jobs.jar");
        let form = Form::new().part("jarfile", file);
        let mut answer = self.agent.post(self.url("/jars/upload")).send(form).unwrap();
        let answer: Value = answer.body_mut().read_json().unwrap();
        let path = answer["filename"].as_str().unwrap_or_else(|| panic!("upload: {answer}"));
        path.rsplit('/').next().unwrap_or(path).to_owned()
    }

    /// Runs a job of a package, and returns its id.
    pub fn run(&self, package: &str, arguments: &[String]) -> String {
        // Flink takes 1 for a parallelism that isn't given, whatever the configuration says.
        let body = json!({ "parallelism": PARALLELISM, "programArgsList": arguments });
        let path = self.url(&format!("/jars/{package}/run"));
        let mut answer = self.agent.post(path).send_json(body).unwrap();
        let answer: Value = answer.body_mut().read_json().unwrap();
        let id = answer["jobid"].as_str().unwrap_or_else(|| panic!("{arguments:?}: {answer}"));
        id.to_owned()
    }

    /// Makes sure that all vertices of a job have the parallelism that it was submitted with.
    pub fn check_parallelism(&self, job: &str) {
        let details = self.get(&format!("/jobs/{job}"));
        let vertices = details["vertices"].as_array().map_or(&[][..], Vec::as_slice);
        let all = vertices.iter().all(|vertex| vertex["parallelism"] == PARALLELISM);
        assert!(all && !vertices.is_empty(), "a vertex has another parallelism: {details:#}");
    }

    /// Cancels a job, and waits until it is.
    pub fn cancel(&self, job: &str) {
        let path = self.url(&format!("/jobs/{job}?mode=cancel"));
        self.agent.patch(path).send_empty().unwrap();
        self.wait_for_state(job, "CANCELED", Duration::from_millis(5));
    }

    /// Asks for another parallelism of all vertices of a job.
    pub fn rescale(&self, job: &str, parallelism: u32) {
        let path = format!("/jobs/{job}/resource-requirements");
        let mut requirements = self.get(&path);
        for (_, vertex) in requirements.as_object_mut().into_iter().flatten() {
            vertex["parallelism"] = json!({ "lowerBound": 1, "upperBound": parallelism });
        }
        let answer = self.agent.put(self.url(&path)).send_json(requirements).unwrap();
        assert!(answer.status().is_success(), "PUT {path}: {}", answer.status());
    }

    /// Waits until a job has a state, asking at intervals.
    pub fn wait_for_state(&self, job: &str, state: &str, interval: Duration) {
        let path = format!("/jobs/{job}/status");
        wait_for(&format!("job {job} to be {state}"), LONGEST_JOB, interval, || {
            let now = self.try_get(&path)?;
            let now = now["status"].as_str()?;
            let ended = ["FINISHED", "FAILED", "CANCELED"].contains(&now);
            if ended && now != state {
                let why = self.try_get(&format!("/jobs/{job}/exceptions"));
                panic!("job {job} is {now} instead of {state}: {:#}", why.unwrap_or_default());
            }
            (now == state).then_some(())
        });
    }

    /// Waits until all tasks of a job run, at a parallelism where one is given.
    pub fn wait_until_all_run(&self, job: &str, parallelism: Option<u32>) {
        let path = format!("/jobs/{job}");
        let interval = Duration::from_millis(2);
        wait_for(&format!("all tasks of job {job} to run"), LONGEST_JOB, interval, || {
            let job = self.try_get(&path)?;
            let vertices = job["vertices"].as_array()?;
            let runs = |vertex: &Value| {
                vertex["tasks"]["RUNNING"] == vertex["parallelism"]
                    && parallelism.is_none_or(|wanted| vertex["parallelism"] == wanted)
            };
            (!vertices.is_empty() && vertices.iter().all(runs)).then_some(())
        });
    }
}

/// Polls until `is_there` returns something.
///
/// # Panics
/// After `timeout`, saying what was waited for.
pub fn wait_for<T>(
    what: &str,
    timeout: Duration,
    interval: Duration,
    mut is_there: impl FnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(found) = is_there() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {timeout:?} in vain for {what}");
        thread::sleep(interval);
    }
}

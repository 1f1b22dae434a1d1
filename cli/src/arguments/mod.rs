//! What the command line looks like: Flink's options under Flink's names, and our own.

mod operator;
mod rescale;
mod snapshots;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use sciurus_core::config::duration;
use sciurus_core::ids::JobId;

pub use operator::{Operator, OperatorCommand};
pub use rescale::{Rescale, VertexParallelism};
pub use snapshots::{Checkpoint, Inspect, Savepoint, SavepointAction, SavepointFormat, Stop};

/// Runs stream jobs: on a cluster of its own, on one of this machine, or on any other.
///
/// The first word chooses what to do; so does the name of the executable: a link to it that is
/// called jobmanager, taskmanager or standalone-job is that. Options have Flink's names and may be
/// spelt as Flink's (-sae, -detached).
#[derive(Debug, Parser)]
#[command(name = "sciurus", bin_name = "sciurus", version, max_term_width = 100)]
#[command(disable_help_subcommand = true, subcommand_value_name = "COMMAND")]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Run(Run),
    Info(Info),
    List(List),
    Cancel(Cancel),
    Stop(Stop),
    Savepoint(Savepoint),
    Checkpoint(Checkpoint),
    Rescale(Rescale),
    Doctor(Doctor),
    Logs(Logs),
    LogLevel(LogLevel),
    Package(Package),
    Cluster(Cluster),
    Completions(Completions),
    #[command(name = "jobmanager", about = "Runs a JobManager in the foreground")]
    Jobmanager(Manager),
    #[command(name = "taskmanager", about = "Runs a TaskManager in the foreground")]
    Taskmanager(Manager),
    #[command(name = "standalone-job")]
    StandaloneJob(StandaloneJob),
    Operator(Operator),
}

/// Where settings come from.
#[derive(Debug, Clone, Default, Args)]
pub struct Settings {
    /// A setting, as in -Dparallelism.default=4; it comes before those of files and environment.
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    pub properties: Vec<String>,
    /// The directory of config.yaml [default: `$FLINK_CONF_DIR`, `$FLINK_HOME/conf`,
    /// /opt/flink/conf, or ./conf].
    #[arg(short = 'c', long = "configDir", visible_alias = "config-dir", value_name = "DIRECTORY")]
    pub config_dir: Option<PathBuf>,
}

/// Which cluster is meant.
#[derive(Debug, Clone, Default, Args)]
pub struct Target {
    /// The JobManager's REST API [default: rest.address and rest.port of the settings, else the
    /// local cluster's].
    #[arg(short = 'm', long = "jobmanager", value_name = "HOST:PORT")]
    pub jobmanager: Option<String>,
    /// A setting, as in -Drest.port=8082; it comes before those of files and environment.
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    pub properties: Vec<String>,
    /// The directory of config.yaml [default: `$FLINK_CONF_DIR`, `$FLINK_HOME/conf`,
    /// /opt/flink/conf, or ./conf].
    #[arg(long = "configDir", visible_alias = "config-dir", value_name = "DIRECTORY")]
    pub config_dir: Option<PathBuf>,
    /// Answers in JSON, for scripts.
    #[arg(long)]
    pub json: bool,
    /// Flink's choice of a kind of cluster: there is only one.
    #[arg(
        short = 't',
        long = "target",
        visible_short_alias = 'e',
        value_name = "KIND",
        hide = true
    )]
    #[arg(alias = "executor")]
    pub kind: Option<String>,
    /// Flink's name of a cluster in `ZooKeeper`, which isn't used here.
    #[arg(short = 'z', long = "zookeeperNamespace", value_name = "NAME", hide = true)]
    pub zookeeper_namespace: Option<String>,
}

/// What a job starts from.
#[derive(Debug, Clone, Default, Args)]
pub struct Recovery {
    /// The savepoint or checkpoint to start from.
    #[arg(short = 's', long = "fromSavepoint", value_name = "PATH")]
    pub from_savepoint: Option<String>,
    /// Leaves out state of operators that the job no longer has.
    #[arg(short = 'n', long = "allowNonRestoredState")]
    pub allow_non_restored_state: bool,
    /// Who owns the files of the savepoint.
    #[arg(long = "claimMode", alias = "restoreMode", value_enum, ignore_case = true)]
    pub claim_mode: Option<ClaimMode>,
}

/// What a submitted job runs with.
#[derive(Debug, Clone, Default, Args)]
pub struct Submission {
    /// The entry of the package: which of its jobs.
    #[arg(short = 'c', long = "class", value_name = "ENTRY")]
    pub entry: Option<String>,
    /// How many subtasks each operator has that doesn't set it [default: parallelism.default].
    #[arg(short, long, value_name = "N")]
    pub parallelism: Option<u32>,
    #[command(flatten)]
    pub recovery: Recovery,
    /// Flink's further jars: an executable needs none.
    #[arg(short = 'C', long = "classpath", value_name = "URL", hide = true)]
    pub classpaths: Vec<String>,
    /// A package (.jar) or a job's executable, and the job's arguments.
    #[arg(required = true, value_name = "PACKAGE", trailing_var_arg = true, num_args = 1..)]
    program: Vec<String>,
}

impl Submission {
    /// Returns the package's path.
    pub fn package(&self) -> PathBuf {
        self.program.first().map(|path| local_path(path)).unwrap_or_default()
    }

    /// Returns the job's arguments.
    pub fn job_arguments(&self) -> &[String] {
        self.program.get(1..).unwrap_or_default()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClaimMode {
    #[value(name = "CLAIM")]
    Claim,
    #[value(name = "NO_CLAIM")]
    NoClaim,
    #[value(name = "LEGACY")]
    Legacy,
}

impl ClaimMode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Claim => "CLAIM",
            Self::NoClaim => "NO_CLAIM",
            Self::Legacy => "LEGACY",
        }
    }
}

/// Submits a job and waits for its end.
///
/// PACKAGE is what `sciurus package` makes, or a job's executable itself. If interrupted, the
/// command leaves the job running, but with --shutdownOnAttachedExit it cancels it.
#[derive(Debug, Args)]
#[command(override_usage = "sciurus run [OPTIONS] <PACKAGE> [ARGUMENTS]...")]
pub struct Run {
    /// Doesn't wait for the job's end.
    #[arg(short, long)]
    pub detached: bool,
    /// Cancels the job if the command is interrupted.
    #[arg(long = "shutdownOnAttachedExit")]
    pub shutdown_on_attached_exit: bool,
    #[command(flatten)]
    pub target: Target,
    #[command(flatten)]
    pub submission: Submission,
}

/// Shows a job's plan without running it.
#[derive(Debug, Args)]
#[command(override_usage = "sciurus info [OPTIONS] <PACKAGE> [ARGUMENTS]...")]
pub struct Info {
    #[command(flatten)]
    pub target: Target,
    #[command(flatten)]
    pub submission: Submission,
}

/// Lists jobs: those that run or restart, and those that are scheduled.
#[derive(Debug, Args)]
pub struct List {
    /// Only jobs that run or restart.
    #[arg(short, long)]
    pub running: bool,
    /// Only jobs that are scheduled.
    #[arg(short, long)]
    pub scheduled: bool,
    /// Jobs that have ended as well.
    #[arg(short, long)]
    pub all: bool,
    #[command(flatten)]
    pub target: Target,
}

/// Cancels a job.
#[derive(Debug, Args)]
pub struct Cancel {
    /// Takes a savepoint first: Flink's former way to stop a job with one. Better use `stop`.
    #[arg(short = 's', long = "withSavepoint", value_name = "DIRECTORY", num_args = 0..=1)]
    #[arg(default_missing_value = "")]
    pub with_savepoint: Option<String>,
    /// The job's id.
    #[arg(value_name = "JOB", value_parser = job_id, required_unless_present = "with_savepoint")]
    pub job: Option<JobId>,
    #[command(flatten)]
    pub target: Target,
}

/// Shows logs: of the JobManager, a TaskManager, or a job's processes.
#[derive(Debug, Args)]
pub struct Logs {
    /// Shows the log of this TaskManager.
    #[arg(long, value_name = "ID", conflicts_with = "job")]
    pub taskmanager: Option<String>,
    /// Shows the standard output instead.
    #[arg(long)]
    pub stdout: bool,
    /// Shows this file instead.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["stdout", "job"])]
    pub file: Option<String>,
    /// Lists the files that there are instead.
    #[arg(long, conflicts_with_all = ["stdout", "file"])]
    pub list: bool,
    /// Shows the logs of this job's processes.
    #[arg(value_name = "JOB", value_parser = job_id)]
    pub job: Option<JobId>,
    #[command(flatten)]
    pub target: Target,
}

/// Says what is wrong with a job, why, and what to do: nothing runs, it is slow, memory is exceeded.
///
/// Looks at the job twice, with some time between, and changes nothing.
#[derive(Debug, Args)]
pub struct Doctor {
    /// How long to look at a job that runs, an hour at most.
    #[arg(long, value_name = "DURATION", default_value = "2 s", value_parser = duration::parse)]
    pub during: Duration,
    /// The job's id.
    #[arg(value_name = "JOB", value_parser = job_id)]
    pub job: JobId,
    #[command(flatten)]
    pub target: Target,
}

/// Shows or changes what the cluster's processes log.
///
/// A change holds for all managers and all processes of jobs, until they end.
#[derive(Debug, Args)]
pub struct LogLevel {
    /// What to log: a level (error, warn, info, debug, trace, off), also of parts of the program, as
    /// in `info,sciurus_engine=debug`.
    #[arg(value_name = "LEVEL")]
    pub level: Option<String>,
    #[command(flatten)]
    pub target: Target,
}

/// Makes a package of a job's executables, one for each platform.
#[derive(Debug, Args)]
pub struct Package {
    /// The job's executables, each built for another platform.
    #[arg(required = true, value_name = "EXECUTABLE")]
    pub executables: Vec<PathBuf>,
    /// Where the package goes.
    #[arg(short, long, value_name = "NAME.jar")]
    pub output: PathBuf,
    /// The package's name [default: that of the first executable].
    #[arg(long)]
    pub name: Option<String>,
    /// An entry of the package: one of the jobs that the executable holds, by the first word of its
    /// command line. The first is run where none is chosen.
    #[arg(short = 'c', long = "class", value_name = "ENTRY")]
    pub entries: Vec<String>,
}

/// Starts, shows and stops a cluster of processes on this machine.
#[derive(Debug, Args)]
pub struct Cluster {
    #[command(subcommand)]
    pub command: ClusterCommand,
}

#[derive(Debug, Subcommand)]
pub enum ClusterCommand {
    Start(ClusterStart),
    Status(ClusterStatus),
    Stop(ClusterStop),
}

/// Where the local cluster keeps its files.
#[derive(Debug, Clone, Default, Args)]
pub struct ClusterDirectory {
    /// Where the cluster keeps process ids and logs [default: ~/.local/state/sciurus].
    #[arg(long = "dir", value_name = "DIRECTORY")]
    pub directory: Option<PathBuf>,
}

/// Starts a JobManager and TaskManagers and waits until they are ready.
#[derive(Debug, Args)]
pub struct ClusterStart {
    /// How many TaskManagers.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub taskmanagers: u32,
    /// How many slots each has [default: taskmanager.numberOfTaskSlots].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub slots: Option<u32>,
    #[command(flatten)]
    pub directory: ClusterDirectory,
    #[command(flatten)]
    pub settings: Settings,
}

/// Shows which of the cluster's processes run, and where.
#[derive(Debug, Args)]
pub struct ClusterStatus {
    /// Answers in JSON, for scripts.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub directory: ClusterDirectory,
}

/// Stops all processes of the cluster.
#[derive(Debug, Args)]
pub struct ClusterStop {
    #[command(flatten)]
    pub directory: ClusterDirectory,
}

/// Prints a shell's completions.
///
/// For bash: `sciurus completions bash > ~/.local/share/bash-completion/completions/sciurus`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell.
    pub shell: clap_complete::Shell,
}

/// What `jobmanager` and `taskmanager` are told.
#[derive(Debug, Args)]
pub struct Manager {
    #[command(flatten)]
    pub settings: Settings,
    /// The host under which the process is found.
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// The port of the REST API.
    #[arg(long = "webui-port", value_name = "PORT")]
    pub webui_port: Option<u16>,
    /// Logs to files only.
    #[arg(long, hide = true)]
    pub background: bool,
    /// Takes what a container's environment says.
    #[arg(long, hide = true)]
    pub in_container: bool,
}

/// Runs one job on a cluster of its own: this process is its JobManager.
#[derive(Debug, Args)]
pub struct StandaloneJob {
    /// The entry of the job's package: which of its jobs.
    #[arg(short = 'j', long = "job-classname", value_name = "ENTRY")]
    pub entry: Option<String>,
    /// The job's id [default: 00000000000000000000000000000000].
    #[arg(long = "job-id", value_name = "ID", value_parser = job_id)]
    pub job_id: Option<JobId>,
    /// The job's package [default: pipeline.jars, else the one in `$FLINK_HOME/usrlib`].
    #[arg(long, value_name = "PATH", value_delimiter = ',')]
    pub jars: Vec<String>,
    #[command(flatten)]
    pub recovery: Recovery,
    #[command(flatten)]
    pub manager: Manager,
    /// The job's arguments.
    #[arg(value_name = "ARGUMENTS", trailing_var_arg = true)]
    pub job_arguments: Vec<String>,
}

/// Returns the path that `file:///path` or Flink's `local:///path` names.
pub fn local_path(text: &str) -> PathBuf {
    let bare = text.strip_prefix("file:").or_else(|| text.strip_prefix("local:"));
    let Some(bare) = bare.filter(|bare| bare.starts_with('/')) else { return PathBuf::from(text) };
    Path::new("/").join(bare.trim_start_matches('/'))
}

fn job_id(text: &str) -> Result<JobId, String> {
    text.parse().map_err(|_| {
        format!(
            "Cannot parse JobID from \"{text}\". The expected format is [0-9a-fA-F]{{32}}, e.g. \
             fd72014d4c864993a2e5a9287b4a9c5d."
        )
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parsed(text: &str) -> Command {
        let words = text.split(' ').map(std::ffi::OsString::from).collect();
        let words = crate::spelling::modern(&Arguments::command(), words);
        Arguments::try_parse_from(words).unwrap().command
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn addresses_of_files_are_paths() {
        for (text, path) in [
            ("local:///opt/flink/usrlib/job.jar", "/opt/flink/usrlib/job.jar"),
            ("file:/x.jar", "/x.jar"),
            ("file:///x.jar", "/x.jar"),
            ("relative/x.jar", "relative/x.jar"),
            ("local:x.jar", "local:x.jar"),
        ] {
            assert_eq!(local_path(text), Path::new(path));
        }
    }

    #[test]
    fn what_follows_the_package_is_the_jobs() {
        let Command::Run(run) = parsed("sciurus run -d -p 2 -Da=b -c E x.jar -p 3 --input y -d")
        else {
            panic!()
        };
        assert!(run.detached);
        assert_eq!(run.submission.parallelism, Some(2));
        assert_eq!(run.submission.entry.as_deref(), Some("E"));
        assert_eq!(run.target.properties, ["a=b"]);
        assert_eq!(run.submission.package(), PathBuf::from("x.jar"));
        assert_eq!(run.submission.job_arguments(), ["-p", "3", "--input", "y", "-d"]);
    }

    #[test]
    fn a_standalone_job_takes_flinks_arguments_and_leaves_the_jobs_alone() {
        let text = "x standalone-job --job-classname E -D a=b --host h --webui-port 1 -s p -n \
                    --jars a,b --input -x -D c=d";
        let Command::StandaloneJob(job) = parsed(&text.replace("  ", " ")) else { panic!() };
        assert_eq!(job.entry.as_deref(), Some("E"));
        assert_eq!(job.manager.settings.properties, ["a=b"]);
        assert_eq!((job.manager.host.as_deref(), job.manager.webui_port), (Some("h"), Some(1)));
        assert_eq!(job.jars, ["a", "b"]);
        assert_eq!(job.recovery.from_savepoint.as_deref(), Some("p"));
        assert!(job.recovery.allow_non_restored_state);
        assert_eq!(job.job_arguments, ["--input", "-x", "-D", "c=d"]);
    }

    #[test]
    fn a_text_that_is_no_job_id_is_refused_in_flinks_words() {
        let error = Arguments::try_parse_from(["sciurus", "cancel", "xyz"]).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("Cannot parse JobID from \"xyz\". The expected format is "),
            "{text}"
        );
    }
}

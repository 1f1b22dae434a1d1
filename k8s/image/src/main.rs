//! The command `sciurus-image`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use sciurus_image::flink::Executables;
use sciurus_image::oci::{Name, NamedLayer};
use sciurus_image::{ImageError, flink, layer, oci, system};

/// When all files of an image were changed, in seconds since the epoch: always the same, so that
/// the same files give the same image.
const TIME: u64 = 0;

/// Builds the container image without a daemon and without a registry.
#[derive(Debug, Parser)]
#[command(name = "sciurus-image", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Oci(OciArguments),
    Rootfs(RootfsArguments),
}

/// What goes into the image.
#[derive(Debug, Args)]
struct Source {
    /// The directory of the executables `sciurus` and `sciurus-examples`.
    #[arg(long, value_name = "DIRECTORY")]
    executables: PathBuf,
    /// Takes the executables with their symbols.
    #[arg(long)]
    unstripped: bool,
}

/// Writes the image as an archive that containerd and Docker import.
#[derive(Debug, Args)]
struct OciArguments {
    #[command(flatten)]
    source: Source,
    /// Where the archive goes.
    #[arg(short, long, value_name = "FILE.tar")]
    output: PathBuf,
    /// What the image is called, without its tag, which is the version.
    #[arg(long, value_name = "NAME", default_value = "sciurus")]
    name: String,
}

/// Writes the files that a Dockerfile puts on a base image.
#[derive(Debug, Args)]
struct RootfsArguments {
    #[command(flatten)]
    source: Source,
    /// The directory that becomes the root.
    #[arg(short, long, value_name = "DIRECTORY")]
    output: PathBuf,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Oci(arguments) => write_oci(&arguments),
        Command::Rootfs(arguments) => write_rootfs(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write_oci(arguments: &OciArguments) -> Result<(), ImageError> {
    let Source { executables, unstripped } = &arguments.source;
    let executables = Executables::find(executables, !unstripped)?;
    let name =
        Name { repository: arguments.name.clone(), tag: env!("CARGO_PKG_VERSION").to_owned() };
    // What changes rarely comes first: nodes have it already.
    let layers = [
        NamedLayer {
            layer: layer::pack(&system::tree(&executables.paths())?, TIME)?,
            comment: "libraries and certificates",
        },
        NamedLayer {
            layer: layer::pack(&flink::tree(&executables)?, TIME)?,
            comment: "Sciurus where Flink's images have Flink",
        },
    ];
    let archive = oci::archive(&name, executables.platform(), &layers)?;
    oci::write(&archive, &arguments.output)?;
    let megabytes = archive.len() as f64 / 1e6;
    println!(
        "{}:{} for {}, {megabytes:.1} MB: {}",
        name.repository,
        name.tag,
        executables.platform(),
        arguments.output.display()
    );
    Ok(())
}

fn write_rootfs(arguments: &RootfsArguments) -> Result<(), ImageError> {
    let Source { executables, unstripped } = &arguments.source;
    flink::tree(&Executables::find(executables, !unstripped)?)?.write_to(&arguments.output)
}

//! `package`: makes a package of executables.

use sciurus_package::{CreateOptions, create, platform_of_executable};

use super::output;
use crate::Error;
use crate::arguments::Package;

/// Makes a package of executables and tells what is in it.
pub fn run(arguments: &Package) -> Result<(), Error> {
    let Package { executables, output: out, name, entries } = arguments;
    let executables = executables
        .iter()
        .map(|path| match platform_of_executable(path) {
            Ok(platform) => Ok((platform, path.clone())),
            Err(source) => Err(Error::Executable { path: path.clone(), source }),
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let options = CreateOptions {
        name: name.clone(),
        entry: entries.first().cloned(),
        entries: entries.clone(),
        installed: None,
    };
    create(&executables, &options, out)?;
    let platforms: Vec<_> = executables.iter().map(|(platform, _)| platform.to_string()).collect();
    output::print(format!("{} for {}", out.display(), platforms.join(", ")))
}

//! From the arguments of a command to a configuration.

use sciurus_core::config::load::{self, Loaded, Origins};
use sciurus_core::config::validate::Strictness;

use crate::Error;
use crate::arguments::{Settings, Target};

/// Finds all settings of a manager.
pub fn load(settings: &Settings) -> Result<Loaded, Error> {
    let environment = |name: &str| std::env::var(name).ok();
    let origins = Origins {
        directory: settings.config_dir.as_deref(),
        environment: &environment,
        properties: &settings.properties,
    };
    Ok(load::load(&origins, Strictness::Lenient)?)
}

/// Finds all settings of a command that speaks with a cluster.
pub fn of_client(target: &Target) -> Result<Loaded, Error> {
    let settings =
        Settings { properties: target.properties.clone(), config_dir: target.config_dir.clone() };
    load(&settings)
}

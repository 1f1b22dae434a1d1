//! The table of options: one module per group, and [`GROUPS`] and [`all`] over all of them.
//!
//! Keys, types and defaults are those of Flink 2.3; Sciurus's own options begin with `sciurus.` or `health.`.

pub mod checkpointing;
pub mod client;
pub mod cluster;
pub mod execution;
pub mod health;
pub mod jobmanager;
pub mod kubernetes;
pub mod log;
pub mod metrics;
pub mod pipeline;
pub mod rest;
pub mod restart_strategy;
pub mod rocksdb;
pub mod s3;
pub mod sciurus;
pub mod state;
pub mod taskmanager;
pub mod web;

use super::option::AnyOption;

/// Bundles the options of one subject, as a section of the documentation.
pub struct OptionGroup {
    /// The section's title.
    pub title: &'static str,
    /// The options in the order in which they are best read.
    pub options: &'static [&'static dyn AnyOption],
}

/// All options, by subject.
pub static GROUPS: [&OptionGroup; 18] = [
    &pipeline::GROUP,
    &execution::GROUP,
    &restart_strategy::GROUP,
    &state::GROUP,
    &rocksdb::GROUP,
    &checkpointing::GROUP,
    &s3::GROUP,
    &cluster::GROUP,
    &jobmanager::GROUP,
    &taskmanager::GROUP,
    &kubernetes::GROUP,
    &rest::GROUP,
    &web::GROUP,
    &client::GROUP,
    &log::GROUP,
    &metrics::GROUP,
    &health::GROUP,
    &sciurus::GROUP,
];

/// Returns all options.
pub fn all() -> impl Iterator<Item = &'static dyn AnyOption> {
    GROUPS.iter().flat_map(|group| group.options.iter().copied())
}

/// Returns the option that has this key or has it as a deprecated one.
pub fn find(key: &str) -> Option<&'static dyn AnyOption> {
    all().find(|option| option.key() == key || option.deprecated_keys().contains(&key))
}

/// Declares the options of a group as statics and the group itself, so that none is left out.
/// The documentation comment of an option is also its description for users.
macro_rules! options {
    (
        title: $title:literal;
        $(
            $(#[doc = $doc:literal])+
            $name:ident: $type:ty = $key:literal $(.$method:ident($($argument:expr),*))*;
        )+
    ) => {
        $(
            #[doc = concat!("`", $key, "`:")]
            $(#[doc = $doc])+
            pub static $name: $crate::config::ConfigOption<$type> =
                $crate::config::ConfigOption::<$type>::new($key)
                    $(.$method($($argument),*))*
                    .description(concat!($($doc),+));
        )+

        /// The options of this module, as a section of the documentation.
        pub static GROUP: $crate::config::options::OptionGroup =
            $crate::config::options::OptionGroup { title: $title, options: &[$(&$name),+] };
    };
}
use options;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_key_means_one_option() {
        let mut keys = BTreeSet::new();
        for option in all() {
            assert!(keys.insert(option.key()), "{} is there twice", option.key());
            for key in option.deprecated_keys() {
                assert!(keys.insert(key), "{key} is there twice");
            }
        }
    }

    #[test]
    fn every_default_and_example_is_accepted_and_every_option_described() {
        for option in all() {
            let key = option.key();
            for text in option.default_text().iter().map(String::as_str).chain([&*option.example()])
            {
                assert_eq!(option.check(key, text), Ok(()));
            }
            let description = option.description();
            assert!(description.len() > 20 && description.ends_with('.'), "{key}: {description}");
            assert!(!description.contains('\n') && !description.contains('|'), "{key}");
        }
    }

    #[test]
    fn every_fallback_key_is_an_option() {
        for key in all().flat_map(|option| option.fallback_keys().iter()) {
            assert!(find(key).is_some(), "{key}");
        }
    }
}

//! Flink's spelling of options: long ones with one dash (`-detached`), short ones of several
//! letters (`-sae`).

use std::ffi::OsString;

use clap::{Arg, Command};

/// Flink's short names of several letters, and the long names of the same options.
const SHORT_NAMES: [(&str, &str); 3] =
    [("sae", "shutdownOnAttachedExit"), ("rm", "claimMode"), ("jid", "job-id")];

/// Writes options with two dashes where Flink's spelling has one, and puts `--` before a job's
/// arguments, so that none of them is taken for the command's. They begin with the package, where a
/// command takes one, else with the first word that is no option of the command.
pub fn modern(command: &Command, mut words: Vec<OsString>) -> Vec<OsString> {
    let verb = words.get(1).and_then(|word| word.to_str());
    let Some(verb) = verb.and_then(|verb| command.find_subcommand(verb)) else { return words };
    let jobs = verb.get_arguments().find(|argument| argument.is_trailing_var_arg_set());
    let mut index = 2;
    while let Some(word) = words.get(index).and_then(|word| word.to_str()) {
        if word == "--" {
            break;
        }
        let is_option = word.len() > 1 && word.starts_with('-');
        let option = option_called(verb, word);
        let with_one_dash = if option.is_none() { with_one_dash(verb, word) } else { None };
        let is_unknown = with_one_dash.is_none() && !is_known(verb, word);
        if jobs.is_some_and(|jobs| !is_option || (is_unknown && !jobs.is_required_set())) {
            words.insert(index, "--".into());
            break;
        }
        if let Some(option) = with_one_dash {
            let long = option.get_long().unwrap_or_default();
            words[index] = format!("--{long}").into();
        }
        let takes_value = |option: &Arg| option.get_action().takes_values();
        index += 1 + usize::from(option.or(with_one_dash).is_some_and(takes_value));
    }
    words
}

/// Tells whether the word begins with the name of an option, also if a value follows within it.
fn is_known(verb: &Command, word: &str) -> bool {
    if let Some(name) = word.strip_prefix("--") {
        let name = name.split('=').next().unwrap_or_default();
        return name == "help" || verb.get_arguments().any(|option| has_long_name(option, name));
    }
    let letter = word.chars().nth(1);
    letter == Some('h') || verb.get_arguments().any(|option| option.get_short() == letter)
}

/// Returns the option if the word is its name, in today's spelling and without a value.
fn option_called<'a>(verb: &'a Command, word: &str) -> Option<&'a Arg> {
    verb.get_arguments().find(|option| match word.strip_prefix("--") {
        Some(name) => has_long_name(option, name),
        None => word.strip_prefix('-').is_some_and(|name| {
            let mut letters = name.chars();
            option.get_short() == letters.next() && letters.next().is_none()
        }),
    })
}

fn with_one_dash<'a>(verb: &'a Command, word: &str) -> Option<&'a Arg> {
    let name = word.strip_prefix('-').filter(|name| name.len() > 1 && !name.starts_with('-'))?;
    let long = SHORT_NAMES.iter().find(|(short, _)| *short == name);
    let name = long.map_or(name, |(_, long)| long);
    verb.get_arguments().find(|option| has_long_name(option, name))
}

fn has_long_name(option: &Arg, name: &str) -> bool {
    let aliases = option.get_all_aliases().unwrap_or_default();
    option.get_long() == Some(name) || aliases.contains(&name)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::arguments::Arguments;

    fn modern_text(text: &str) -> String {
        let words = text.split(' ').map(OsString::from).collect();
        let words = modern(&Arguments::command(), words);
        words.join(" ".as_ref()).into_string().unwrap()
    }

    #[test]
    fn long_names_may_have_one_dash() {
        for (flink, ours) in [
            (
                "sciurus run -sae -detached x.jar",
                "sciurus run --shutdownOnAttachedExit --detached -- x.jar",
            ),
            (
                "sciurus savepoint -type native -detached x",
                "sciurus savepoint --type native --detached x",
            ),
            ("sciurus checkpoint -full x", "sciurus checkpoint --full x"),
            ("sciurus run -rm claim x.jar", "sciurus run --claimMode claim -- x.jar"),
            ("sciurus run -p 2 -Dfull=1 x.jar", "sciurus run -p 2 -Dfull=1 -- x.jar"),
            ("sciurus standalone-job -jid 0 --in x", "sciurus standalone-job --job-id 0 -- --in x"),
        ] {
            assert_eq!(modern_text(flink), ours);
        }
    }

    #[test]
    fn what_follows_the_package_is_the_jobs() {
        for (given, ours) in [
            ("sciurus run x.jar -detached", "sciurus run -- x.jar -detached"),
            ("sciurus run -p 2 -c E x.jar -sae", "sciurus run -p 2 -c E -- x.jar -sae"),
            ("sciurus run -D a=-detached x.jar", "sciurus run -D a=-detached -- x.jar"),
            ("sciurus run --nonsense x.jar", "sciurus run --nonsense -- x.jar"),
        ] {
            assert_eq!(modern_text(given), ours);
        }
        for text in
            ["sciurus list -- -all", "sciurus run -- x.jar -sae", "sciurus unknown -all", "sciurus"]
        {
            assert_eq!(modern_text(text), text);
        }
    }
}

//! `bash -c "COMMAND"` without a shell.

use std::ffi::OsString;

use super::file_name;

/// Words that only a shell can act on.
const OF_SHELLS: [char; 10] = ['|', '&', ';', '<', '>', '(', ')', '`', '$', '\n'];

/// Returns the words of the one command that a shell is to run, where that is all that it would do.
pub fn command_of(words: &[OsString]) -> Option<Vec<OsString>> {
    let [shell, option, command] = words else { return None };
    if !matches!(&*file_name(shell), "bash" | "sh") || option != "-c" {
        return None;
    }
    let command = command.to_str().filter(|command| !command.contains(OF_SHELLS))?;
    let mut words = shlex::split(command)?;
    if words.first().is_some_and(|word| word == "exec") {
        words.remove(0);
    }
    Some(words.into_iter().map(OsString::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &[&str]) -> Option<Vec<String>> {
        let words: Vec<_> = words.iter().map(OsString::from).collect();
        let found = command_of(&words)?;
        Some(found.into_iter().map(|word| word.into_string().unwrap()).collect())
    }

    #[test]
    fn one_command_is_split_as_a_shell_does_it() {
        let text = "exec run.sh -Da=\"b c\" 'd e' f\\ g";
        let words = command(&["/bin/bash", "-c", text]).unwrap();
        assert_eq!(words, ["run.sh", "-Da=b c", "d e", "f g"]);
    }

    #[test]
    fn what_needs_a_shell_is_left_to_one() {
        for words in [
            &["bash", "-c", "a | b"][..],
            &["bash", "-c", "a $HOME"],
            &["bash", "-c", "a 'b"],
            &["bash", "-x", "a"],
            &["bash"],
            &["python3", "-c", "a"],
        ] {
            assert_eq!(command(words), None, "{words:?}");
        }
    }
}

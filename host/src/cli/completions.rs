//! `completions`: a script by which a shell completes verbs, flags and values.

use clap::{Args, ValueEnum};
use clap_complete::generate;
use clap_complete::shells;

use super::Ended;

#[derive(Args)]
pub(super) struct CompletionsVerb {
    /// The shell that will read the script
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    /// GNU bash
    Bash,
    /// The Z shell: a file called _drift-host in a folder of its fpath
    Zsh,
    /// The friendly interactive shell
    Fish,
}

impl CompletionsVerb {
    pub(super) fn run(self) -> Ended {
        let (mut command, mut script) = (super::command(), Vec::new());
        match self.shell {
            Shell::Bash => generate(shells::Bash, &mut command, "drift-host", &mut script),
            Shell::Zsh => generate(shells::Zsh, &mut command, "drift-host", &mut script),
            Shell::Fish => generate(shells::Fish, &mut command, "drift-host", &mut script),
        }
        // clap_complete 4.6 gives the parts of bash's script two names where the program's has a hyphen in it, so that they do not meet.
        let script = String::from_utf8_lossy(&script).replace("drift__subcmd__host", "drift__host");
        show!("{script}");
        Ok(0)
    }
}

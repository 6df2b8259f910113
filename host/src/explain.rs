//! Every error that ends a verb, by a code that stays: what it means, and what to do.
//!
//! The table below is the single source. An error's exit code is that of its code; `drift-host explain CODE` prints a page of it, and
//! docs/errors.md is all of them (a test compares). A code is never given another meaning, and none is taken away: scripts and runbooks
//! name them.

/// Makes the codes and their table from one list.
macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $code:ident $word:literal $exit:literal, $cause:literal, $remedy:literal;)*) => {
        /// What ended a verb, for people who look it up and for scripts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[doc = $doc])+ $code,)*
        }

        impl Code {
            /// All of them, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// What is known of it.
            pub fn page(self) -> Page {
                match self {
                    $(Self::$code => Page { code: $word, exit: $exit, cause: $cause, remedy: $remedy },)*
                }
            }
        }
    };
}

/// What is known of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The code, as people write it: `table-missing`.
    pub code: &'static str,
    /// The exit code of a verb that ends so.
    pub exit: u8,
    /// What it means, and how it comes about.
    pub cause: &'static str,
    /// What to do. Empty where the message itself says all there is to say.
    pub remedy: &'static str,
}

impl Code {
    /// As people write it.
    pub fn as_str(self) -> &'static str {
        self.page().code
    }

    /// The exit code of a verb that ends so.
    pub fn exit_code(self) -> u8 {
        self.page().exit
    }

    /// Whether its page says more than the message.
    pub fn says_more(self) -> bool {
        !self.page().remedy.is_empty()
    }

    /// The code that is written so.
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == word)
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

codes! {
    /// What was asked for cannot be, as it was asked.
    Usage "usage" 2,
        "What was asked for cannot be, as it was asked: a value that is none, flags that do not go together, a run or item that is not there. The message says which.",
        "";
    /// A rule of drift-host forbids it, and the message says which.
    Refused "refused" 3,
        "A rule of drift-host forbids it. The message says which, what would lift it, and whether anything was done.",
        "";

    /// A file is no plugin that can run here.
    PluginUnusable "plugin-unusable" 2,
        "The file is not a migration that this drift-host runs: not WebAssembly, no component, built against another contract, a file of JavaScript with a mistake, beyond a limit, or it imports what is not allowed.",
        "The message names what was found. Build it again (`drift-host build`), and look at the result by `drift-host inspect PLUGIN`. What a migration may import stands in docs/security.md; its limits are raised by `--limit NAME=VALUE`.";
    /// A project cannot be made, built or tested.
    Project "project" 2,
        "A project of a migration could not be made, built or tested: a file is missing, a tool of its language is missing or failed, a fixture is not understood.",
        "The message has the file or the tool's own words. docs/languages has a page for each language with what it needs. Building runs without your AWS variables; a script that needs them cannot work.";
    /// A project is not built beside credentials.
    ProjectNotBuilt "project-not-built" 3,
        "A project was named where a table is not on this machine. Building it would run other people's scripts beside the credentials of that table.",
        "Build it apart, without credentials: `drift-host build PROJECT`. Then name the project or its component again; what was built before runs nobody's scripts.";
    /// The migration could not be started.
    NotStarted "not-started" 2,
        "The migration loaded, and its instances could not be started: its own beginning failed, or this machine has not the memory or threads.",
        "Try it with one instance: `--concurrency 1`. If that fails too, `drift-host inspect PLUGIN` and `drift-host try` show what it does; raise `--limit memory=SIZE` if it is its memory.";
    /// It asks for more than it was granted.
    GrantMissing "grant-missing" 3,
        "The migration wants more than to patch the item it is handed, and was not granted it. Nothing was read or written.",
        "Read what it asks for, and why (`drift-host inspect PLUGIN`). If it may, add the `--grant` lines that the message has; `--grant asked` grants all. With a policy, the policy has to have them too.";
    /// It writes at once, which cannot be previewed.
    WritesAtOnce "writes-at-once" 3,
        "The migration was granted direct-write: it writes while it works on an item, so that neither `try` nor `plan` can show it without doing it.",
        "Run it on a copy of the table first, or grant it less. docs/direct.md says what holds of such writes.";
    /// The policy file cannot be used.
    PolicyUnusable "policy-unusable" 2,
        "The file of `--policy` is not there, not TOML, or has what is not known.",
        "The message has the line. docs/policy.md has every key with an example.";
    /// The policy forbids it.
    PolicyForbids "policy-forbids" 3,
        "What was asked is more than the policy allows on this table: a grant, a limit, a plugin's digest, or the table itself.",
        "Ask for less, or have the policy changed by whoever owns it. A policy is narrowed by flags and never widened.";

    /// drift.toml cannot be used.
    ConfigUnusable "config-unusable" 2,
        "The file of environments (`drift.toml`, or that of `--config`) is not there, not TOML, has a key that is not known or that looks like a secret, or has no environment of that name.",
        "The message has the line. docs/configuration.md has every key with an example. Secrets are named by `--secret-arg NAME=env:VARIABLE`, credentials by `profile`.";
    /// The credentials are of another account than the environment's.
    WrongAccount "wrong-account" 3,
        "The environment names an AWS account, and the credentials that were found are of another. Nothing was read or written.",
        "Name the environment that was meant (`--env NAME`), or log in to its account: `aws sso login --profile NAME`, AWS_PROFILE, `--profile`. `aws sts get-caller-identity` says who you are.";
    /// The environment does not have this table.
    TableNotAllowed "table-not-allowed" 3,
        "The environment lists the tables that may be worked on, and this one is none of them. Nothing was read or written.",
        "Check the table's name and the environment's (`--env NAME`). If the table belongs there, add it to `tables` in drift.toml.";
    /// A hook said no, or failed.
    HookRefused "hook-refused" 3,
        "A command that was to run at `start` or `planned` ended with another exit code than 0, could not be started, or took longer than it may. At `start` nothing was scanned; at `planned` the plan stands and nothing of it was written.",
        "Its own output, above the message, says why. When it is settled, `drift-host apply RUN` goes on from a plan that stands; at `start` begin again. A gate that waits for people needs more time: `--hook-timeout 2h`. See docs/hooks.md.";
    /// A signal came while a hook was at work.
    Stopped "stopped" 130,
        "The run was stopped, by Ctrl-C, SIGTERM (exit code 143) or `--stop-after` (exit code 75), while a hook on `start` or `planned` was at work. Nothing further was done.",
        "Where the plan stands, `drift-host apply RUN` goes on, and asks the hook again; else begin again.";
    /// Nobody said yes.
    NotConfirmed "not-confirmed" 3,
        "A verb that writes asked first, and the answer was not yes; or nobody could be asked, for standard input is no terminal. Nothing was written.",
        "Where nobody can be asked (CI, cron) say `--yes`, after a `plan` that somebody has read.";

    /// The table has a run that is not done.
    UnfinishedRun "unfinished-run" 3,
        "Another run has begun on this table and is not done. Two half-done migrations of one table would know nothing of each other.",
        "Finish it: `drift-host apply RUN`, on the machine that has its journal; or take it back: `drift-host undo --run RUN`. `drift-host status` lists it. Only if its journal is lost: `drift-host repair RUN --abandon` (docs/repair.md).";
    /// The migration is applied already.
    AlreadyApplied "already-applied" 3,
        "The history says that this migration was applied meanwhile, by another run or another tool, so that an older plan of it must not be carried out.",
        "`drift-host status` says by whom and when. Remove the plan (`drift-host status --prune --planned`). If the history is wrong: `drift-host repair --table T --not-applied NUMBER`.";
    /// The code is not what it was.
    DigestDiffers "digest-differs" 3,
        "A migration is known by the digest of its code, and this code has another than was applied, planned, or read a moment ago.",
        "Give new code a number of its own. If it does the same (built anew, by another compiler): `drift-host repair PLUGIN --table T --accept-digest`. Failed items by mended code: `drift-host apply RUN --retry-failed --plugin FIXED`.";
    /// The history has it for another table.
    OtherTable "other-table" 3,
        "Numbers are unique in a metadata table, and this one is recorded for another table than was named.",
        "Check `--table` and `--meta-table`. If the record is wrong (the table was renamed or restored): `drift-host repair --adopt NUMBER --table T`.";
    /// Another migration comes before it.
    ComesAfter "comes-after" 3,
        "The migration says that it comes after another one, which is not applied.",
        "Apply that one first. In a folder `drift-host up DIR --table T` does all in order; `drift-host status DIR --table T` shows where each stands.";
    /// One with a higher number is applied.
    OutOfOrder "out-of-order" 3,
        "A migration of the folder is not applied, and one with a higher number is: it came late, from a branch that was merged, say.",
        "If it may come after that one: `drift-host up DIR --table T --out-of-order`. If it is not to be run: `drift-host repair DIR --applied NUMBER --table T`.";
    /// The table has not what the migration needs.
    DoesNotFit "does-not-fit" 3,
        "The migration says what it needs of its table (key, index), and this table has it not. Nothing was read or written.",
        "Check the table's name first. `drift-host inspect PLUGIN` lists what it needs.";
    /// The table is a new one of the same name.
    TableReplaced "table-replaced" 3,
        "The run began with a table that was deleted since, and another was created under its name. What the journal knows of the items is not of these.",
        "Begin a new run. The old one is given up by `drift-host repair RUN --abandon`, once its journal is moved away; `show RUN` still tells all of it.";
    /// It is one of drift-host's own tables.
    OwnTable "own-table" 3,
        "The table is one of drift-host's own (the metadata table, its _runs or _receipts): what was applied, and who works on what, is kept there.",
        "Name the table that is to be migrated. If your table happens to have that name, keep the history elsewhere: `--meta-table NAME`.";
    /// A global table, and no home.
    HomeRegion "home-region" 3,
        "The table is replicated to other regions. A condition holds in one region only: what the application writes in another meanwhile is not seen, and may be overwritten.",
        "Run where the application writes, and say so: `--home-region REGION`. If it writes in several, stop the writes of the others first (docs/warnings.md#global-table).";
    /// No point-in-time recovery, and it was required.
    NoRecovery "no-recovery" 3,
        "`--require-pitr` was said, and the table has no point-in-time recovery, or that could not be looked at. Nothing was read or written.",
        "Turn it on (the message has the command), or allow dynamodb:DescribeContinuousBackups. `--backup` makes a backup instead, before the first write.";
    /// The backup could not be made.
    BackupFailed "backup-failed" 3,
        "`--backup` was said, and DynamoDB did not make the backup. The plan stands, and nothing of it was written.",
        "It takes dynamodb:CreateBackup on the table and dynamodb:DescribeBackup on its backups. Then `drift-host apply RUN --backup`.";
    /// The journal would go with the machine.
    PassingMachine "passing-machine" 3,
        "This looks like a container or a build agent, and the run's journal would be on its disk. A run that has begun to write goes on only with its journal.",
        "Keep runs where they last: `--runs-dir s3://BUCKET/PREFIX`, or DRIFT_RUNS_DIR, or `runs-dir` in drift.toml. If the folder is on a volume that lasts, say `--ephemeral-runs`.";
    /// It cannot be taken back.
    NoWayBack "no-way-back" 3,
        "The run or migration cannot be taken back as things stand: it wrote nothing, is undone already, others were applied after it, or neither an undo nor its images are there.",
        "The message says which. Take back later ones first (`drift-host undo DIR --to NUMBER` does that in order). docs/way-back.md says what each way needs; a backup of the table is the last one.";

    /// Another process has the journal.
    Locked "locked" 75,
        "Another process on this machine works on the run.",
        "Wait, or look at it: `drift-host ctl RUN status`. To end it so that it can go on: `drift-host ctl RUN stop`, or Ctrl-C where it runs. The lock goes with its process; nothing has to be removed.";
    /// The file is no journal.
    JournalForeign "journal-foreign" 65,
        "The file has the name of a journal and is none of drift-host's.",
        "`drift-host status` lists the runs that are here. If a copy of the journal exists, put it back in its place.";
    /// The journal is damaged.
    JournalDamaged "journal-damaged" 65,
        "A record of the journal is not what was written: its checksum does not hold. The disk, a copy that was cut off, or another program.",
        "Put back a copy, if there is one; runs in S3 have one. Without it the run cannot go on: `drift-host show RUN --check` says how much is readable, and docs/repair.md what to do about a run whose journal is lost.";
    /// Written by a newer drift-host.
    JournalNewer "journal-newer" 65,
        "The journal was written by a newer drift-host.",
        "Go on with that version, or a newer one.";
    /// Written by an older drift-host.
    JournalOlder "journal-older" 65,
        "The journal was written by an older drift-host, in a format that is no longer read.",
        "Go on with the version that began the run, or begin a new one.";
    /// Others may write in the runs folder.
    RunsFolderOpen "runs-folder-open" 3,
        "Other users may write in the folder of runs. They could put a plan of their own in place of yours, and it would be carried out with your credentials.",
        "`chmod go-w DIR`, or name another folder by `--runs-dir`. A shared place for several people is S3, with its own rights (docs/runs-folder.md).";
    /// The journal could not be made.
    JournalNotMade "journal-not-made" 75,
        "The journal could not be made, so that the run has not begun: nothing was scanned or written.",
        "Free space and permissions of the folder, which the message names; or another folder, `--runs-dir DIR`.";
    /// No room for the journal.
    NoRoom "no-room" 75,
        "The disk of the runs folder has less room than the journal will take by the estimate. Nothing was scanned or written.",
        "Free some, name a larger disk (`--runs-dir`), or keep less: `--no-images`, `--window N` (docs/huge-tables.md).";
    /// The journal has the most it may have.
    JournalFull "journal-full" 75,
        "The journal has grown to the size that `--journal-max` allows. Nothing was half recorded.",
        "`drift-host apply RUN --journal-max SIZE`, with more; or plan anew with `--no-images` or `--window N` (docs/huge-tables.md).";
    /// There is no such run.
    NoRun "no-run" 3,
        "No run of this id, or beginning of an id, is in the folder of runs; or several begin so.",
        "`drift-host status` lists the runs that are here, and those unfinished elsewhere with the machine they are on. Name the folder by `--runs-dir`, or DRIFT_RUNS_DIR.";
    /// The journal could not be read or written.
    JournalStorage "journal-storage" 75,
        "The journal could not be read or written: a full disk, permissions, a disk that fails. Nothing is half recorded.",
        "Mend it, and `drift-host apply RUN`. A run whose disk was full goes on where it stood.";
    /// A rule of journals.
    JournalRule "journal-rule" 75,
        "The journal is not in the state that this step needs, which should not be: another process may have gone on with the run meanwhile.",
        "`drift-host show RUN --check`, then `drift-host apply RUN`. If it comes again, report it with what `show` says.";

    /// The table is being worked on.
    TableHeld "table-held" 75,
        "Another run holds the lease of the table. One run at a time writes to a table.",
        "`drift-host status` says who and where; `drift-host ctl RUN status` how far it is. A run that died is taken over when its lease runs out, within a minute; `drift-host repair --table T --drop-lease` only if its process is surely dead.";
    /// Nobody leads the run of which this process does a part.
    NotLed "not-led" 75,
        "A segment of a run that many processes share is written only while `drift-host lead` is at work: it holds the lease that the others follow.",
        "Start `drift-host lead` with the same --journal, or wait for it, and begin the segment again. Nothing was written without it.";
    /// The lease was lost.
    LeaseLost "lease-lost" 75,
        "The lease of the table could not be renewed in time, or somebody dropped it. The run wrote nothing more from then on.",
        "`drift-host status`: if nobody else works on the table, `drift-host apply RUN`. If it comes again, the metadata table is throttled or the network is slow: raise `--request-timeout`.";
    /// A row of the metadata table cannot be read.
    MetadataUnreadable "metadata-unreadable" 3,
        "A row of the metadata table is not one of drift-host's or dynamo-drift's.",
        "Name the right table (`--meta-table`). Rows of other programs do not belong there.";

    /// The URL of the runs cannot be used.
    RunsPlace "runs-place" 2,
        "What `--runs-dir` names is no place for runs in object storage.",
        "The form is s3://BUCKET/PREFIX, or a folder (docs/runs-folder.md).";
    /// The bucket is not there or not allowed.
    RunsDenied "runs-denied" 4,
        "The bucket of the runs is not there, or these credentials may not use it.",
        "It takes s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket below its prefix (docs/runs-folder.md).";
    /// There is such an object.
    RunsExist "runs-exist" 75,
        "An object that was to be created is there already: another process published it.",
        "Look again: `drift-host show RUN`, then `drift-host apply RUN`.";
    /// Another machine went on with the run.
    RunOvertaken "run-overtaken" 75,
        "Another machine went on with the run meanwhile, and published its progress.",
        "`drift-host ctl RUN status` says where it is at work. If it has ended there: `drift-host apply RUN` goes on from what was published.";
    /// An object of the runs is damaged.
    RunsDamaged "runs-damaged" 65,
        "An object of a run is missing in the bucket, or is not what was published.",
        "Put back a version of it, if the bucket keeps them. The machine that began the run may still have its journal.";
    /// The bucket does not answer.
    RunsUnreachable "runs-unreachable" 75,
        "The object storage of the runs gave no answer, or none that helps, or the working folder cannot be used. Nothing is lost.",
        "Try again. Check AWS_ENDPOINT_URL_S3, the network and any proxy; the working folder is named by `--scratch-dir`.";

    /// Known credentials that may not do this.
    Denied "denied" 4,
        "AWS knows the credentials, and they may not do this on this table.",
        "`drift-host doctor --table T` tries every right that a run needs and writes nothing; `drift-host inspect PLUGIN --iam-policy` prints the policy to allow.";
    /// There is no such table.
    TableMissing "table-missing" 4,
        "There is no table of this name in this region of this account.",
        "Check the name, `--region` and whose credentials these are (`drift-host doctor --table T` says endpoint, region and key).";
    /// The table is being deleted, or archived.
    TableUnusable "table-unusable" 4,
        "The table is being deleted, is archived, or its encryption key cannot be used. Waiting does not help.",
        "Restore the table or its key first.";
    /// No credentials were found.
    NoCredentials "no-credentials" 4,
        "No credentials were found in any of the places where AWS tools look.",
        "`aws sso login`, `--profile`, AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. In a container or instance: its role.";
    /// They are not known there.
    WrongCredentials "wrong-credentials" 4,
        "The credentials are not known there, or do not fit what was signed with them.",
        "Check key, secret and session token (all three of one login), the region, and this machine's clock.";
    /// They have expired.
    ExpiredCredentials "expired-credentials" 75,
        "The credentials have expired, and asking for new ones gave none.",
        "Log in again (`aws sso login`), then `drift-host apply RUN`: nothing is lost. For long runs use credentials that renew themselves: SSO, a role, credential_process.";
    /// No region is known.
    NoRegion "no-region" 2,
        "No AWS region is known.",
        "`--region`, AWS_REGION, a profile's, or `region` in drift.toml.";
    /// The endpoint cannot be reached.
    Unreachable "unreachable" 75,
        "The endpoint could not be reached: no such name, nobody listens, a certificate that is not trusted.",
        "Check endpoint, region, network and proxy (HTTPS_PROXY, NO_PROXY, AWS_CA_BUNDLE). Then go on; nothing is lost.";
    /// No answer in time.
    NoAnswer "no-answer" 75,
        "DynamoDB gave no answer in time, and again when it was asked again. Writes without an answer are settled by their guards when the run goes on.",
        "`drift-host apply RUN`, with more time if need be: `--request-timeout SECONDS`. docs/decisions/0002-delivery.md says what becomes of such writes.";
    /// Throttled for longer than was waited.
    Throttled "throttled" 75,
        "The table is throttled, and stayed so for longer than a run waits.",
        "Raise the table's capacity or go slower (`--max-write-units`, `drift-host ctl RUN set max-write-units=N`); then `drift-host apply RUN`.";
    /// A condition did not hold where it had to.
    ConditionFailed "condition-failed" 75,
        "A row of drift-host's own tables is not as it was a moment ago: another process changed it.",
        "Look again (`drift-host status`) and try again.";
    /// DynamoDB does not take the request.
    RequestRefused "request-refused" 2,
        "DynamoDB does not take the request: a filter that it does not understand, an attribute of another type than the key's, an item that is too large.",
        "The message has DynamoDB's words.";
    /// The table is not ACTIVE.
    TableNotActive "table-not-active" 75,
        "The table is being made, restored or changed.",
        "Wait until it is ACTIVE (`aws dynamodb wait table-exists`), then go on.";
    /// Something else answers there.
    NotDynamoDb "not-dynamodb" 75,
        "Something answers at the endpoint, but not as DynamoDB does: a proxy, a login page, another server.",
        "Check `--endpoint-url`, AWS_ENDPOINT_URL and the proxy variables.";
    /// A retry was cancelled.
    Cancelled "cancelled" 75,
        "A call that waited to be sent again was cancelled, for the run stops.",
        "`drift-host apply RUN` goes on.";
    /// Anything else that DynamoDB says.
    DynamoDb "dynamodb" 75,
        "DynamoDB, or the way to it, said something that has no code of its own.",
        "The message has its words. Try again; a run goes on by `drift-host apply RUN`.";

    /// The port is in use.
    PortInUse "port-in-use" 75,
        "`drift-host local` cannot listen: another program, or another `drift-host local`, has the port.",
        "`--port N`, or `--port 0` for any free one; the URL is printed.";
    /// The embedded DynamoDB cannot serve.
    LocalFailed "local-failed" 75,
        "The embedded DynamoDB could not serve or load, by the system's or its engine's word.",
        "Try again. If `--data FILE` is kept, it is as it was after the last write that was answered.";
    /// What `local` was given cannot be used.
    LocalUnusable "local-unusable" 2,
        "`drift-host local` was given what it cannot use: a port that may not be had, a file that is none of its own, a file to load with a mistake. The message has the file, with line and column where there is one; `drift-host local --help` has the forms of `--load`.",
        "";
    /// This process could not start.
    Process "process" 75,
        "This process could not start its threads.",
        "The machine has no threads or memory left: see its limits (`ulimit -u`).";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_a_word_of_its_own_with_a_page_in_whole_sentences() {
        const EXITS: [u8; 6] = [2, 3, 4, 65, 75, 130];
        let mut words: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        for code in Code::ALL {
            let Page { code: word, exit, cause, remedy } = code.page();
            assert!(word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-'), "{word}");
            assert!(EXITS.contains(&exit), "{word}: {exit}");
            assert!(cause.ends_with('.') && (remedy.is_empty() || remedy.ends_with('.')), "{word}");
            assert_eq!(Code::find(word), Some(*code));
        }
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), count, "no word twice");
        assert_eq!(Code::find("nothing"), None);
    }

    #[test]
    fn every_verb_and_flag_that_a_page_names_is_there() {
        let command = crate::cli::command();
        let flags: Vec<String> = command
            .get_subcommands()
            .flat_map(|verb| verb.get_arguments().filter_map(|argument| Some(format!("--{}", argument.get_long()?))))
            .collect();
        for page in Code::ALL.iter().map(|code| code.page()) {
            let quoted = |text: &'static str| text.split('`').skip(1).step_by(2);
            for text in quoted(page.cause).chain(quoted(page.remedy)).filter(|text| !text.starts_with("aws ")) {
                if let Some(verb) = text.strip_prefix("drift-host ").and_then(|rest| rest.split(' ').next()) {
                    assert!(command.find_subcommand(verb).is_some(), "{}: {verb}", page.code);
                }
                for flag in text.split([' ', '=']).filter(|word| word.starts_with("--") && *word != "--help") {
                    assert!(flags.iter().any(|known| known == flag), "{}: {flag}", page.code);
                }
            }
        }
    }
}

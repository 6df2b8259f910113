//! Command lines that people begin from, below the flags of each verb. Each is parsed by a test.

/// What it does, and the line.
pub(super) type Example = (&'static str, &'static str);

/// Of every verb, two to four.
pub(super) const ALL: &[(&str, &[Example])] = &[
    (
        "new",
        &[
            ("A project with a migration, a fixture and a test", "drift-host new trim-names --lang rust"),
            (
                "Begin with the shapes of real items, their values masked",
                "drift-host new trim-names --lang ts --from-table Users --sample 10",
            ),
        ],
    ),
    (
        "build",
        &[
            ("The project in this folder", "drift-host build ."),
            ("Another one, into a file of your choice", "drift-host build trim-names -o trim_names.wasm"),
        ],
    ),
    (
        "test",
        &[
            ("The fixtures of the project in this folder", "drift-host test ."),
            ("Keep what comes now as what is expected, after reading it", "drift-host test . --bless"),
            ("What an item costs: time, memory, fuel", "drift-host test trim-names.js --bench"),
        ],
    ),
    (
        "try",
        &[
            ("Twenty items, before and after; writes nothing", "drift-host try trim-names.js --table Users"),
            ("The awkward one", "drift-host try trim-names.js --table Users --key 'pk=USER#1, sk=PROFILE'"),
            ("An item of a file, without any table", "drift-host try trim-names.js --item item.json --key-attributes pk,sk"),
        ],
    ),
    (
        "inspect",
        &[
            ("What it is, and what it asks for", "drift-host inspect claims.wasm"),
            ("The least that AWS must allow for it", "drift-host inspect claims.wasm --iam-policy --table Strikes"),
        ],
    ),
    (
        "doctor",
        &[
            ("Before anything depends on it", "drift-host doctor --table Users"),
            ("For a script: exit code 4 if something is missing", "drift-host doctor --table Users --profile staging --json"),
        ],
    ),
    (
        "plan",
        &[
            ("The whole table; writes nothing", "drift-host plan trim-names.js --table Users"),
            ("Is anything left to change? Exit code 1 if so", "drift-host plan trim-names.js --table Users --check"),
            (
                "A part of the table, gently",
                "drift-host plan trim-names.js --table Users --filter 'plan = \"free\"' --max-read-units 10%",
            ),
        ],
    ),
    (
        "run",
        &[
            ("Plan and apply", "drift-host run trim-names.js --table Users"),
            ("A thousand items first, then ask", "drift-host run trim-names.js --table Users --canary 1000"),
            ("Slowly, after a backup", "drift-host run trim-names.js --table Users --max-write-units 200 --backup"),
            ("Only if somebody approves of the plan", "drift-host run trim-names.js --table Users --on planned=./approved.sh"),
        ],
    ),
    (
        "apply",
        &[
            ("Carry out what was planned, or go on after a stop or a crash", "drift-host apply 20261126-170000-abcd"),
            ("The failed items once more, by mended code", "drift-host apply 20261126 --retry-failed --plugin fixed.wasm"),
            ("For so long only; exit code 75 if there is more", "drift-host apply 20261126 --stop-after 14m --yes"),
        ],
    ),
    (
        "undo",
        &[
            ("By the migration's own undo", "drift-host undo trim_names.wasm --table Users"),
            ("From what a run kept, without the plugin", "drift-host undo --run 20261126-170000-abcd"),
            ("Of a folder: all above number 7, newest first", "drift-host undo migrations --to 7 --table Users"),
        ],
    ),
    (
        "up",
        &[
            ("What is not applied yet, in order", "drift-host up migrations --table Users"),
            ("No further than number 7, without a question", "drift-host up migrations --table Users --to 7 --yes"),
        ],
    ),
    (
        "lead",
        &[
            (
                "A run of 64 segments, which other processes plan and carry out",
                "drift-host lead trim_names.wasm --table Users --segments 64 --journal s3://bucket/trim-names",
            ),
            (
                "Eight of them at work at a time, which share what the run may take",
                "drift-host lead trim.wasm --table Users --journal s3://b/trim --at-once 8 --max-write-units 4000",
            ),
        ],
    ),
    (
        "ctl",
        &[
            ("How far it is, and what holds it up", "drift-host ctl 20261126 status"),
            ("Stand still, and go on", "drift-host ctl 20261126 pause; drift-host ctl 20261126 resume"),
            ("Slower from now on", "drift-host ctl 20261126 set max-write-units=50"),
            ("A bad day", "drift-host ctl --all stop"),
        ],
    ),
    (
        "status",
        &[
            ("What is applied, and what is unfinished", "drift-host status --profile staging"),
            ("Where each migration of a folder stands", "drift-host status migrations --table Users"),
            ("Remove journals of runs that are over, older than a month", "drift-host status --prune --older-than 30d"),
        ],
    ),
    (
        "show",
        &[
            ("All that is known of a run, by the beginning of its id", "drift-host show 20261126"),
            ("A page for whoever reviews it, values masked", "drift-host show 20261126 -o report.html"),
            ("What failed, and one item of it", "drift-host show 20261126 --errors; drift-host show 20261126 --item Id=7"),
        ],
    ),
    (
        "repair",
        &[
            ("An item in doubt: you looked, and it happened", "drift-host repair 20261126 --item Id=7 --done"),
            ("Whoever held the table is dead", "drift-host repair --table Users --drop-lease"),
            (
                "The table was changed up to number 12 before drift-host came",
                "drift-host repair migrations --table Users --baseline 12",
            ),
        ],
    ),
    (
        "init",
        &[
            ("The metadata tables, on demand", "drift-host init --profile staging"),
            ("With provisioned capacity, under another name", "drift-host init --meta-table team_migrations --provisioned 5,5"),
        ],
    ),
    (
        "local",
        &[
            ("A DynamoDB with a table of a CSV file, its rows numbered", "drift-host local --load 'Users:+Id=users.csv'"),
            ("Kept in a file, on any free port", "drift-host local --data users.db --port 0 --json"),
        ],
    ),
    (
        "explain",
        &[
            ("What the code at the end of an error means, and what to do", "drift-host explain table-held"),
            ("All of them, for machines", "drift-host explain --json"),
        ],
    ),
    (
        "completions",
        &[
            ("For this shell only", "drift-host completions bash > completions.bash; . ./completions.bash"),
            ("For good", "drift-host completions bash > ~/.local/share/bash-completion/completions/drift-host"),
            ("fish", "drift-host completions fish > ~/.config/fish/completions/drift-host.fish"),
        ],
    ),
];

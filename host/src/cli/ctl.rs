//! `ctl`: steers runs that are at work, from any machine that reaches the metadata table.

use clap::Args;
use serde_json::{Value as Json, json};

use super::Ended;
use super::connection::Connection;
use crate::Error;
use crate::history::{Unfinished, Wish};
use crate::model::Rate;
use crate::report;
use crate::run::{AtWork, Migrator};

#[derive(Args)]
#[command(override_usage = "drift-host ctl RUN pause|resume|stop|status [OPTIONS]
       drift-host ctl RUN set max-read-units=RATE|none max-write-units=RATE|none [OPTIONS]
       drift-host ctl --all pause|resume|stop|status [OPTIONS]")]
pub(super) struct CtlVerb {
    /// The run's id or the beginning of it, and what it is to do
    ///
    /// `pause`: read and write nothing until `resume`; what is under way is finished. `stop`: end, so that `drift-host apply RUN` can go on.
    /// `set max-write-units=200` (or `50%`, or `none`): other rates from now on. `status`: how far it is, and what holds it up. A run heeds it when
    /// it next renews its lease, within some five seconds.
    #[arg(value_name = "RUN ACTION", required = true)]
    words: Vec<String>,
    /// Every run that is at work under this metadata table
    #[arg(long)]
    all: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
enum Action {
    Wish(Vec<Wish>),
    Status,
}

impl CtlVerb {
    pub(super) async fn run(self) -> Ended {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let (run, words) = match (self.all, words.as_slice()) {
            (true, words) => (None, words),
            (false, [run, words @ ..]) => (Some(*run), words),
            (false, []) => (None, [].as_slice()),
        };
        let action = action(words).map_err(Error::Usage)?;
        let migrator = self.connection.migrator().await?;
        let mut told = Vec::new();
        match run {
            Some(run) => told.push(act(&migrator, &migrator.unfinished_run(run).await?, &action).await?),
            None => {
                for run in migrator.unfinished().await? {
                    if migrator.is_at_work(&run).await? {
                        match act(&migrator, &run, &action).await {
                            Ok(at_work) => told.push(at_work),
                            // It ended meanwhile; the others are to be reached all the same.
                            Err(Error::Refused(why)) => tell!("{why}"),
                            Err(error) => return Err(error),
                        }
                    }
                }
            }
        }
        match self.json {
            true => say!("{}", json!({ "v": 1, "runs": told.iter().map(document).collect::<Vec<_>>() })),
            false if told.is_empty() => say!("no run is at work"),
            false => told.iter().for_each(|at_work| show!("{}", report::runs::at_work(at_work))),
        }
        Ok(0)
    }
}

async fn act(migrator: &Migrator, run: &Unfinished, action: &Action) -> Result<AtWork, Error> {
    let mut steered = None;
    if let Action::Wish(wishes) = action {
        for wish in wishes {
            steered = Some(migrator.steer(run, *wish).await?);
        }
    }
    if let Some(at_work) = steered {
        return Ok(at_work);
    }
    let never = || {
        Error::Refused(format!(
            "the run {} on {} is {}, and was never at work so that it tells how far it is",
            run.run, run.table, run.state
        ))
    };
    migrator.at_work(run).await?.ok_or_else(never)
}

fn action(words: &[&str]) -> Result<Action, String> {
    let forms = "pause, resume, stop, status, or set max-read-units=RATE|none max-write-units=RATE|none";
    match words {
        ["pause"] => Ok(Action::Wish(vec![Wish::Pause])),
        ["resume"] => Ok(Action::Wish(vec![Wish::Resume])),
        ["stop"] => Ok(Action::Wish(vec![Wish::Stop])),
        ["status"] => Ok(Action::Status),
        ["set", settings @ ..] if !settings.is_empty() => {
            let wishes = settings.iter().map(|setting| {
                let pace = |text: &str| text.parse::<Rate>().map_err(|problem| format!("{setting}: {problem}"));
                match setting.split_once('=') {
                    Some(("max-read-units", rate)) => Ok(Wish::Read(pace(rate)?)),
                    Some(("max-write-units", rate)) => Ok(Wish::Write(pace(rate)?)),
                    _ => {
                        Err(format!("{setting:?} cannot be set; only max-read-units=RATE|none and max-write-units=RATE|none can"))
                    }
                }
            });
            Ok(Action::Wish(wishes.collect::<Result<_, String>>()?))
        }
        [] => Err(format!("say which run, or --all, and what it is to do: {forms}")),
        words => Err(format!("{:?} is nothing that a run does; say {forms}", words.join(" "))),
    }
}

fn document(at_work: &AtWork) -> Json {
    let AtWork { run, wishes, progress } = at_work;
    json!({
        "run": run.run, "table": run.table, "number": run.number.to_string(), "direction": run.direction, "state": run.state, "owner": run.owner,
        "paused": wishes.paused, "stop": wishes.stop, "by": wishes.by,
        "max_read_units": wishes.read.map(|pace| pace.to_string()), "max_write_units": wishes.write.map(|pace| pace.to_string()),
        "phase": progress.phase, "done": progress.done, "of": progress.of, "pace": progress.pace, "at": progress.at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_run_is_to_do_is_read_or_refused_with_the_right_form() {
        assert_eq!(action(&["pause"]), Ok(Action::Wish(vec![Wish::Pause])));
        assert_eq!(action(&["status"]), Ok(Action::Status));
        let both = action(&["set", "max-read-units=50%", "max-write-units=none"]).unwrap();
        assert_eq!(both, Action::Wish(vec![Wish::Read("50%".parse().unwrap()), Wish::Write(Rate::Unlimited)]));
        for wrong in
            [&[] as &[&str], &["set"], &["halt"], &["pause", "now"], &["set", "speed=3"], &["set", "max-write-units=fast"]]
        {
            let problem = action(wrong).unwrap_err();
            assert!(problem.contains("max-write-units"), "{wrong:?}: {problem}");
        }
    }
}

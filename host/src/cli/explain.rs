//! `explain`: what an error's code means, and what to do.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::{Value as Json, json};

use super::Ended;
use crate::explain::{Code, Page};

#[derive(Args)]
pub(super) struct ExplainVerb {
    /// The code, as it stands at the end of an error: table-missing, say [default: a list of all]
    #[arg(value_name = "CODE", value_parser = words(), hide_possible_values = true)]
    code: Option<Code>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// By clap, so that a slip is answered with the right word, and a shell can complete it.
fn words() -> impl TypedValueParser<Value = Code> {
    PossibleValuesParser::new(Code::ALL.iter().map(|code| code.as_str())).try_map(|word| Code::find(&word).ok_or("no such code"))
}

impl ExplainVerb {
    pub(super) fn run(self) -> Ended {
        let chosen = Code::ALL.iter().copied().filter(|code| self.code.is_none_or(|one| one == *code));
        if self.json {
            say!("{}", json!({ "v": 1, "codes": chosen.map(document).collect::<Vec<_>>() }));
            return Ok(0);
        }
        match self.code {
            Some(code) => {
                let Page { code, exit, cause, remedy } = code.page();
                say!("{code}: exit code {exit}\n\n{cause}");
                if !remedy.is_empty() {
                    say!("\nWhat to do: {remedy}");
                }
            }
            None => {
                for Page { code, exit, cause, .. } in chosen.map(Code::page) {
                    let first = cause.split_inclusive(". ").next().unwrap_or(cause);
                    say!("{code:<20} {exit:>2}  {}", first.trim_end());
                }
            }
        }
        Ok(0)
    }
}

fn document(code: Code) -> Json {
    let Page { code, exit, cause, remedy } = code.page();
    json!({ "code": code, "exit": exit, "cause": cause, "remedy": remedy })
}

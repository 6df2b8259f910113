//! A batch of which some statements fail while the others are carried out.

use hyper::body::Bytes;
use serde_json::{Value as Json, json};

use super::answer::Answer;
use super::request::Request;
use super::rule::Moment;

/// A batch taken apart.
pub(super) struct Split {
    /// By statement: whether it fails.
    fails: Vec<bool>,
    /// By statement: whether it was forwarded.
    forwards: Vec<bool>,
    /// The rest of the batch; `None` if nothing is left of it.
    pub(super) forwarded: Option<Bytes>,
}

/// Takes those statements out that fail before they are carried out.
pub(super) fn split(request: &Request, moment: Moment, which: &dyn Fn(usize, &Json) -> bool) -> Split {
    let statements = request.statements();
    assert!(!statements.is_empty(), "a fault of statements befell {}, which has none", request.operation);
    let fails: Vec<bool> = statements.iter().enumerate().map(|(at, statement)| which(at, statement)).collect();
    let forwards: Vec<bool> = fails.iter().map(|fails| !fails || moment == Moment::After).collect();
    let rest: Vec<&Json> = statements.iter().zip(&forwards).filter(|(_, forward)| **forward).map(|(it, _)| it).collect();
    let forwarded = (!rest.is_empty()).then(|| {
        let mut whole = request.json.clone();
        whole["Statements"] = json!(rest);
        Bytes::from(whole.to_string())
    });
    Split { fails, forwards, forwarded }
}

/// The answer to the whole batch, from DynamoDB's to the rest.
pub(super) fn merge(split: &Split, theirs: Option<Answer>, code: &str) -> Answer {
    let mut whole = match &theirs {
        Some(answer) if answer.status != 200 => return answer.clone(),
        Some(answer) => serde_json::from_slice(&answer.body).unwrap(),
        None => json!({}),
    };
    let mut answered = whole["Responses"].as_array().cloned().unwrap_or_default().into_iter();
    let each = split.fails.iter().zip(&split.forwards).map(|(fails, forwarded)| {
        let theirs = if *forwarded { answered.next() } else { None };
        if *fails { json!({ "Error": { "Code": code, "Message": format!("{code}, on purpose") } }) } else { theirs.unwrap() }
    });
    let responses: Vec<Json> = each.collect();
    whole["Responses"] = json!(responses);
    Answer::json(200, &whole)
}

//! From an attempt to what is sent for it.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::guard::{self, MAX_EXPRESSION, Must, Placeholders};
use super::statement::{Statement, Texts};
use super::{Attempt, Guard, Proof, signed};
use crate::dynamo::client::{Change, Client, Condition};
use crate::dynamo::error::Error;
use crate::dynamo::table::TableInfo;
use crate::model::{Action, Existing, Item, Key, Patch, Target, Update};

/// DynamoDB's limit for one transaction.
const MAX_ACTIONS: usize = 100;

/// One operation of DynamoDB.
pub(super) struct Op {
    pub(super) table: String,
    pub(super) key: Key,
    /// It is on the handed-in item and carries its guard.
    pub(super) on_this: bool,
    /// The author's own condition is in it.
    pub(super) conditional: bool,
    pub(super) role: Role,
    /// As a write of its own, it is guarded by a part of the attributes that were seen: a condition holds no more.
    pub(super) partly: bool,
    /// Why it cannot be a write of its own.
    pub(super) problem: Option<String>,
    pub(super) what: What,
}

/// For what an operation is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The action of this index; of several merged patches the first.
    Action(usize),
    /// The handed-in item: its guard alone, or its stamp.
    Source,
    /// The proof that the others happened.
    Receipt,
}

/// What an operation does.
pub(super) enum What {
    Put(Item, Existing, Option<Condition>),
    Update(Change),
    Delete(Option<Condition>),
    Check(Condition),
}

/// What is sent for an attempt.
pub(super) enum Plan {
    /// Nothing: it is as it should be.
    Nothing,
    /// One statement of a batch, on the handed-in item; the same as a single write is planned only where it is needed.
    Batched(Statement, Key),
    /// One write; whether it is one that a statement would have done, could PartiQL say it.
    Single(Op, bool),
    /// One transaction.
    Transaction(Vec<Op>),
    /// It cannot be done.
    Impossible(String),
}

/// Plans an attempt, in a statement if it can be said in one and there are `texts`: they are for PartiQL, and of this table. An `Err`
/// is DynamoDB's, met while looking up the key of another table.
pub(super) async fn plan(
    client: &Client,
    table: &TableInfo,
    attempt: &Attempt,
    texts: Option<&mut Texts>,
) -> Result<Plan, Error> {
    let this = match table.key.key_of(&attempt.image) {
        Ok(key) => key,
        Err(problem) => return Ok(Plan::Impossible(problem)),
    };
    if let Some(problem) = signed::breaks(table, &attempt.terms, &attempt.image, &attempt.actions) {
        return Ok(Plan::Impossible(problem));
    }
    let mut draft = Draft { table, attempt, this, patch: None, guarded: false, partly: false, problem: None, ops: Vec::new() };
    for (at, action) in attempt.actions.iter().enumerate() {
        let other = action.table().filter(|name| !is_named(table, name));
        let key = match (action, other) {
            (Action::Insert(insert) | Action::Withdraw(insert), Some(name)) => {
                Some(client.table(name).await?.key.key_of(&insert.item))
            }
            (Action::Insert(insert) | Action::Withdraw(insert), None) => Some(table.key.key_of(&insert.item)),
            _ => None,
        };
        if let (Action::Withdraw(insert), Some(Ok(key))) = (action, &key) {
            // A condition cannot see attributes that were added to it since, so it is looked at as well.
            let name = other.unwrap_or(&table.name);
            match client.get_item(name, key, true).await? {
                None => continue,
                Some(present) if present == insert.item => {}
                Some(_) => return Ok(Plan::Impossible(format!("the item {key} in {name} is no longer what was inserted"))),
            }
        }
        let added = match key.transpose() {
            Ok(key) => draft.add(at, action, other, key),
            Err(problem) => Err(problem),
        };
        if let Err(problem) = added {
            return Ok(Plan::Impossible(format!("action {} ({}): {problem}", at + 1, action.kind())));
        }
    }
    Ok(draft.finish(texts).unwrap_or_else(Plan::Impossible))
}

fn is_named(table: &TableInfo, name: &str) -> bool {
    name == table.name || name == table.arn
}

struct Draft<'a> {
    table: &'a TableInfo,
    attempt: &'a Attempt,
    this: Key,
    /// All patches merged, and the first one's index.
    patch: Option<(usize, Patch)>,
    /// Some action is on the handed-in item.
    guarded: bool,
    /// What is known of the operation that is being made; see [`Op`].
    partly: bool,
    problem: Option<String>,
    ops: Vec<Op>,
}

impl Draft<'_> {
    fn add(&mut self, at: usize, action: &Action, other: Option<&str>, key: Option<Key>) -> Result<(), String> {
        let target = match action {
            Action::Patch(patch) => {
                self.guarded = true;
                let (_, merged) = self.patch.get_or_insert_with(|| (at, Patch::default()));
                merge(merged, patch);
                return Ok(());
            }
            Action::Insert(_) | Action::Withdraw(_) => None,
            Action::Update(Update { target, .. }) | Action::Delete(target) => Some(target),
        };
        let key = match (key, target) {
            (Some(key), _) => key,
            (None, Some(Target::Other(address))) => address.key.clone(),
            _ => self.this.clone(),
        };
        let on_this = other.is_none() && key == self.this;
        let mut conditional = false;
        let what = match action {
            Action::Update(update) => {
                if on_this {
                    self.attempt.terms.check_update(update)?;
                }
                conditional = update.condition.is_some();
                What::Update(self.update(update, on_this))
            }
            Action::Delete(_) if on_this && self.attempt.terms.stamp().is_some() => {
                return Err("a deleted item bears no stamp; --exactly-once receipts proves deletes too".into());
            }
            Action::Delete(_) if on_this => What::Delete(Some(self.condition())),
            Action::Delete(_) => What::Delete(None),
            Action::Insert(insert) => {
                let condition = match insert.existing {
                    Existing::Replace if on_this => Some(self.condition()),
                    Existing::Replace => None,
                    Existing::Keep | Existing::Fail => Some(absent(&key)),
                };
                let item = match insert.existing {
                    Existing::Replace if on_this => self.attempt.terms.put_over(&self.attempt.image, &insert.item)?,
                    _ => insert.item.clone(),
                };
                What::Put(item, insert.existing, condition)
            }
            Action::Withdraw(insert) => What::Delete(Some(self.unchanged(&insert.item, &key))),
            Action::Patch(_) => return Ok(()),
        };
        // An insert that must not exist asks for the opposite of the guard: its refusal is about the insert.
        let on_this = on_this
            && !matches!(what, What::Put(_, Existing::Keep | Existing::Fail, _))
            && !matches!(action, Action::Withdraw(_));
        self.guarded |= on_this;
        let table = other.unwrap_or(&self.table.name).to_owned();
        let (partly, problem) = self.known();
        self.ops.push(Op { table, key, on_this, conditional, role: Role::Action(at), partly, problem, what });
        Ok(())
    }

    fn finish(mut self, texts: Option<&mut Texts>) -> Result<Plan, String> {
        let terms = self.attempt.terms.clone();
        let with_receipt = matches!(terms.proof, Proof::Receipt { .. });
        let alone = self.ops.is_empty() && !with_receipt;
        let mut sayable = false;
        if let Some((action, merged)) = self.patch.take() {
            let mut patch = if terms.images { effective(&merged, &self.attempt.image) } else { merged.clone() };
            if !(patch.set.is_empty() && patch.remove.is_empty()) {
                terms.bring(&self.attempt.image, &merged, &mut patch)?;
                sayable = alone;
                if let Some(text) = self.statement(texts.filter(|_| alone), Some(&patch)) {
                    return Ok(Plan::Batched(Statement::new(text, self.attempt, Some(patch)), self.this));
                }
                let what = What::Update(self.patched(&patch));
                self.on_this(Role::Action(action), what);
            }
        } else if matches!(self.ops.as_slice(), [Op { on_this: true, what: What::Delete(_), .. }]) && !with_receipt {
            sayable = true;
            if let Some(text) = self.statement(texts, None) {
                return Ok(Plan::Batched(Statement::new(text, self.attempt, None), self.this));
            }
        }
        if self.ops.is_empty() {
            return Ok(Plan::Nothing);
        }
        if !self.ops.iter().any(|op| op.on_this) {
            self.source()?;
        }
        let mut keys = HashSet::new();
        if let Some(twice) = self.ops.iter().find(|op| !keys.insert((op.table.clone(), op.key.canonical_text()))) {
            return Err(format!("two actions on one item ({} in {}); one item, one action", twice.key, twice.table));
        }
        self.ops.extend(self.receipt());
        if self.ops.len() > MAX_ACTIONS && terms.atomic {
            let receipt = if with_receipt { ", the receipt included" } else { "" };
            let count = self.ops.len();
            return Err(format!(
                "{count} actions{receipt}; DynamoDB takes {MAX_ACTIONS} in one transaction (--no-atomic sends them one by one)"
            ));
        }
        Ok(match (self.ops.len(), self.ops.pop()) {
            (1, Some(op)) => Plan::Single(op, sayable),
            (_, Some(op)) => {
                self.ops.push(op);
                Plan::Transaction(self.ops)
            }
            _ => Plan::Nothing,
        })
    }

    /// Nothing is written to the handed-in item: its stamp, or its guard alone where that is asked for or where a patch of it
    /// changes nothing, while what happens elsewhere follows from it.
    fn source(&mut self) -> Result<(), String> {
        let terms = self.attempt.terms.clone();
        let what = if terms.stamp().is_some() {
            let mut patch = Patch::default();
            terms.bring(&self.attempt.image, &Patch::default(), &mut patch)?;
            What::Update(self.patched(&patch))
        } else if self.guarded || terms.check_source {
            What::Check(self.condition())
        } else {
            return Ok(());
        };
        self.on_this(Role::Source, what);
        Ok(())
    }

    /// The row that proves that all the others were carried out.
    fn receipt(&self) -> Option<Op> {
        let (table, key) = self.attempt.terms.receipt(self.table, &self.this)?;
        let (table, item) = (table.to_owned(), key.attributes().clone());
        let what = What::Put(item, Existing::Fail, Some(absent(&key)));
        Some(Op { table, key, on_this: false, conditional: false, role: Role::Receipt, partly: false, problem: None, what })
    }

    fn statement(&self, texts: Option<&mut Texts>, patch: Option<&Patch>) -> Option<Arc<RawValue>> {
        texts?.of(self.table, &self.this, self.attempt, patch)
    }

    fn on_this(&mut self, role: Role, what: What) {
        let (partly, problem) = self.known();
        let (table, key) = (self.table.name.clone(), self.this.clone());
        self.ops.push(Op { table, key, on_this: true, conditional: false, role, partly, problem, what });
    }

    /// What was noted of the operation that was made last.
    fn known(&mut self) -> (bool, Option<String>) {
        (std::mem::take(&mut self.partly), self.problem.take())
    }

    /// The guard in so many bytes. The first `touched` conditions are about attributes that are written: those must be in it.
    fn guard(&mut self, ours: &mut Placeholders, patch: Option<&Patch>, room: usize) -> String {
        let terms = &self.attempt.terms;
        let conditions = guard::conditions(terms, &self.attempt.image, &self.table.key, patch);
        let touched = guard::touched(terms, patch);
        let guard = ours.guard(&conditions, &self.table.key.partition.name, room);
        self.partly |= guard.held < conditions.len();
        if guard.held < touched {
            let held = guard.held;
            self.problem = Some(format!(
                "it changes {touched} attributes, and a condition can guard {held} of them: patch fewer, or use --guard version=ATTRIBUTE"
            ));
        }
        guard.expression
    }

    /// The guard alone, as a condition.
    fn condition(&mut self) -> Condition {
        let mut ours = Placeholders::beside(&[], &Item::new());
        let expression = self.guard(&mut ours, None, MAX_EXPRESSION);
        Condition { expression, names: ours.names, values: ours.values }
    }

    /// That another item is as it was written.
    fn unchanged(&mut self, item: &Item, key: &Key) -> Condition {
        let others = item.iter().filter(|(name, _)| !key.attributes().contains(name));
        let conditions: Vec<Must<'_>> = others.map(|(name, value)| Must::Equal(name, value)).collect();
        let mut ours = Placeholders::beside(&[], &Item::new());
        let partition = key.attributes().names().next().unwrap_or_default();
        let guard = ours.guard(&conditions, partition, MAX_EXPRESSION);
        self.partly |= guard.held < conditions.len();
        Condition { expression: guard.expression, names: ours.names, values: ours.values }
    }

    /// A patch as an update expression with the guard.
    fn patched(&mut self, patch: &Patch) -> Change {
        let mut ours = Placeholders::beside(&[], &Item::new());
        let sets: Vec<_> = patch.set.iter().map(|(name, value)| format!("{} = {}", ours.name(name), ours.value(value))).collect();
        let removes: Vec<_> = patch.remove.iter().map(|name| ours.name(name)).collect();
        let clause = |word: &str, parts: &[String]| (!parts.is_empty()).then(|| format!("{word} {}", parts.join(", ")));
        let expression = clause("SET", &sets).into_iter().chain(clause("REMOVE", &removes)).collect::<Vec<_>>().join(" ");
        let condition = self.guard(&mut ours, Some(patch), MAX_EXPRESSION);
        if expression.len() > MAX_EXPRESSION {
            let (count, bytes) = (sets.len() + removes.len(), expression.len());
            self.problem = Some(format!(
                "it changes {count} attributes: an expression of {bytes} bytes, and DynamoDB takes {MAX_EXPRESSION}; patch fewer"
            ));
        }
        ours.change(expression, Some(condition))
    }

    /// The author's update; on the handed-in item with the guard as well.
    fn update(&mut self, update: &Update, on_this: bool) -> Change {
        let mut ours = Placeholders::beside(&update.names, &update.values);
        if !on_this {
            return ours.change(update.expression.clone(), update.condition.clone());
        }
        let theirs = update.condition.as_ref().map_or(0, |theirs| theirs.len() + "() AND ".len());
        let guard = self.guard(&mut ours, None, MAX_EXPRESSION.saturating_sub(theirs));
        let condition = match &update.condition {
            Some(theirs) => format!("({theirs}) AND {guard}"),
            None => guard,
        };
        let mut expression = update.expression.clone();
        if let Guard::Version(name) = &self.attempt.terms.guard {
            let one = crate::model::Value::from(1);
            let part = format!("{} {}", ours.name(name), ours.value(&one));
            expression = guard::with_clause(&expression, "ADD", &part);
        }
        if let Proof::Stamp { attribute, run } = &self.attempt.terms.proof {
            let part = format!("{} = {}", ours.name(attribute), ours.value(&run.as_str().into()));
            expression = guard::with_clause(&expression, "SET", &part);
        }
        ours.change(expression, Some(condition))
    }
}

/// That there is no item of this key.
fn absent(key: &Key) -> Condition {
    let mut ours = Placeholders::beside(&[], &Item::new());
    let first = key.attributes().names().next().unwrap_or_default();
    let expression = format!("attribute_not_exists({})", ours.name(first));
    Condition { expression, names: ours.names, values: ours.values }
}

fn merge(into: &mut Patch, patch: &Patch) {
    for (name, value) in &patch.set {
        into.remove.retain(|removed| removed != name);
        into.set.insert(name, value.clone());
    }
    for name in &patch.remove {
        into.set.remove(name);
        if !into.remove.contains(name) {
            into.remove.push(name.clone());
        }
    }
}

/// The part of a patch that changes something; key attributes, which are named only with their own value, fall out with it.
fn effective(patch: &Patch, image: &Item) -> Patch {
    let set = patch.set.iter().filter(|(name, value)| image.get(name) != Some(*value));
    Patch {
        set: set.map(|(name, value)| (name, value.clone())).collect(),
        remove: patch.remove.iter().filter(|name| image.contains(name)).cloned().collect(),
    }
}

//! From an attempt to what is sent for it.

use std::collections::HashSet;

use super::guard::{self, MAX_EXPRESSION, Must, Placeholders};
use super::statement::{Statement, statement};
use super::{Attempt, Guard};
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
    /// Which action it is; of several merged patches the first.
    pub(super) action: usize,
    /// As a write of its own, it is guarded by a part of the attributes that were seen: a condition holds no more.
    pub(super) partly: bool,
    /// Why it cannot be a write of its own.
    pub(super) problem: Option<String>,
    pub(super) what: What,
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

/// Plans an attempt, in a statement if it can be said in one and `partiql` allows; an `Err` is DynamoDB's, met while looking
/// up the key of another table.
pub(super) async fn plan(client: &Client, table: &TableInfo, attempt: &Attempt, partiql: bool) -> Result<Plan, Error> {
    let this = match table.key.key_of(&attempt.image) {
        Ok(key) => key,
        Err(problem) => return Ok(Plan::Impossible(problem)),
    };
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
    Ok(draft.finish(partiql).unwrap_or_else(Plan::Impossible))
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
                conditional = update.condition.is_some();
                What::Update(self.update(update, on_this))
            }
            Action::Delete(_) if on_this => What::Delete(Some(self.condition())),
            Action::Delete(_) => What::Delete(None),
            Action::Insert(insert) => {
                let absent = || {
                    let mut ours = Placeholders::beside(&[], &Item::new());
                    let first = key.attributes().names().next().unwrap_or_default();
                    let expression = format!("attribute_not_exists({})", ours.name(first));
                    Condition { expression, names: ours.names, values: ours.values }
                };
                let condition = match insert.existing {
                    Existing::Replace if on_this => Some(self.condition()),
                    Existing::Replace => None,
                    Existing::Keep | Existing::Fail => Some(absent()),
                };
                What::Put(insert.item.clone(), insert.existing, condition)
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
        self.ops.push(Op { table, key, on_this, conditional, action: at, partly, problem, what });
        Ok(())
    }

    fn finish(mut self, partiql: bool) -> Result<Plan, String> {
        let mut sayable = false;
        let alone = self.ops.is_empty();
        if let Some((action, merged)) = self.patch.take() {
            let mut patch = effective(&merged, &self.attempt.image);
            if !(patch.set.is_empty() && patch.remove.is_empty()) {
                if let Guard::Version(name) = &self.attempt.guard {
                    if merged.set.contains(name) || merged.remove.contains(name) {
                        return Err(format!("a patch may not touch {name:?}, the version attribute of the guard"));
                    }
                    patch.set.insert(name, guard::next_version(name, &self.attempt.image)?);
                }
                sayable = alone;
                if let Some(statement) = self.statement(partiql && alone, Some(&patch)) {
                    return Ok(Plan::Batched(statement, self.this));
                }
                let what = What::Update(self.patched(&patch));
                let op = self.op(action, what);
                self.ops.push(op);
            }
        } else if matches!(self.ops.as_slice(), [Op { on_this: true, what: What::Delete(_), .. }]) {
            sayable = true;
            if let Some(statement) = self.statement(partiql, None) {
                return Ok(Plan::Batched(statement, self.this));
            }
        }
        let mut keys = HashSet::new();
        if let Some(twice) = self.ops.iter().find(|op| !keys.insert((op.table.clone(), op.key.canonical_text()))) {
            return Err(format!("two actions on one item ({} in {}); one item, one action", twice.key, twice.table));
        }
        if !self.ops.is_empty() && self.guarded && !self.ops.iter().any(|op| op.on_this) {
            // The patch of the handed-in item changes nothing, and yet what happens elsewhere follows from that item.
            let what = What::Check(self.condition());
            let op = self.op(usize::MAX, what);
            self.ops.push(op);
        }
        if self.ops.len() > MAX_ACTIONS {
            return Err(format!("{} actions; DynamoDB takes {MAX_ACTIONS} in one transaction", self.ops.len()));
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

    fn statement(&self, wanted: bool, patch: Option<&Patch>) -> Option<Statement> {
        wanted.then(|| statement(&self.table.name, &self.table.key, &self.this, self.attempt, patch)).flatten()
    }

    fn op(&mut self, action: usize, what: What) -> Op {
        let (partly, problem) = self.known();
        let (table, key) = (self.table.name.clone(), self.this.clone());
        Op { table, key, on_this: true, conditional: false, action, partly, problem, what }
    }

    /// What was noted of the operation that was made last.
    fn known(&mut self) -> (bool, Option<String>) {
        (std::mem::take(&mut self.partly), self.problem.take())
    }

    /// The guard in so many bytes. The first `touched` conditions are about attributes that are written: those must be in it.
    fn guard(&mut self, ours: &mut Placeholders, patch: Option<&Patch>, room: usize) -> String {
        let conditions = guard::conditions(&self.attempt.guard, &self.attempt.image, &self.table.key, patch);
        let touched = match (&self.attempt.guard, patch) {
            (Guard::Item, Some(patch)) => patch.set.len() + patch.remove.len(),
            _ => 0,
        };
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
        let expression = match &self.attempt.guard {
            Guard::Item => update.expression.clone(),
            Guard::Version(name) => {
                let one = crate::model::Value::from(1);
                let clause = format!("{} {}", ours.name(name), ours.value(&one));
                guard::with_add(&update.expression, &clause)
            }
        };
        ours.change(expression, Some(condition))
    }
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

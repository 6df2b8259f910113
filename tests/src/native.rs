//! A migration written with the SDK as a native closure of the host: the same code, without wasm.

use drift_host::Native;
use drift_host::model::{
    Action, Address, Attributes, Description, Existing, Insert, Item, Key, Number, Patch, Target, Update, Value,
};
use drift_sdk::Migration;

/// The migration as the host's own, its `undo` included.
pub fn native(migration: Migration) -> Native {
    let number: drift_host::model::MigrationNumber = migration.number.to_string().parse().unwrap();
    let description = Description::new(number, migration.name).summary(migration.summary);
    let description = if migration.repeatable { description.repeatable() } else { description };
    let migrate = move |item: Item| migration.migrate(&to_sdk(item)).map(from_sdk);
    let undo = move |item: Item| migration.undo(&to_sdk(item)).map(from_sdk);
    Native::new(description, "1", migrate).with_undo(undo)
}

fn from_sdk(actions: Vec<drift_sdk::Action>) -> Vec<Action> {
    actions.into_iter().map(action).collect()
}

fn action(action: drift_sdk::Action) -> Action {
    match action {
        drift_sdk::Action::Patch(patch) => Action::Patch(Patch { set: to_host(patch.set), remove: patch.remove }),
        drift_sdk::Action::Insert(insert) => Action::Insert(Insert {
            table: insert.table,
            item: to_host(insert.item),
            existing: match insert.existing {
                drift_sdk::Existing::Keep => Existing::Keep,
                drift_sdk::Existing::Replace => Existing::Replace,
                drift_sdk::Existing::Fail => Existing::Fail,
            },
        }),
        drift_sdk::Action::Update(of, update) => Action::Update(Update {
            target: target(of),
            expression: update.expression,
            condition: update.condition,
            names: update.names,
            values: to_host(update.values),
        }),
        drift_sdk::Action::Delete(of) => Action::Delete(target(of)),
    }
}

fn target(target: drift_sdk::Target) -> Target {
    match target {
        drift_sdk::Target::This => Target::This,
        drift_sdk::Target::Other { table, key } => Target::Other(Address { table, key: Key::from_attributes(to_host(key)) }),
    }
}

fn to_sdk(item: Attributes) -> drift_sdk::Item {
    item.into_iter().map(|(name, value)| (name, value_to_sdk(value))).collect()
}

fn value_to_sdk(value: Value) -> drift_sdk::Value {
    use drift_sdk::Value as Sdk;
    let number = |number: Number| drift_sdk::Number::parse(number.into_string()).unwrap();
    match value {
        Value::S(text) => Sdk::S(text),
        Value::N(n) => Sdk::N(number(n)),
        Value::B(bytes) => Sdk::B(bytes),
        Value::Bool(flag) => Sdk::Bool(flag),
        Value::Null => Sdk::Null,
        Value::Ss(set) => Sdk::Ss(set.into_iter().collect()),
        Value::Ns(set) => Sdk::Ns(set.into_iter().map(number).collect()),
        Value::Bs(set) => Sdk::Bs(set.into_iter().collect()),
        Value::L(list) => Sdk::L(list.into_iter().map(value_to_sdk).collect()),
        Value::M(map) => Sdk::M(to_sdk(map)),
    }
}

fn to_host(item: drift_sdk::Item) -> Attributes {
    item.into_iter().map(|(name, value)| (name, value_to_host(value))).collect()
}

fn value_to_host(value: drift_sdk::Value) -> Value {
    use drift_sdk::Value as Sdk;
    let number = |number: drift_sdk::Number| Number::parse(number.into_string()).unwrap();
    match value {
        Sdk::S(text) => Value::S(text),
        Sdk::N(n) => Value::N(number(n)),
        Sdk::B(bytes) => Value::B(bytes),
        Sdk::Bool(flag) => Value::Bool(flag),
        Sdk::Null => Value::Null,
        Sdk::Ss(set) => Value::Ss(set.into_iter().collect()),
        Sdk::Ns(set) => Value::Ns(set.into_iter().map(number).collect()),
        Sdk::Bs(set) => Value::Bs(set.into_iter().collect()),
        Sdk::L(list) => Value::L(list.into_iter().map(value_to_host).collect()),
        Sdk::M(map) => Value::M(to_host(map)),
    }
}

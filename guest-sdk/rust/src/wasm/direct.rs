//! The contract's `dynamodb`. The component imports it only if something here is called: the linker drops the rest.

use super::at_once::drift::migration::dynamodb as wit;
use super::forward::drift::migration::types::Name;
use super::{from_host, to_host};
use crate::actions::Update;
use crate::direct::{Condition, Failure, Page, Query};
use crate::item::Item;

pub(crate) fn get(table: &str, key: &Item, consistent: bool) -> Result<Option<Item>, Failure> {
    let found = wit::get_item(table, &to_host(key.clone()), consistent).map_err(failure)?;
    Ok(found.map(from_host))
}

pub(crate) fn query(query: &Query) -> Result<Page, Failure> {
    let key = &query.key.0;
    let page = wit::query(&wit::QueryRequest {
        table: query.table.clone(),
        index: query.index.clone(),
        key_condition: key.expression.clone(),
        filter: query.filter.clone(),
        names: names(key),
        values: to_host(key.values.clone()),
        limit: query.limit,
        forward: query.forward,
        consistent: query.consistent,
        start: query.start.clone().map(to_host),
    });
    let page = page.map_err(failure)?;
    Ok(Page { items: page.items.into_iter().map(from_host).collect(), next: page.next.map(from_host) })
}

pub(crate) fn put(table: &str, item: &Item, only_if: Option<&Condition>) -> Result<(), Failure> {
    wit::put_item(table, &to_host(item.clone()), only_if.map(condition).as_ref()).map_err(failure)
}

pub(crate) fn update(table: &str, key: &Item, update: &Update) -> Result<Item, Failure> {
    let (key, values) = (to_host(key.clone()), to_host(update.values.clone()));
    let after = wit::update_item(table, &key, &update.expression, &names(update), &values, update.condition.as_deref());
    after.map(from_host).map_err(failure)
}

pub(crate) fn delete(table: &str, key: &Item, only_if: Option<&Condition>) -> Result<(), Failure> {
    wit::delete_item(table, &to_host(key.clone()), only_if.map(condition).as_ref()).map_err(failure)
}

fn condition(Condition(condition): &Condition) -> wit::Condition {
    wit::Condition {
        expression: condition.expression.clone(),
        names: names(condition),
        values: to_host(condition.values.clone()),
    }
}

fn names(of: &Update) -> Vec<Name> {
    let pairs = of.names.iter();
    pairs.map(|(placeholder, attribute)| Name { placeholder: placeholder.clone(), attribute: attribute.clone() }).collect()
}

fn failure(failure: wit::Failure) -> Failure {
    match failure {
        wit::Failure::Denied(message) => Failure::Denied(message),
        wit::Failure::ConditionFailed(present) => Failure::ConditionFailed(present.map(from_host)),
        wit::Failure::Throttled(message) => Failure::Throttled(message),
        wit::Failure::Other(message) => Failure::Other(message),
    }
}

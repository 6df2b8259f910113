//! Calls at once, by the host's own client: its pace, retries and errors. On a lane of their own, so that a slot which waits for
//! an answer holds up neither another slot nor what the run itself sends.

use std::sync::Arc;
use std::time::Duration;

use super::Migrator;
use super::error::Error;
use crate::dynamo::{Change, Client, Condition, ErrorKind, Lanes, QueryRequest, RateControl, TableInfo};
use crate::history::is_own;
use crate::migration::{Direct, DirectAnswer, DirectCondition, DirectFailure, DirectRequest};
use crate::model::{Item, Key};

struct AtOnce {
    lanes: Lanes,
    /// The metadata table's name.
    meta: String,
    /// The table being migrated.
    table: TableInfo,
    rates: RateControl,
}

impl Migrator {
    /// What carries calls at once out, for a migration of this table.
    pub fn direct(&self, table: &TableInfo) -> Result<Arc<dyn Direct>, Error> {
        Ok(Arc::new(AtOnce {
            lanes: self.database.lanes(1)?,
            meta: self.meta_table.clone(),
            table: table.clone(),
            rates: self.rates(),
        }))
    }
}

/// How often a slot looks whether a pause is over.
const LOOK: Duration = Duration::from_millis(50);

impl Direct for AtOnce {
    fn begin_item(&self) {
        while self.rates.is_paused() {
            std::thread::sleep(LOOK);
        }
    }

    fn call(&self, request: DirectRequest, within: Duration) -> Result<DirectAnswer, DirectFailure> {
        if !self.table.arn.is_empty() && request.table() == self.table.arn {
            let name = &self.table.name;
            return Err(DirectFailure::Other(format!("the table being migrated is called by its name, {name}")));
        }
        if request.is_write() && is_own(&self.meta, request.table()) {
            let table = request.table();
            return Err(DirectFailure::Other(format!("the table {table} is drift-host's own, and no migration writes there")));
        }
        let lane = self.lanes.lane(0);
        let client = lane.client().midway();
        let (reply, answer) = crossbeam_channel::bounded(1);
        let work = lane.spawn(async move {
            let answered = tokio::time::timeout(within, carry_out(&client, request)).await;
            // Nobody waits any more if the time is over.
            let _late = reply.send(answered.unwrap_or(Err(DirectFailure::OutOfTime)));
        });
        // The lane counts the time too, but may itself be late.
        match answer.recv_timeout(within) {
            Ok(answered) => answered,
            Err(_out_of_time) => {
                work.abort();
                Err(DirectFailure::OutOfTime)
            }
        }
    }
}

async fn carry_out(client: &Client, request: DirectRequest) -> Result<DirectAnswer, DirectFailure> {
    Ok(match request {
        DirectRequest::Get { table, key, consistent } => {
            let key = whole(client, &table, key).await?;
            DirectAnswer::Item(client.get_item(&table, &key, consistent).await.map_err(failure)?)
        }
        DirectRequest::Query(query) => {
            let request = QueryRequest {
                table: query.table,
                index: query.index,
                key: condition(query.key),
                filter: query.filter,
                limit: query.limit,
                forward: query.forward,
                consistent: query.consistent,
                start: query.start,
            };
            let (items, next) = client.query_page(&request).await.map_err(failure)?;
            DirectAnswer::Page { items, next }
        }
        DirectRequest::Put { table, item, condition: only_if } => {
            let only_if = only_if.map(condition);
            client.put_item(&table, &item, only_if.as_ref()).await.map_err(failure)?;
            DirectAnswer::Done
        }
        DirectRequest::Update { table, key, change, condition } => {
            let key = whole(client, &table, key).await?;
            let DirectCondition { expression, names, values } = change;
            let change = Change { expression, condition, names, values };
            DirectAnswer::Item(Some(client.update_item(&table, &key, &change).await.map_err(failure)?))
        }
        DirectRequest::Delete { table, key, condition: only_if } => {
            let key = whole(client, &table, key).await?;
            let only_if = only_if.map(condition);
            client.delete_item(&table, &key, only_if.as_ref()).await.map_err(failure)?;
            DirectAnswer::Done
        }
    })
}

fn condition(from: DirectCondition) -> Condition {
    let DirectCondition { expression, names, values } = from;
    Condition { expression, names, values }
}

/// The key, if it is that of the table's items and nothing else.
async fn whole(client: &Client, table: &str, key: Item) -> Result<Key, DirectFailure> {
    let schema = client.table(table).await.map_err(failure)?.key;
    let wrong = |problem: String| DirectFailure::Other(format!("that is no key of the table {table}: {problem}"));
    let found = schema.key_of(&key).map_err(wrong)?;
    match found.attributes() == &key {
        true => Ok(found),
        false => Err(wrong("it has more attributes than the table's key".into())),
    }
}

fn failure(error: crate::dynamo::Error) -> DirectFailure {
    match error.kind() {
        ErrorKind::ConditionFailed => DirectFailure::ConditionFailed(error.present().cloned()),
        ErrorKind::Throttled => DirectFailure::Throttled(error.to_string()),
        _ if error.in_doubt() => DirectFailure::Other(format!("{error}; whether it happened is not known")),
        _ => DirectFailure::Other(error.to_string()),
    }
}

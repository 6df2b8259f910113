//! The bare loop that `cargo xtask bench` holds drift-host against: the SDK alone, no journal, no guest, no history.
//!
//! `bare-loop ENDPOINT TABLE KEY batches|updates` scans a table and sets `touched` to true on every item, with the runtimes
//! that drift-host has: one current-thread runtime and one SDK client a core, four segments, pages of 1000 items.
//! - `batches`: each write guarded by the whole item, 25 in one BatchExecuteStatement: the least that drift-host's own
//!   promise costs.
//! - `updates`: one UpdateItem an item without any guard, as throw-away scripts do.
//!
//! It prints how many items it wrote. Any refusal ends it: nothing else writes while a bench runs.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, StalledStreamProtectionConfig};
use aws_sdk_dynamodb::types::{AttributeValue, BatchStatementRequest, ReturnValuesOnConditionCheckFailure};
use tokio::task::JoinSet;

/// As drift-host scans unless told otherwise.
const SEGMENTS: usize = 4;
/// Items a page.
const PAGE: i32 = 1000;
/// DynamoDB's limit for one batch of statements.
const BATCH: usize = 25;
/// The attribute that is added.
const ADDED: &str = "touched";

/// As drift-host has it: the loop is the floor, not a straw man.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Item = HashMap<String, AttributeValue>;
type Failure = Box<dyn Error + Send + Sync>;

/// How items are written.
#[derive(Clone, Copy)]
enum Way {
    Batches,
    Updates,
}

impl Way {
    /// Requests on their way at a time, of one segment: drift-host has eight in all, and scripts that write item by item
    /// have more, or they wait for the network.
    fn in_flight(self) -> usize {
        match self {
            Self::Batches => 2,
            Self::Updates => 8,
        }
    }

    /// Items a request.
    fn items(self) -> usize {
        match self {
            Self::Batches => BATCH,
            Self::Updates => 1,
        }
    }
}

/// What all segments share.
struct Job {
    endpoint: String,
    table: String,
    key: String,
    way: Way,
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [endpoint, table, key, way] = arguments.as_slice() else {
        return Err("usage: bare-loop ENDPOINT TABLE KEY batches|updates".into());
    };
    let way = match way.as_str() {
        "batches" => Way::Batches,
        "updates" => Way::Updates,
        other => return Err(format!("{other:?} is no way to write: batches, or updates").into()),
    };
    let job = Arc::new(Job { endpoint: endpoint.clone(), table: table.clone(), key: key.clone(), way });
    let lanes = std::thread::available_parallelism().map_or(1, usize::from).min(SEGMENTS);
    let threads: Vec<_> = (0..lanes)
        .map(|lane| {
            let job = job.clone();
            std::thread::spawn(move || work(&job, (lane..SEGMENTS).step_by(lanes)))
        })
        .collect();
    let mut items = 0;
    for thread in threads {
        items += thread.join().map_err(|_| "a lane panicked")??;
    }
    println!("{items}");
    Ok(())
}

/// One lane: a thread with its own runtime and client, and some of the segments.
fn work(job: &Arc<Job>, segments: impl Iterator<Item = usize>) -> Result<u64, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = client(&job.endpoint);
        let mut running = JoinSet::new();
        for segment in segments {
            running.spawn(migrate(job.clone(), client.clone(), i32::try_from(segment)?));
        }
        let mut items = 0;
        while let Some(ended) = running.join_next().await {
            items += ended??;
        }
        Ok(items)
    })
}

/// The SDK without what drift-host's own client goes without as well.
fn client(endpoint: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("bench", "bench", None, None, "bench"))
        .endpoint_url(endpoint)
        .build();
    Client::from_conf(config)
}

/// One segment: a page is read, and written while no other is read.
async fn migrate(job: Arc<Job>, client: Client, segment: i32) -> Result<u64, Failure> {
    let (mut written, mut start) = (0, None);
    loop {
        let page = client
            .scan()
            .table_name(&job.table)
            .consistent_read(true)
            .limit(PAGE)
            .segment(segment)
            .total_segments(i32::try_from(SEGMENTS)?)
            .set_exclusive_start_key(start)
            .send()
            .await?;
        let items = page.items.unwrap_or_default();
        written += items.len() as u64;
        write(&job, &client, items).await?;
        start = page.last_evaluated_key.filter(|key| !key.is_empty());
        if start.is_none() {
            return Ok(written);
        }
    }
}

async fn write(job: &Arc<Job>, client: &Client, items: Vec<Item>) -> Result<(), Failure> {
    let mut writing = JoinSet::new();
    let mut items = items.into_iter();
    loop {
        let some: Vec<Item> = items.by_ref().take(job.way.items()).collect();
        if some.is_empty() {
            break;
        }
        if writing.len() >= job.way.in_flight()
            && let Some(ended) = writing.join_next().await
        {
            ended??;
        }
        let (job, client) = (job.clone(), client.clone());
        writing.spawn(async move {
            match job.way {
                Way::Batches => batch(&job, &client, some).await,
                Way::Updates => update(&job, &client, some).await,
            }
        });
    }
    while let Some(ended) = writing.join_next().await {
        ended??;
    }
    Ok(())
}

/// Guarded by every attribute that was seen, and by the absence of the one that is added.
async fn batch(job: &Job, client: &Client, items: Vec<Item>) -> Result<(), Failure> {
    let mut statements = Vec::with_capacity(items.len());
    for item in items {
        let mut text = format!("UPDATE \"{}\" SET \"{ADDED}\"=? WHERE \"{ADDED}\" IS MISSING", job.table);
        let mut parameters = Vec::with_capacity(item.len() + 1);
        parameters.push(AttributeValue::Bool(true));
        for (name, value) in item {
            text.push_str(&format!(" AND \"{}\"=?", name.replace('"', "\"\"")));
            parameters.push(value);
        }
        let statement = BatchStatementRequest::builder()
            .statement(text)
            .set_parameters(Some(parameters))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        statements.push(statement.build()?);
    }
    let answer = client.batch_execute_statement().set_statements(Some(statements)).send().await?;
    match answer.responses().iter().find_map(|response| response.error()) {
        Some(error) => Err(format!("a statement was refused: {error:?}").into()),
        None => Ok(()),
    }
}

async fn update(job: &Job, client: &Client, items: Vec<Item>) -> Result<(), Failure> {
    for mut item in items {
        let key = item.remove(&job.key).ok_or_else(|| format!("an item without {:?}", job.key))?;
        client
            .update_item()
            .table_name(&job.table)
            .key(&job.key, key)
            .update_expression("SET #added = :value")
            .expression_attribute_names("#added", ADDED)
            .expression_attribute_values(":value", AttributeValue::Bool(true))
            .send()
            .await?;
    }
    Ok(())
}

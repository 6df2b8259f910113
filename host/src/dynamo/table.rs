//! What is known of a table, and how to see and make one.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType as SdkKeyType, ProvisionedThroughput, ScalarAttributeType,
    TableDescription,
};

use super::client::{Call, Client};
use super::error::{Error, ErrorKind, Failure};
use super::pace::Cost;
use crate::model::{IndexKey, KeyAttribute, KeySchema, KeyType};

/// Between two looks at a table that is being made.
const LOOK: Duration = Duration::from_millis(500);

/// A table as DescribeTable shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct TableInfo {
    /// Its name, without region or account.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The id that DynamoDB gave it: a table deleted and made again has another. Empty where the endpoint gives none.
    pub id: String,
    /// `ACTIVE`, `UPDATING`, `CREATING`, …
    pub status: String,
    /// Its primary key.
    pub key: KeySchema,
    /// How many items it has, by DynamoDB's count, which is up to six hours old.
    pub item_count: u64,
    /// Its size in bytes, as old as the count.
    pub size_bytes: u64,
    /// How it is paid for.
    pub billing: Billing,
    /// What it serves at once.
    pub throughput: Throughput,
    /// The names of its secondary indexes, global ones first: each makes a write cost more.
    pub indexes: Vec<String>,
    /// The attributes of its indexes' keys that are none of its own key, the same once for each index.
    pub index_keys: Vec<IndexKey>,
    /// Replicas of a global table, in other regions.
    pub replicas: u32,
    /// Those regions.
    pub regions: Vec<String>,
    /// Whether a stream carries its changes: every write of a migration is seen by whoever reads it.
    pub stream: bool,
}

/// Read and write units a second that a table serves at once: what is provisioned; of an on-demand table its warm throughput (where
/// none is told, that with which every such table begins), or its maximum, if that is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throughput {
    /// Read units a second.
    pub read: u64,
    /// Write units a second.
    pub write: u64,
}

/// With this an on-demand table begins.
const ON_DEMAND: Throughput = Throughput { read: 12_000, write: 4_000 };

/// How a table's capacity is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Billing {
    /// By request.
    OnDemand,
    /// By capacity set aside.
    Provisioned {
        /// Read capacity units a second.
        read: u64,
        /// Write capacity units a second.
        write: u64,
    },
}

impl Client {
    /// Describes a table, given by name or ARN.
    pub async fn describe_table(&self, table: &str) -> Result<TableInfo, Error> {
        let call = Call { operation: "DescribeTable", subject: table, repeatable: true, cancel: None, cost: Cost::Free };
        let answer = self.call(call, |_| None, || self.sdk().describe_table().table_name(table).send()).await?;
        let info = match answer.table() {
            Some(description) => TableInfo::from_description(description),
            None => Err("the answer has no table".into()),
        };
        info.map_err(|problem| self.unreadable(call, problem))
    }

    /// Like [`Client::describe_table`], answered from memory the second time: for what does not change, such as the key.
    pub async fn table(&self, table: &str) -> Result<TableInfo, Error> {
        if let Some(known) = self.known_tables().lock().unwrap_or_else(PoisonError::into_inner).get(table) {
            return Ok(known.clone());
        }
        let info = self.describe_table(table).await?;
        self.known_tables().lock().unwrap_or_else(PoisonError::into_inner).insert(table.to_owned(), info.clone());
        Ok(info)
    }

    /// Waits until a table is ACTIVE, at most `max`; a table that cannot be seen yet is waited for as well.
    pub async fn wait_until_active(&self, table: &str, max: Duration) -> Result<TableInfo, Error> {
        let begun = Instant::now();
        let mut wait = Duration::from_millis(50);
        loop {
            let seen = self.describe_table(table).await;
            match &seen {
                Ok(info) if info.status == "ACTIVE" => return seen,
                Err(error) if error.kind() != ErrorKind::TableMissing => return seen,
                _ => {}
            }
            if begun.elapsed() >= max {
                let status = seen?.status;
                let message = format!("the table is still {status} after {} seconds", max.as_secs());
                return Err(self.not_usable(ErrorKind::TableNotActive, table, message));
            }
            tokio::time::sleep(wait.min(max.saturating_sub(begun.elapsed()))).await;
            wait = (wait * 2).min(Duration::from_secs(2));
        }
    }

    /// Describes a table that is to be worked on. One that is being made is waited for, at most `max`, each look told to
    /// `waiting` with the status; one that is being updated can be used; one that is being deleted or is archived is
    /// [`ErrorKind::TableUnusable`].
    pub async fn usable_table(&self, table: &str, max: Duration, waiting: impl Fn(&str)) -> Result<TableInfo, Error> {
        let begun = Instant::now();
        loop {
            let info = self.describe_table(table).await?;
            let (kind, message) = match info.status.as_str() {
                "CREATING" if begun.elapsed() < max => {
                    waiting(&info.status);
                    tokio::time::sleep(LOOK.min(max.saturating_sub(begun.elapsed()))).await;
                    continue;
                }
                "CREATING" => (ErrorKind::TableNotActive, format!("the table is still CREATING after {} seconds", max.as_secs())),
                status @ ("DELETING" | "ARCHIVING" | "ARCHIVED" | "INACCESSIBLE_ENCRYPTION_CREDENTIALS") => {
                    (ErrorKind::TableUnusable, format!("the table is {status}, and cannot be migrated"))
                }
                _ => return Ok(info),
            };
            return Err(self.not_usable(kind, table, message));
        }
    }

    fn not_usable(&self, kind: ErrorKind, table: &str, message: String) -> Error {
        Error::Call(Arc::new(Failure {
            kind,
            operation: "DescribeTable",
            subject: table.to_owned(),
            endpoint: self.endpoint().to_owned(),
            code: "TableNotActive".into(),
            message,
            present: None,
            in_doubt: false,
        }))
    }

    /// Makes a table without indexes; `false` if there is one of this name already. It is usable once it is ACTIVE.
    pub async fn create_table(&self, table: &str, key: &KeySchema, billing: &Billing) -> Result<bool, Error> {
        let call = Call { operation: "CreateTable", subject: table, repeatable: false, cancel: None, cost: Cost::Free };
        let invalid = |error: aws_sdk_dynamodb::error::BuildError| self.unreadable(call, error.to_string());
        let mut request = self.sdk().create_table().table_name(table);
        for (at, attribute) in key.attributes().enumerate() {
            let role = if at == 0 { SdkKeyType::Hash } else { SdkKeyType::Range };
            let kind = match attribute.kind {
                KeyType::S => ScalarAttributeType::S,
                KeyType::N => ScalarAttributeType::N,
                KeyType::B => ScalarAttributeType::B,
            };
            let element = KeySchemaElement::builder().attribute_name(&attribute.name).key_type(role).build();
            let definition = AttributeDefinition::builder().attribute_name(&attribute.name).attribute_type(kind).build();
            request = request.key_schema(element.map_err(invalid)?).attribute_definitions(definition.map_err(invalid)?);
        }
        request = match billing {
            Billing::OnDemand => request.billing_mode(BillingMode::PayPerRequest),
            Billing::Provisioned { read, write } => {
                let signed = |units: u64| i64::try_from(units).unwrap_or(i64::MAX);
                let units =
                    ProvisionedThroughput::builder().read_capacity_units(signed(*read)).write_capacity_units(signed(*write));
                request.billing_mode(BillingMode::Provisioned).provisioned_throughput(units.build().map_err(invalid)?)
            }
        };
        match self.call(call, |_| None, || request.clone().send()).await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == "ResourceInUseException" => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl TableInfo {
    /// Reads DynamoDB's description; the error says what is missing in it.
    pub(super) fn from_description(table: &TableDescription) -> Result<Self, String> {
        let name = table.table_name().ok_or("the description has no table name")?;
        let provisioned = table.provisioned_throughput();
        let on_demand = table
            .billing_mode_summary()
            .and_then(|summary| summary.billing_mode())
            .is_some_and(|mode| *mode == BillingMode::PayPerRequest);
        let billing = match provisioned {
            Some(units) if !on_demand => Billing::Provisioned {
                read: unsigned(units.read_capacity_units()),
                write: unsigned(units.write_capacity_units()),
            },
            _ => Billing::OnDemand,
        };
        let throughput = match billing {
            Billing::Provisioned { read, write } => Throughput { read, write },
            Billing::OnDemand => on_demand_throughput(table),
        };
        let global = table.global_secondary_indexes().iter().filter_map(|index| index.index_name());
        let local = table.local_secondary_indexes().iter().filter_map(|index| index.index_name());
        Ok(Self {
            name: name.to_owned(),
            arn: table.table_arn().unwrap_or_default().to_owned(),
            id: table.table_id().unwrap_or_default().to_owned(),
            status: table.table_status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
            key: KeySchema {
                partition: key_attribute(table, SdkKeyType::Hash)?.ok_or("the description has no partition key")?,
                sort: key_attribute(table, SdkKeyType::Range)?,
            },
            item_count: unsigned(table.item_count()),
            size_bytes: unsigned(table.table_size_bytes()),
            billing,
            throughput,
            indexes: global.chain(local).map(str::to_owned).collect(),
            index_keys: index_keys(table),
            replicas: u32::try_from(table.replicas().len()).unwrap_or(u32::MAX),
            regions: table.replicas().iter().filter_map(|replica| replica.region_name()).map(str::to_owned).collect(),
            stream: table.stream_specification().is_some_and(|stream| stream.stream_enabled()),
        })
    }
}

fn on_demand_throughput(table: &TableDescription) -> Throughput {
    let (warm, most) = (table.warm_throughput(), table.on_demand_throughput());
    // A maximum that was taken away again is -1.
    let given = |units: Option<i64>| units.and_then(|units| u64::try_from(units).ok()).filter(|units| *units > 0);
    let less = |has: u64, most: Option<u64>| most.map_or(has, |most| has.min(most));
    let read = given(warm.and_then(|warm| warm.read_units_per_second())).unwrap_or(ON_DEMAND.read);
    let write = given(warm.and_then(|warm| warm.write_units_per_second())).unwrap_or(ON_DEMAND.write);
    Throughput {
        read: less(read, given(most.and_then(|most| most.max_read_request_units()))),
        write: less(write, given(most.and_then(|most| most.max_write_request_units()))),
    }
}

fn unsigned(number: Option<i64>) -> u64 {
    number.and_then(|number| u64::try_from(number).ok()).unwrap_or_default()
}

/// What is an index's key and not the table's. One whose type is not told is none.
fn index_keys(table: &TableDescription) -> Vec<IndexKey> {
    let global = table.global_secondary_indexes().iter().map(|index| (index.index_name(), index.key_schema()));
    let local = table.local_secondary_indexes().iter().map(|index| (index.index_name(), index.key_schema()));
    let own = |name: &str| table.key_schema().iter().any(|element| element.attribute_name() == name);
    let mut keys = Vec::new();
    for (index, schema) in global.chain(local) {
        for name in schema.iter().map(KeySchemaElement::attribute_name).filter(|name| !own(name)) {
            if let Ok(kind) = key_type(table, name) {
                keys.push(IndexKey { index: index.unwrap_or_default().to_owned(), attribute: name.to_owned(), kind });
            }
        }
    }
    keys
}

fn key_attribute(table: &TableDescription, role: SdkKeyType) -> Result<Option<KeyAttribute>, String> {
    let Some(element) = table.key_schema().iter().find(|element| *element.key_type() == role) else {
        return Ok(None);
    };
    let name = element.attribute_name();
    Ok(Some(KeyAttribute { name: name.to_owned(), kind: key_type(table, name)? }))
}

fn key_type(table: &TableDescription, name: &str) -> Result<KeyType, String> {
    let definition = table.attribute_definitions().iter().find(|definition| definition.attribute_name() == name);
    match definition.map(AttributeDefinition::attribute_type) {
        Some(ScalarAttributeType::S) => Ok(KeyType::S),
        Some(ScalarAttributeType::N) => Ok(KeyType::N),
        Some(ScalarAttributeType::B) => Ok(KeyType::B),
        other => Err(format!("the key attribute {name:?} has the type {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::{
        BillingModeSummary, OnDemandThroughput, ProvisionedThroughputDescription, TableWarmThroughputDescription,
    };

    use super::*;

    fn described() -> aws_sdk_dynamodb::types::builders::TableDescriptionBuilder {
        let key = KeySchemaElement::builder().attribute_name("id").key_type(SdkKeyType::Hash).build().unwrap();
        let kind = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S).build().unwrap();
        TableDescription::builder().table_name("T").key_schema(key).attribute_definitions(kind)
    }

    fn throughput(table: aws_sdk_dynamodb::types::builders::TableDescriptionBuilder) -> (u64, u64) {
        let Throughput { read, write } = TableInfo::from_description(&table.build()).unwrap().throughput;
        (read, write)
    }

    #[test]
    fn a_table_has_what_is_provisioned_or_warm_and_no_more_than_its_maximum() {
        let units = |read, write| {
            ProvisionedThroughputDescription::builder().read_capacity_units(read).write_capacity_units(write).build()
        };
        assert_eq!(throughput(described().provisioned_throughput(units(70, 30))), (70, 30));
        let on_demand = || {
            let mode = BillingModeSummary::builder().billing_mode(BillingMode::PayPerRequest).build();
            described().billing_mode_summary(mode).provisioned_throughput(units(0, 0))
        };
        assert_eq!(throughput(on_demand()), (12_000, 4_000));
        let warm = TableWarmThroughputDescription::builder().read_units_per_second(30_000).write_units_per_second(9_000).build();
        assert_eq!(throughput(on_demand().warm_throughput(warm.clone())), (30_000, 9_000));
        let most = OnDemandThroughput::builder().max_read_request_units(-1).max_write_request_units(600).build();
        assert_eq!(throughput(on_demand().warm_throughput(warm).on_demand_throughput(most)), (30_000, 600));
    }
}

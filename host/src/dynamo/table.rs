//! What is known of a table.

use aws_sdk_dynamodb::types::{BillingMode, KeyType as SdkKeyType, ScalarAttributeType, TableDescription};

use crate::model::{KeyAttribute, KeySchema, KeyType};

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
    /// The names of its secondary indexes, global ones first: each makes a write cost more.
    pub indexes: Vec<String>,
    /// Whether a stream carries its changes: every write of a migration is seen by whoever reads it.
    pub stream: bool,
}

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
            indexes: global.chain(local).map(str::to_owned).collect(),
            stream: table.stream_specification().is_some_and(|stream| stream.stream_enabled()),
        })
    }
}

fn unsigned(number: Option<i64>) -> u64 {
    number.and_then(|number| u64::try_from(number).ok()).unwrap_or_default()
}

fn key_attribute(table: &TableDescription, role: SdkKeyType) -> Result<Option<KeyAttribute>, String> {
    let Some(element) = table.key_schema().iter().find(|element| *element.key_type() == role) else {
        return Ok(None);
    };
    let name = element.attribute_name();
    let kind = table
        .attribute_definitions()
        .iter()
        .find(|definition| definition.attribute_name() == name)
        .map(|definition| definition.attribute_type());
    let kind = match kind {
        Some(ScalarAttributeType::S) => KeyType::S,
        Some(ScalarAttributeType::N) => KeyType::N,
        Some(ScalarAttributeType::B) => KeyType::B,
        other => return Err(format!("the key attribute {name:?} has the type {other:?}")),
    };
    Ok(Some(KeyAttribute { name: name.to_owned(), kind }))
}

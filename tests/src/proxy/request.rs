//! What a client asks for.

use hyper::HeaderMap;
use hyper::body::Bytes;
use serde_json::Value as Json;

/// One request to DynamoDB.
#[derive(Clone, Debug)]
pub struct Request {
    /// DynamoDB's name of the operation; empty if the request has none.
    pub operation: String,
    /// What is asked, as JSON.
    pub json: Json,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Request {
    pub(super) fn read(headers: HeaderMap, body: Bytes) -> Self {
        let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        Self { operation, json: serde_json::from_slice(&body).unwrap_or_default(), headers, body }
    }

    /// The tables that it names, each once.
    pub fn tables(&self) -> Vec<String> {
        let mut tables = Vec::new();
        named(&self.json, &mut tables);
        for statement in self.statements() {
            tables.extend(statement["Statement"].as_str().and_then(table_of_statement));
        }
        tables.sort();
        tables.dedup();
        tables
    }

    /// The statements of a batch.
    pub fn statements(&self) -> &[Json] {
        self.json["Statements"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The id of the access key in the signature.
    pub fn access_key(&self) -> String {
        let signature = self.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let credential = signature.split("Credential=").nth(1).unwrap_or_default();
        credential.split('/').next().unwrap_or_default().to_owned()
    }
}

/// `TableName` wherever it stands, and the tables of `RequestItems`.
fn named(json: &Json, tables: &mut Vec<String>) {
    match json {
        Json::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member) {
                    ("TableName", Json::String(table)) => tables.push(table.clone()),
                    ("RequestItems", Json::Object(items)) => tables.extend(items.keys().cloned()),
                    // Attributes may have any name.
                    ("Item" | "Key" | "ExpressionAttributeValues" | "Parameters", _) => {}
                    _ => named(member, tables),
                }
            }
        }
        Json::Array(members) => members.iter().for_each(|member| named(member, tables)),
        _ => {}
    }
}

/// The first quoted name is the table's, in each of the statements that there are.
fn table_of_statement(text: &str) -> Option<String> {
    text.split('"').nth(1).map(str::to_owned)
}

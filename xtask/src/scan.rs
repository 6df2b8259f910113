//! Reads a whole table over plain HTTP, as any client could: what the demo compares must not come from the program it shows.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Result;

/// All items of a table, each as DynamoDB JSON with its names in order, the items in order too; `None` if there is no such
/// table.
pub(crate) fn table(address: &str, name: &str) -> Result<Option<Vec<String>>> {
    let mut items = Vec::new();
    let mut request = json!({ "TableName": name, "ConsistentRead": true });
    loop {
        let (status, page) = post(address, "Scan", &request)?;
        match status {
            200 => {}
            400 if page
                .get("__type")
                .and_then(Value::as_str)
                .is_some_and(|kind| kind.ends_with("#ResourceNotFoundException")) =>
            {
                return Ok(None);
            }
            _ => return Err(format!("reading the table {name} failed with status {status}: {page}")),
        }
        let found =
            page.get("Items").and_then(Value::as_array).ok_or_else(|| format!("a scan of {name} without Items: {page}"))?;
        items.extend(found.iter().map(|item| sorted_sets(item.clone()).to_string()));
        match page.get("LastEvaluatedKey") {
            Some(key) => request = json!({ "TableName": name, "ConsistentRead": true, "ExclusiveStartKey": key }),
            None => break,
        }
    }
    items.sort();
    Ok(Some(items))
}

/// How many items of a table have an attribute.
pub(crate) fn count(address: &str, name: &str, attribute: &str) -> Result<u64> {
    let (mut items, mut start) = (0, None);
    loop {
        let mut request = json!({ "TableName": name, "ConsistentRead": true, "Select": "COUNT",
            "FilterExpression": "attribute_exists(#a)", "ExpressionAttributeNames": { "#a": attribute } });
        if let (Some(key), Some(request)) = (start.take(), request.as_object_mut()) {
            request.insert("ExclusiveStartKey".into(), key);
        }
        match post(address, "Scan", &request)? {
            (200, page) => {
                items += page.get("Count").and_then(Value::as_u64).unwrap_or_default();
                start = page.get("LastEvaluatedKey").cloned();
            }
            (status, page) => return Err(format!("counting {name} failed with status {status}: {page}")),
        }
        if start.is_none() {
            return Ok(items);
        }
    }
}

/// Neither sets nor maps have an order; lists keep theirs.
fn sorted_sets(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .collect::<BTreeMap<_, _>>()
                .into_iter()
                .map(|(name, child)| match (name.as_str(), child) {
                    ("SS" | "NS" | "BS", Value::Array(mut members)) => {
                        members.sort_by_key(Value::to_string);
                        (name, Value::Array(members))
                    }
                    (_, child) => (name, sorted_sets(child)),
                })
                .collect(),
        ),
        Value::Array(list) => Value::Array(list.into_iter().map(sorted_sets).collect()),
        other => other,
    }
}

fn post(address: &str, operation: &str, body: &Value) -> Result<(u16, Value)> {
    let failed = |problem: String| format!("{operation} at {address} failed: {problem}");
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).map_err(|error| failed(error.to_string()))?;
    let limit = Some(Duration::from_secs(60));
    let answer = stream
        .set_read_timeout(limit)
        .and_then(|()| {
            write!(
                stream,
                "POST / HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/x-amz-json-1.0\r\n\
                 X-Amz-Target: DynamoDB_20120810.{operation}\r\nX-Amz-Date: 20260101T000000Z\r\n\
                 Authorization: AWS4-HMAC-SHA256 Credential=demo/20260101/us-east-1/dynamodb/aws4_request, \
                 SignedHeaders=host;x-amz-date, Signature=0\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            )
        })
        .and_then(|()| {
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).map(|_| answer)
        })
        .map_err(|error| failed(error.to_string()))?;
    let answer = String::from_utf8(answer).map_err(|_| failed("the answer is no text".into()))?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| failed("the answer is no HTTP".into()))?;
    let status =
        head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(|| failed(format!("the answer begins {head:?}")))?;
    Ok((status, serde_json::from_str(body).map_err(|error| failed(format!("{error} in {body:?}")))?))
}

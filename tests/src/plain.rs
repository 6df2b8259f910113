//! A client of DynamoDB without the AWS SDK: what an application writes by itself, and what a wire really carries.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value as Json;

/// Sends one request and waits for its answer; gives the status and the JSON. An error of the connection is an `Err`.
pub fn call(endpoint_url: &str, operation: &str, json: &Json) -> std::io::Result<(u16, Json)> {
    let (status, body) = send(endpoint_url, &format!("DynamoDB_20120810.{operation}"), json)?;
    // What is no JSON is not DynamoDB's.
    Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
}

/// Sends one request that must be answered with 200.
pub fn must(endpoint_url: &str, operation: &str, json: &Json) -> Json {
    let (status, answer) = call(endpoint_url, operation, json).unwrap();
    assert_eq!(status, 200, "{operation}: {answer}");
    answer
}

/// The same of DynamoDB Streams.
pub fn streams(endpoint_url: &str, operation: &str, json: &Json) -> Json {
    let (status, body) = send(endpoint_url, &format!("DynamoDBStreams_20120810.{operation}"), json).unwrap();
    assert_eq!(status, 200, "{operation}: {}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).unwrap()
}

fn send(endpoint_url: &str, target: &str, json: &Json) -> std::io::Result<(u16, Vec<u8>)> {
    let address = endpoint_url.strip_prefix("http://").unwrap();
    let body = json.to_string();
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let signature = "AWS4-HMAC-SHA256 Credential=plain/20260101/us-east-1/dynamodb/aws4_request, \
                     SignedHeaders=host;x-amz-date, Signature=00";
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\nx-amz-target: {target}\r\nx-amz-date: 20260101T000000Z\r\n\
         authorization: {signature}\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let incomplete = || std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the answer is not complete");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(incomplete)?;
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(incomplete)?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    let body = answer.split_off(end + 4);
    if length.is_some_and(|length| length != body.len()) {
        return Err(incomplete());
    }
    Ok((status, body))
}

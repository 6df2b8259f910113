//! What a client is told.

use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Response};
use serde_json::{Value as Json, json};

use super::body::Paced;
use super::request::Request;

/// An answer, DynamoDB's or made up.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// A JSON document with the headers that DynamoDB sends.
    pub(super) fn json(status: u16, json: &Json) -> Self {
        let body = Bytes::from(json.to_string());
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
        headers.insert("x-amzn-requestid", HeaderValue::from_static("FAULT0000000000000000000000000000000000000000000000"));
        headers.insert("x-amz-crc32", HeaderValue::from(crc32fast::hash(&body)));
        Self { status, headers, body }
    }

    /// DynamoDB's error of this code.
    pub(super) fn error(status: u16, code: &str) -> Self {
        // The namespaces are those that the service uses; a client looks at what follows the #.
        let namespace = match code {
            "ThrottlingException" => "com.amazon.coral.availability",
            "AccessDeniedException" | "ExpiredTokenException" | "UnrecognizedClientException" => "com.amazon.coral.service",
            _ => "com.amazonaws.dynamodb.v20120810",
        };
        Self::json(status, &json!({ "__type": format!("{namespace}#{code}"), "message": format!("{code}, on purpose") }))
    }

    /// DynamoDB's error for too many units a second.
    pub(super) fn throttled(reason: &str) -> Self {
        let reasons = json!([{ "reason": reason, "resource": "arn:aws:dynamodb:us-east-1:000000000000:table/Things" }]);
        // The error that every operation has.
        let error = "com.amazonaws.dynamodb.v20120810#ThrottlingException";
        Self::json(400, &json!({ "__type": error, "message": "too fast, on purpose", "throttlingReasons": reasons }))
    }

    /// An answer of somebody who does not speak DynamoDB's language.
    pub(super) fn foreign(status: u16) -> Self {
        let body = Bytes::from_static(b"<html><body><h1>This is not DynamoDB</h1></body></html>");
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        Self { status, headers, body }
    }

    /// A transaction that was cancelled because of one action; the others have the reason None.
    pub(super) fn cancelled(request: &Request, code: &str, action: usize) -> Self {
        let actions = request.json["TransactItems"].as_array().map_or(0, Vec::len);
        let reasons: Vec<Json> = (0..actions)
            .map(|at| {
                if at == action {
                    json!({ "Code": code, "Message": format!("{code}, on purpose") })
                } else {
                    json!({ "Code": "None" })
                }
            })
            .collect();
        let codes: Vec<&str> = (0..actions).map(|at| if at == action { code } else { "None" }).collect();
        let message =
            format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{}]", codes.join(", "));
        let error = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
        Self::json(400, &json!({ "__type": error, "Message": message, "CancellationReasons": reasons }))
    }

    /// The same answer with its JSON changed.
    pub(super) fn changed(self, change: &(dyn Fn(&mut Json) + Send + Sync)) -> Self {
        let mut json = serde_json::from_slice(&self.body).unwrap();
        change(&mut json);
        Self::json(self.status, &json)
    }

    pub(super) fn whole(self) -> Response<Paced> {
        let body = Paced::whole(self.body.clone());
        self.response(body)
    }

    pub(super) fn slow(self) -> Response<Paced> {
        let body = Paced::slow(self.body.clone());
        self.response(body)
    }

    pub(super) fn cut(self) -> Response<Paced> {
        let body = Paced::cut(self.body.clone());
        self.response(body)
    }

    fn response(self, body: Paced) -> Response<Paced> {
        let mut response = Response::new(body);
        *response.status_mut() = hyper::StatusCode::from_u16(self.status).unwrap();
        *response.headers_mut() = self.headers;
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        response
    }
}

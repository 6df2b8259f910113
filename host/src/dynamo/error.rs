//! What can go wrong, told apart by what a person or a caller does next.

use std::sync::Arc;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::explain::Code;
use crate::model::Item;

/// A call that did not succeed. Cheap to clone.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// DynamoDB, or the way to it, said no.
    #[error(transparent)]
    Call(Arc<Failure>),
    /// The wait before a retry was cancelled.
    #[error("{0} was cancelled while it waited to be sent again")]
    Cancelled(String),
    /// No region is set, and the endpoint does not tell it.
    #[error("no AWS region is set; give --region, set AWS_REGION, or name one in the profile")]
    NoRegion,
    /// This process could not set itself up for the connection.
    #[error("cannot prepare the connection to DynamoDB: {0}")]
    Setup(String),
}

/// One failed call.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{operation} on {subject} at {endpoint} failed: {code}: {message}{}", advice(*kind))]
pub struct Failure {
    /// What the failure means to a caller.
    pub kind: ErrorKind,
    /// DynamoDB's name of the operation.
    pub operation: &'static str,
    /// The table.
    pub subject: String,
    /// The endpoint, for people.
    pub endpoint: String,
    /// DynamoDB's error code, or what took its place.
    pub code: String,
    /// DynamoDB's message.
    pub message: String,
    /// With a failed condition: the item that is there.
    pub present: Option<Item>,
    /// The call may have taken effect all the same.
    pub in_doubt: bool,
}

/// What an error means to a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The credentials are known and may not do this.
    Denied,
    /// There is no such table.
    TableMissing,
    /// No credentials were found.
    NoCredentials,
    /// The credentials have expired, and asking for new ones gave none.
    ExpiredCredentials,
    /// The credentials are not known there, or do not fit what was signed with them.
    WrongCredentials,
    /// No region is known.
    NoRegion,
    /// The endpoint could not be reached.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// Throttled for longer than was waited.
    Throttled,
    /// A condition did not hold.
    ConditionFailed,
    /// DynamoDB does not take the request.
    Validation,
    /// The table is being made, deleted or restored.
    TableNotActive,
    /// The table is being deleted, or is archived: waiting does not help.
    TableUnusable,
    /// Something answers there, but not as DynamoDB does.
    NotDynamoDb,
    /// Cancelled by the caller.
    Cancelled,
    /// Anything else.
    Other,
}

impl ErrorKind {
    /// The code under which it is explained. Expired credentials are something to try again (75): with new ones the very same call goes on,
    /// and where a role gives them, a second try needs nobody.
    pub fn explained(self) -> Code {
        match self {
            Self::Denied => Code::Denied,
            Self::TableMissing => Code::TableMissing,
            Self::NoCredentials => Code::NoCredentials,
            Self::ExpiredCredentials => Code::ExpiredCredentials,
            Self::WrongCredentials => Code::WrongCredentials,
            Self::NoRegion => Code::NoRegion,
            Self::Unreachable => Code::Unreachable,
            Self::TimedOut => Code::NoAnswer,
            Self::Throttled => Code::Throttled,
            Self::ConditionFailed => Code::ConditionFailed,
            Self::Validation => Code::RequestRefused,
            Self::TableNotActive => Code::TableNotActive,
            Self::TableUnusable => Code::TableUnusable,
            Self::NotDynamoDb => Code::NotDynamoDb,
            Self::Cancelled => Code::Cancelled,
            Self::Other => Code::DynamoDb,
        }
    }
}

impl Error {
    /// What the error means to a caller.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Call(failure) => failure.kind,
            Self::Cancelled(_) => ErrorKind::Cancelled,
            Self::NoRegion => ErrorKind::NoRegion,
            Self::Setup(_) => ErrorKind::Other,
        }
    }

    /// With [`ErrorKind::ConditionFailed`]: the item that is there, `None` if there is none.
    pub fn present(&self) -> Option<&Item> {
        match self {
            Self::Call(failure) => failure.present.as_ref(),
            _ => None,
        }
    }

    /// DynamoDB's error code, or what took its place.
    pub fn code(&self) -> &str {
        match self {
            Self::Call(failure) => &failure.code,
            Self::Cancelled(_) => "Cancelled",
            Self::NoRegion => "NoRegion",
            Self::Setup(_) => "Setup",
        }
    }

    /// Whether the call may have taken effect although it failed: no answer, or one that leaves it open.
    pub fn in_doubt(&self) -> bool {
        matches!(self, Self::Call(failure) if failure.in_doubt)
    }
}

fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Denied => " (allow this operation on the table in the IAM policy of these credentials)",
        ErrorKind::TableMissing => " (check the table's name, the region and the account)",
        ErrorKind::NoCredentials => " (set a profile or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)",
        ErrorKind::ExpiredCredentials => " (renew the credentials, for instance by `aws sso login`; then go on)",
        ErrorKind::WrongCredentials => {
            " (check the access key, its secret and session token, the region, and this machine's clock)"
        }
        ErrorKind::Unreachable => " (check the endpoint, the region, the network and any proxy)",
        ErrorKind::TimedOut => " (check the endpoint and the network, or give more time with --request-timeout)",
        ErrorKind::NotDynamoDb => " (is this DynamoDB's endpoint? Check it, and any proxy on the way)",
        ErrorKind::Throttled => " (raise the table's capacity, or go slower)",
        ErrorKind::TableNotActive => " (wait until the table is ACTIVE)",
        _ => "",
    }
}

/// Whether a code means: too fast, nothing was done, send it again later.
pub(super) fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "ThrottlingError"
            | "ThrottlingException"
            | "Throttling"
            | "ProvisionedThroughputExceeded"
            | "ProvisionedThroughputExceededException"
            | "RequestLimitExceeded"
            | "LimitExceeded"
            | "TooManyRequestsException"
    )
}

/// Whether a code means that another transaction was in the way, and nothing was done.
pub(super) fn is_conflict(code: &str) -> bool {
    matches!(
        code,
        "TransactionConflict"
            | "TransactionConflictException"
            | "TransactionInProgressException"
            | "ReplicatedWriteConflictException"
            | "ReplicatedWriteConflict"
    )
}

/// The kind that goes with one of DynamoDB's codes.
pub(super) fn kind_of(code: &str, message: &str) -> ErrorKind {
    match code {
        _ if is_throttling(code) => ErrorKind::Throttled,
        "AccessDeniedException" | "AccessDenied" | "AccessDeniedForResource" => ErrorKind::Denied,
        "ResourceNotFoundException" | "ResourceNotFound" | "TableNotFoundException" => ErrorKind::TableMissing,
        "ExpiredTokenException" | "ExpiredToken" | "RequestExpired" => ErrorKind::ExpiredCredentials,
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignatureException" => ErrorKind::WrongCredentials,
        "MissingAuthenticationTokenException" | "MissingAuthenticationToken" => ErrorKind::NoCredentials,
        "ConditionalCheckFailedException" | "ConditionalCheckFailed" => ErrorKind::ConditionFailed,
        "ResourceInUseException" => ErrorKind::TableNotActive,
        "ValidationException" | "ValidationError" if message.contains("not ACTIVE") => ErrorKind::TableNotActive,
        "ValidationException"
        | "ValidationError"
        | "ItemCollectionSizeLimitExceededException"
        | "ItemCollectionSizeLimitExceeded" => ErrorKind::Validation,
        _ => ErrorKind::Other,
    }
}

/// Turns the SDK's error into ours. `present` is the item that came with a failed condition.
pub(super) fn from_sdk<E, R>(
    error: &SdkError<E, R>,
    operation: &'static str,
    subject: &str,
    endpoint: &str,
    present: Option<Item>,
) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + HttpStatus,
{
    let (kind, code, message, in_doubt) = match error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status();
            match service.err().code() {
                Some(code) => {
                    let message = service.err().message().unwrap_or("no message").to_owned();
                    let throttled = is_throttling(code) || is_conflict(code);
                    let open = !throttled && (status >= 500 || code == "InternalServerError");
                    (kind_of(code, &message), code.to_owned(), message, open)
                }
                // An answer without a code is no answer of DynamoDB's: somebody on the way, or a body cut off. With some
                // statuses that somebody says that he has not passed it on.
                None => {
                    let message = format!("HTTP status {status}, and none of DynamoDB's error codes");
                    let refused = matches!(status, 401 | 403 | 404 | 405 | 407 | 411 | 413 | 414 | 429 | 431);
                    (ErrorKind::NotDynamoDb, "NotDynamoDb".into(), message, !refused)
                }
            }
        }
        SdkError::TimeoutError(_) => (ErrorKind::TimedOut, "TimedOut".into(), chain(error), true),
        SdkError::DispatchFailure(failure) => {
            let text = chain(error);
            if failure.is_timeout() {
                // A connection that was never made carried nothing. The SDK tells it from the rest in words only.
                let connecting = text.contains("HTTP connect timeout");
                (ErrorKind::TimedOut, "TimedOut".into(), text, !connecting)
            } else if text.contains("onnection refused") || text.contains("dns error") || text.contains("certificate") {
                (ErrorKind::Unreachable, "Unreachable".into(), text, false)
            } else if text.contains("credential") {
                (ErrorKind::NoCredentials, "NoCredentials".into(), text, false)
            } else {
                (ErrorKind::Unreachable, "Unreachable".into(), text, true)
            }
        }
        SdkError::ConstructionFailure(_) => {
            let text = chain(error);
            let kind = if text.contains("credential") { ErrorKind::NoCredentials } else { ErrorKind::Validation };
            (kind, "NotSent".into(), text, false)
        }
        SdkError::ResponseError(_) => (ErrorKind::Other, "BadResponse".into(), chain(error), true),
        _ => (ErrorKind::Other, "Unknown".into(), chain(error), true),
    };
    Error::Call(Arc::new(Failure {
        kind,
        operation,
        subject: subject.to_owned(),
        endpoint: endpoint.to_owned(),
        code,
        message,
        present,
        in_doubt,
    }))
}

/// The status of an answer; there to keep the HTTP type out of the functions above.
pub(super) trait HttpStatus {
    /// The status code.
    fn status(&self) -> u16;
}

impl HttpStatus for aws_smithy_runtime_api::client::orchestrator::HttpResponse {
    fn status(&self) -> u16 {
        self.status().as_u16()
    }
}

/// The error and its causes, without the debug form that the SDK's own display adds.
fn chain<E: std::error::Error>(error: &E) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

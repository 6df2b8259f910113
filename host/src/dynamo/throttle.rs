//! Why DynamoDB throttled a call: that decides who goes slower.

use std::fmt;

use aws_sdk_dynamodb::types::ThrottlingReason;
use aws_sdk_dynamodb::types::error::{ProvisionedThroughputExceededException, RequestLimitExceeded, ThrottlingException};

/// What was asked too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throttle {
    /// The table: its provisioned throughput, or its maximum.
    Table,
    /// A secondary index, which holds the table's writes up.
    Index,
    /// The account's quota.
    Account,
    /// One range of keys: the rest of the table is as quick as before.
    KeyRange,
}

impl fmt::Display for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Table => "table",
            Self::Index => "index",
            Self::Account => "account",
            Self::KeyRange => "key range",
        })
    }
}

impl Throttle {
    /// Each of them once.
    pub const ALL: [Self; 4] = [Self::Table, Self::Index, Self::Account, Self::KeyRange];

    /// Its name, for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Index => "index",
            Self::Account => "account",
            Self::KeyRange => "key-range",
        }
    }

    /// Of a whole call: by the reasons that its error has, else by its code and message.
    pub(super) fn of_error(error: &(dyn std::error::Error + 'static), code: &str, message: &str) -> Self {
        let reasons: &[ThrottlingReason] = match error.source() {
            Some(inner) => {
                let provisioned = inner.downcast_ref().map(ProvisionedThroughputExceededException::throttling_reasons);
                let throttling = || inner.downcast_ref().map(ThrottlingException::throttling_reasons);
                let limit = || inner.downcast_ref().map(RequestLimitExceeded::throttling_reasons);
                provisioned.or_else(throttling).or_else(limit).unwrap_or_default()
            }
            None => &[],
        };
        let named = reasons.iter().filter_map(|reason| Self::of_reason(reason.reason()?));
        // What slows most counts: a key range that is hot as well is slowed with the rest.
        named.max_by_key(|throttle| *throttle != Self::KeyRange).unwrap_or_else(|| Self::of_text(code, message))
    }

    /// Of a statement or an action, whose errors have no reasons: by its code and message.
    pub(super) fn of_text(code: &str, message: &str) -> Self {
        match code {
            "RequestLimitExceeded" | "LimitExceeded" => Self::Account,
            _ => message
                .split(|c: char| !c.is_alphanumeric())
                .find_map(Self::of_reason)
                .unwrap_or_else(|| if message.contains("secondary index") { Self::Index } else { Self::Table }),
        }
    }

    /// `TableReadKeyRangeThroughputExceeded`, `IndexWriteAccountLimitExceeded` and so on: resource, operation, limit.
    fn of_reason(reason: &str) -> Option<Self> {
        let (rest, index) = match (reason.strip_prefix("Table"), reason.strip_prefix("Index")) {
            (Some(rest), _) => (rest, false),
            (_, Some(rest)) => (rest, true),
            _ => return None,
        };
        match rest.strip_prefix("Read").or_else(|| rest.strip_prefix("Write"))? {
            // A hot key of an index is no range of the table's keys: whichever segment writes next may meet it.
            "KeyRangeThroughputExceeded" if !index => Some(Self::KeyRange),
            "AccountLimitExceeded" => Some(Self::Account),
            _ if index => Some(Self::Index),
            _ => Some(Self::Table),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::operation::scan::ScanError;

    use super::*;

    #[test]
    fn reasons_tell_who_goes_slower() {
        let scan = |reasons: &[&str]| {
            let reasons = reasons.iter().map(|reason| ThrottlingReason::builder().reason(*reason).build()).collect();
            let error = ProvisionedThroughputExceededException::builder().set_throttling_reasons(Some(reasons)).build();
            Throttle::of_error(&ScanError::ProvisionedThroughputExceededException(error), "x", "")
        };
        assert_eq!(scan(&["TableReadKeyRangeThroughputExceeded"]), Throttle::KeyRange);
        assert_eq!(scan(&["TableReadProvisionedThroughputExceeded"]), Throttle::Table);
        assert_eq!(scan(&["TableReadMaxOnDemandThroughputExceeded"]), Throttle::Table);
        assert_eq!(scan(&["IndexWriteProvisionedThroughputExceeded"]), Throttle::Index);
        assert_eq!(scan(&["IndexWriteKeyRangeThroughputExceeded"]), Throttle::Index);
        assert_eq!(scan(&["IndexWriteAccountLimitExceeded"]), Throttle::Account);
        assert_eq!(scan(&["TableReadKeyRangeThroughputExceeded", "TableReadAccountLimitExceeded"]), Throttle::Account);
        assert_eq!(scan(&[]), Throttle::Table);
        let throttling = ThrottlingException::builder()
            .throttling_reasons(ThrottlingReason::builder().reason("TableWriteKeyRangeThroughputExceeded").build())
            .build();
        assert_eq!(Throttle::of_error(&ScanError::ThrottlingException(throttling), "x", ""), Throttle::KeyRange);
    }

    #[test]
    fn a_text_tells_what_it_can() {
        let index =
            "The level of configured provisioned throughput for one or more global secondary indexes of the table was exceeded.";
        assert_eq!(Throttle::of_text("ThrottlingError", index), Throttle::Index);
        assert_eq!(
            Throttle::of_text("ProvisionedThroughputExceeded", "The level of configured provisioned throughput"),
            Throttle::Table
        );
        assert_eq!(Throttle::of_text("RequestLimitExceeded", ""), Throttle::Account);
        assert_eq!(Throttle::of_text("ThrottlingError", "Reason: TableWriteKeyRangeThroughputExceeded."), Throttle::KeyRange);
    }
}

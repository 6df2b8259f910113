//! What a table has that DescribeTable does not tell: expiry, and backups.
//!
//! Each is a request of its own with a right of its own, and an endpoint need not know it. What cannot be asked is said to be not
//! checked, and stops nothing.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::{BackupStatus, PointInTimeRecoveryStatus, TimeToLiveStatus};

use super::client::{Call, Client};
use super::error::{Error, ErrorKind};
use super::pace::Cost;
use super::table::TableInfo;
use crate::model::{Checked, Features};

impl Client {
    /// What a described table has. Two requests, which cost nothing.
    pub async fn features(&self, table: &TableInfo) -> Features {
        let (ttl, point_in_time_recovery) = tokio::join!(self.ttl(&table.name), self.point_in_time_recovery(&table.name));
        Features {
            index_keys: table.index_keys.clone(),
            ttl: checked(ttl),
            point_in_time_recovery: checked(point_in_time_recovery),
            stream: table.stream,
            replicas: table.regions.clone(),
        }
    }

    /// Has DynamoDB make a backup of a table of this name, and waits until it can be restored, at most `max`; gives its ARN.
    pub async fn back_up(&self, table: &str, name: &str, max: Duration) -> Result<String, Error> {
        let call = Call { operation: "CreateBackup", subject: table, repeatable: false, cancel: None, cost: Cost::Free };
        let request = || self.sdk().create_backup().table_name(table).backup_name(name).send();
        let answer = self.call(call, |_| None, request).await?;
        let Some(made) = answer.backup_details() else {
            return Err(self.unreadable(call, "the answer has no backup".into()));
        };
        let (arn, begun) = (made.backup_arn().to_owned(), Instant::now());
        let call = Call { operation: "DescribeBackup", repeatable: true, ..call };
        let (mut status, mut wait) = (Some(made.backup_status().clone()), Duration::from_millis(200));
        while status != Some(BackupStatus::Available) {
            if status == Some(BackupStatus::Deleted) || begun.elapsed() >= max {
                let status = status.map_or_else(|| "not known".to_owned(), |status| status.as_str().to_owned());
                return Err(
                    self.unreadable(call, format!("the backup {arn} is {status} after {} seconds", begun.elapsed().as_secs()))
                );
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(5));
            let answer = self.call(call, |_| None, || self.sdk().describe_backup().backup_arn(&arn).send()).await?;
            let details = answer.backup_description().and_then(|described| described.backup_details());
            status = details.map(|details| details.backup_status().clone());
        }
        Ok(arn)
    }

    async fn ttl(&self, table: &str) -> Result<Option<String>, Error> {
        let call = Call { operation: "DescribeTimeToLive", subject: table, repeatable: true, cancel: None, cost: Cost::Free };
        let answer = self.call(call, |_| None, || self.sdk().describe_time_to_live().table_name(table).send()).await?;
        let expires =
            |status: Option<&TimeToLiveStatus>| matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling));
        let described = answer.time_to_live_description().filter(|described| expires(described.time_to_live_status()));
        Ok(described.and_then(|described| described.attribute_name()).map(str::to_owned))
    }

    async fn point_in_time_recovery(&self, table: &str) -> Result<bool, Error> {
        let call =
            Call { operation: "DescribeContinuousBackups", subject: table, repeatable: true, cancel: None, cost: Cost::Free };
        let answer = self.call(call, |_| None, || self.sdk().describe_continuous_backups().table_name(table).send()).await?;
        let described =
            answer.continuous_backups_description().and_then(|described| described.point_in_time_recovery_description());
        let status = described.and_then(|described| described.point_in_time_recovery_status());
        Ok(status == Some(&PointInTimeRecoveryStatus::Enabled))
    }
}

/// An answer, or in a few words why there is none.
fn checked<T>(answer: Result<T, Error>) -> Checked<T> {
    match answer {
        Ok(answer) => Checked::Known(answer),
        Err(Error::Call(failure)) => Checked::NotChecked(match failure.kind {
            ErrorKind::Denied => format!("these credentials may not call dynamodb:{}", failure.operation),
            _ if failure.code == "UnknownOperationException" => format!("this endpoint does not know {}", failure.operation),
            _ => format!("{} failed: {}: {}", failure.operation, failure.code, failure.message),
        }),
        Err(other) => Checked::NotChecked(other.to_string()),
    }
}

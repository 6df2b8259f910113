//! The two calls that carry items by the thousand, `Scan` and `BatchExecuteStatement`: their items are read and written without a
//! detour by the SDK's own types.
//!
//! The SDK makes of each item of an answer a hash map of its own values, out of which an item would be made at once; and of each value
//! that is written it wants a copy. Here the text of an answer becomes items, and items become the text of a request. All else is the
//! SDK's as ever: endpoints, signing, connections, time-outs, and what an error says. What is saved, and how that was measured, stands
//! in docs/performance.md.

mod page;
mod values;

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::operation::scan::{Scan, ScanOutput};
use aws_sdk_dynamodb::types::ConsumedCapacity;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextMut, BeforeTransmitInterceptorContextMut, Error, Output,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;

pub(super) use self::page::Page;
pub(super) use self::values::Statements;

/// Reads a page of items out of the answer to one `Scan`; the SDK's output then has the counts and the capacity, and no items.
#[derive(Clone, Debug, Default)]
pub(super) struct ReadsPage(Arc<Mutex<Option<Result<Page, String>>>>);

impl ReadsPage {
    /// The page of the answer that was read last; the error says what of it is not understood.
    pub(super) fn take(&self) -> Option<Result<Page, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[dyn_dispatch_hint]
impl Intercept for ReadsPage {
    fn name(&self) -> &'static str {
        "ReadsPage"
    }

    fn modify_before_serialization(
        &self,
        _context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(SharedResponseDeserializer::new(self.clone()));
        Ok(())
    }
}

impl DeserializeResponse for ReadsPage {
    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        config: &ConfigBag,
    ) -> Result<Output, OrchestratorError<Error>> {
        let body = match response.body().bytes() {
            Some(body) if response.status().is_success() => body,
            _ => return of_the_sdk(response, config),
        };
        // Looked at once, and not each of its texts by itself.
        let text = std::str::from_utf8(body).map_err(|error| OrchestratorError::response(Box::new(error)))?;
        let (read, output) = match Page::read(text) {
            Ok(page) => {
                let units = page.units.map(|units| ConsumedCapacity::builder().capacity_units(units).build());
                let scanned = i32::try_from(page.scanned).unwrap_or(i32::MAX);
                (Ok(page), ScanOutput::builder().scanned_count(scanned).set_consumed_capacity(units).build())
            }
            Err(error) if error.is_data() => (Err(error.to_string()), ScanOutput::builder().build()),
            // Cut off on the way: as any answer that is none.
            Err(error) => return Err(OrchestratorError::response(Box::new(error))),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(read);
        Ok(Output::erase(output))
    }
}

/// What the SDK makes of an answer: of errors it knows best.
fn of_the_sdk(response: &HttpResponse, config: &ConfigBag) -> Result<Output, OrchestratorError<Error>> {
    let operation = Scan::new().config();
    let deserializer = operation.as_ref().and_then(|operation| operation.load::<SharedResponseDeserializer>());
    let missing = || OrchestratorError::other("the SDK's Scan has no deserializer");
    deserializer.ok_or_else(missing)?.deserialize_nonstreaming_with_config(response, config)
}

/// Sends this body in place of what the SDK would have written.
#[derive(Clone, Debug)]
pub(super) struct SendsBody(Arc<Vec<u8>>);

impl SendsBody {
    pub(super) fn new(body: Vec<u8>) -> Self {
        Self(Arc::new(body))
    }
}

#[dyn_dispatch_hint]
impl Intercept for SendsBody {
    fn name(&self) -> &'static str {
        "SendsBody"
    }

    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        request.headers_mut().insert("content-length", self.0.len().to_string());
        *request.body_mut() = SdkBody::from(self.0.as_ref().clone());
        Ok(())
    }
}

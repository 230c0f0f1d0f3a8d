//! How an event leaves the portal: a small trait, and plain HTTP to loopback behind it.

use std::future::Future;
use std::io;
use std::pin::Pin;

use emulator_harness::Posted;

/// The status that a handler answered with, or why there was none.
pub type Delivered = Result<u16, String>;

/// Carries an event to its handler. Tests and the simulator bring their own.
pub trait Deliver: Send + Sync + 'static {
    /// POSTs `form` (`application/x-www-form-urlencoded`) to `url`.
    fn post(&self, url: String, form: String) -> Pin<Box<dyn Future<Output = Delivered> + Send>>;
}

/// Plain HTTP, one connection an event.
#[derive(Debug, Clone, Copy, Default)]
pub struct HttpDeliver;

impl Deliver for HttpDeliver {
    fn post(&self, url: String, form: String) -> Pin<Box<dyn Future<Output = Delivered> + Send>> {
        Box::pin(async move { post(&url, &form).await.map_err(|cause| cause.to_string()) })
    }
}

async fn post(url: &str, form: &str) -> io::Result<u16> {
    let posted = Posted {
        user_agent: "Bitrix24 Webhook Engine",
        content_type: "application/x-www-form-urlencoded",
        body: form,
    };
    emulator_harness::post(url, posted).await
}

/// Nobody listens: every event is dropped.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoDelivery;

impl Deliver for NoDelivery {
    fn post(&self, _url: String, _form: String) -> Pin<Box<dyn Future<Output = Delivered> + Send>> {
        Box::pin(async { Err("nobody listens".to_owned()) })
    }
}

//! What a client on a real connection sees of the emulator and its faults.
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::{World, bill_request, id_of, own};
use axum::Router;
use axum::routing::post;
use emulator_harness::{Served, serve, wait};
use serde_json::{Value, json};
use tokio::net::TcpListener;

struct Remote {
    world: World,
    served: Served,
    client: reqwest::Client,
}

impl Remote {
    async fn start() -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let world = World::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let served = serve(listener, world.emulator.router(), None).await;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            world,
            served,
            client,
        }
    }

    async fn post(&self, path: &str, body: &Value) -> Result<reqwest::Response, reqwest::Error> {
        let base = format!("http://{}", self.served.addr());
        let credentials = self.world.emulator.credentials(&base);
        assert_eq!(credentials.listen, self.served.addr().to_string());
        let request = self
            .client
            .post(format!("{}{}", credentials.base_url, own(path)));
        let request = request.header("x-kontur-apikey", credentials.api_key);
        let request = request.header("content-type", "application/json");
        request.body(body.to_string()).send().await
    }

    async fn contractor(&self) -> String {
        let request = json!({"name": "ООО «Ромашка»", "inn": "7707083893", "kpp": "770701001"});
        let answer = self.post("/contractors", &request).await.unwrap();
        assert_eq!(answer.status(), 201);
        let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        body["id"].as_str().unwrap().to_owned()
    }

    fn fault(&self, rule: &str) {
        self.world.emulator.faults().add(rule.parse().unwrap());
    }

    fn bills(&self) -> usize {
        self.world.emulator.truth().bills().count()
    }
}

#[tokio::test]
async fn lost_answer_is_a_closed_connection_and_the_bill_is_there() {
    let remote = Remote::start().await;
    let contractor = remote.contractor().await;
    remote.fault("answer-lost:createBill:times=1");
    let lost = remote.post("/bills", &bill_request(&contractor, "м")).await;
    assert!(lost.is_err());
    assert_eq!(remote.bills(), 1);
    let next = remote.post("/bills", &bill_request(&contractor, "м")).await;
    assert_eq!(next.unwrap().status(), 201);
    remote.served.shutdown().await;
}

#[tokio::test]
async fn not_done_is_a_closed_connection_and_no_bill() {
    let remote = Remote::start().await;
    let contractor = remote.contractor().await;
    remote.fault("not-done:createBill:times=1");
    assert!(
        remote
            .post("/bills", &bill_request(&contractor, "м"))
            .await
            .is_err()
    );
    assert_eq!(remote.bills(), 0);
}

#[tokio::test]
async fn cut_body_breaks_after_an_honest_head() {
    let remote = Remote::start().await;
    let contractor = remote.contractor().await;
    remote.fault("cut-body:createBill:times=1");
    let answer = remote
        .post("/bills", &bill_request(&contractor, "м"))
        .await
        .unwrap();
    assert_eq!(answer.status(), 201);
    assert!(answer.bytes().await.is_err());
    assert_eq!(remote.bills(), 1);
}

#[tokio::test]
async fn status_after_the_effect_hides_a_made_bill() {
    let remote = Remote::start().await;
    let contractor = remote.contractor().await;
    remote.fault("status-after=502:createBill:times=1");
    let answer = remote
        .post("/bills", &bill_request(&contractor, "м"))
        .await
        .unwrap();
    assert_eq!(answer.status(), 502);
    assert_eq!(remote.bills(), 1);
}

#[tokio::test]
async fn what_a_person_changes_is_hinted_at_and_what_the_api_changes_is_not() {
    let remote = Remote::start().await;
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&heard);
    let door = Router::new().route(
        "/hint",
        post(move |body: String| async move { noted.lock().unwrap().push(body) }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let served = serve(listener, door, None).await;
    let url = format!("http://{}/hint?token=x", served.addr());
    let emulator = &remote.world.emulator;
    let hinted = async |count: usize| {
        for _ in 0..500 {
            if emulator.hints().len() >= count {
                break;
            }
            wait(Duration::from_millis(10)).await;
        }
        let hints = emulator.hints().into_iter();
        hints.map(|hint| hint.answered).collect::<Vec<_>>()
    };

    // No address yet.
    let contractor = remote.contractor().await;
    let answer = remote.post("/bills", &bill_request(&contractor, "м")).await;
    let bill: Value = serde_json::from_slice(&answer.unwrap().bytes().await.unwrap()).unwrap();
    let person = remote.world.accountant();
    person.reject_bill(id_of(&bill)).unwrap();
    emulator.configure(|settings| settings.webhook_url = url);
    let again = remote.post("/bills", &bill_request(&contractor, "м")).await;
    assert_eq!(again.unwrap().status(), 201);
    // What was refused changed nothing, and neither does the tariff.
    person.set_tariff_paid(true).unwrap();
    person.restore_bill(id_of(&bill)).unwrap();
    assert_eq!(hinted(1).await, [Some(200)]);
    let told: Value = serde_json::from_str(&heard.lock().unwrap().concat()).unwrap();
    assert_eq!(
        told,
        json!({"organizationId": crate::support::ORGANIZATION})
    );

    // Nobody listens any more: it is not sent again.
    served.shutdown().await;
    person.cancel_bill(id_of(&bill)).unwrap();
    assert_eq!(hinted(2).await, [Some(200), None]);
    remote.served.shutdown().await;
}

//! Answers of the token server: when a portal installs the application, and when access has run out.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use capability::{Call, Urgency};
use connector_bitrix24::webhook::{InstallGrant, verify_install};
use connector_bitrix24::{App, Bitrix24, Connection, RenewalTurn, TokenVault, Tokens, VaultError};
use domain::{DealId, PortalId};

use crate::batch_answer::settings;
use crate::remote::{OpenGate, Script, finish};

#[derive(Clone, Copy)]
enum Operation {
    Install,
    Renew,
    Reserve,
}

const OPERATIONS: [(&str, Operation); 3] = [
    ("install", Operation::Install),
    ("renew", Operation::Renew),
    ("reserve", Operation::Reserve),
];

pub(crate) fn run(input: &[u8]) {
    let script = Script::of(input);
    let operation = script.operation(&OPERATIONS);
    let member = PortalId::new("a223c6b3710f85df22e9377d6c4f7553");
    let call = Call::new(&member, Urgency::Due, &OpenGate);
    let app = App {
        member_id: member.clone(),
        oauth: "https://oauth.bitrix24.tech/".parse().unwrap(),
        client_id: "local.573ad8a0346747".to_owned(),
        client_secret: "cl13nt-s3cr3t".to_owned().into(),
        tokens: Arc::new(Memory::default()),
        turn: RenewalTurn::new(Arc::new(|_| Box::pin(async {}))),
    };
    finish(async {
        match operation {
            Operation::Install => {
                let grant = InstallGrant {
                    member_id: member.clone(),
                    refresh_token: "refresh".to_owned().into(),
                    application_token: "token".to_owned().into(),
                };
                drop(verify_install(&call, app, &grant, script, &settings()).await);
            }
            Operation::Renew => {
                let bitrix = Bitrix24::new(Connection::App(app), script, settings()).unwrap();
                drop(bitrix.portal().deals.glance(&call, &[DealId(351)]).await);
            }
            Operation::Reserve => {
                let bitrix = Bitrix24::new(Connection::App(app), script, settings()).unwrap();
                let queue = bitrix.portal().offline.unwrap();
                if let Ok(packet) = queue.reserve(&call).await {
                    drop(queue.clear(&call, &packet).await);
                }
            }
        }
    });
}

/// Tokens in memory.
struct Memory(Mutex<(u64, Tokens)>);

impl Default for Memory {
    fn default() -> Self {
        let tokens = Tokens {
            access: "access".to_owned().into(),
            refresh: "refresh".to_owned().into(),
            client_endpoint: "https://portal.bitrix24.test/rest/".to_owned(),
        };
        Self(Mutex::new((1, tokens)))
    }
}

#[async_trait]
impl TokenVault for Memory {
    async fn load(&self) -> Result<Option<(u64, Tokens)>, VaultError> {
        Ok(Some(self.0.lock().unwrap().clone()))
    }

    async fn replace(&self, expected: u64, tokens: Tokens) -> Result<bool, VaultError> {
        let mut held = self.0.lock().unwrap();
        let is_expected = held.0 == expected;
        if is_expected {
            *held = (expected + 1, tokens);
        }
        Ok(is_expected)
    }
}

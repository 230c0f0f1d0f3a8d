//! A desk of its own for each test, with the shipped policy, and statements for its account.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use desk::Desk;
use desk::policy::read;
use desk::statement::{Mode, StatementError, Summary, know};
use planner::Policy;
use serde_json::json;
use store::{Mode as PortalMode, PageFilter, Portal, Store, StoredPolicy};
use testkit::builders::portal;
use testkit::time::at;

/// The account of the shipped policy.
pub(crate) const ACCOUNT: &str = "40702810900000012345";

pub(crate) struct Office {
    pub(crate) desk: Desk,
    pub(crate) policy: Policy,
    pub(crate) folder: tempfile::TempDir,
}

impl Office {
    pub(crate) async fn open() -> Self {
        let store = Store::open_inline().unwrap();
        let row = Portal {
            id: portal(),
            host: "portal.bitrix24.test".to_owned(),
            mode: PortalMode::Active,
            paused: false,
            detail: json!({}),
            created_at: at(0),
            updated_at: at(0),
        };
        store.portal_put(&row).await.unwrap();
        let text = include_str!("../../../../config/policy.toml");
        store
            .policy_add(&portal(), 0, &json!({"toml": text}), "test", at(0))
            .await
            .unwrap();
        let clock = Arc::new(engine::SteadyClock::of_this_machine());
        let stored: StoredPolicy = store.policy_current(&portal()).await.unwrap().unwrap();
        Self {
            policy: read(&stored).unwrap(),
            desk: Desk {
                store,
                portal: portal(),
                clock,
                accountant_gives: false,
            },
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn file(&self, text: &str) -> PathBuf {
        let path = self.folder.path().join("kl_to_1c.txt");
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) async fn import(&self, path: &Path, mode: Mode) -> Result<Summary, StatementError> {
        let known = know(path)?;
        let import = self.desk.import(&self.policy, path, &known, mode, &|_| {});
        import.await
    }

    pub(crate) async fn payments(&self) -> usize {
        let filter = PageFilter {
            limit: 10_000,
            ..PageFilter::default()
        };
        let page = self.desk.store.money_page(&portal(), &filter).await;
        page.unwrap().payments.len()
    }
}

pub(crate) fn statement(account: &str, orders: usize) -> String {
    let orders: String = (1..=orders)
        .map(|number| {
            format!(
                "СекцияДокумент=Платежное поручение\r\nНомер={number}\r\nДата=11.03.2026\r\nСумма=10.00\r\n\
                 ПлательщикСчет=40702810500000000777\r\nПолучательСчет={account}\r\nДатаПоступило=12.03.2026\r\n\
                 НазначениеПлатежа=Оплата\r\nКонецДокумента\r\n"
            )
        })
        .collect();
    format!(
        "1CClientBankExchange\r\nВерсияФормата=1.03\r\nКодировка=Windows\r\nДатаНачала=12.03.2026\r\n\
         ДатаКонца=12.03.2026\r\nРасчСчет={account}\r\n{orders}КонецФайла\r\n"
    )
}

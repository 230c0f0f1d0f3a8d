//! A statement at the desk: shown without a trace, booked once, and refused where it is nobody's or not what it was.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may"
)]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use desk::Desk;
use desk::policy::read;
use desk::statement::{Mode, StatementError, Summary, know};
use domain::Money;
use planner::Policy;
use serde_json::json;
use store::{Mode as PortalMode, PageFilter, Portal, Store, StoredPolicy};
use testkit::builders::portal;
use testkit::time::at;

/// The account of the shipped policy.
const ACCOUNT: &str = "40702810900000012345";

struct Office {
    desk: Desk,
    policy: Policy,
    folder: tempfile::TempDir,
}

impl Office {
    async fn open() -> Self {
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
        let text = include_str!("../../../config/policy.toml");
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
            },
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn file(&self, text: &str) -> PathBuf {
        let path = self.folder.path().join("kl_to_1c.txt");
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn import(&self, path: &Path, mode: Mode) -> Result<Summary, StatementError> {
        let known = know(path)?;
        let import = self.desk.import(&self.policy, path, &known, mode, &|_| {});
        import.await
    }

    async fn payments(&self) -> usize {
        let filter = PageFilter {
            limit: 10_000,
            ..PageFilter::default()
        };
        let page = self.desk.store.money_page(&portal(), &filter).await;
        page.unwrap().payments.len()
    }
}

fn statement(account: &str, orders: usize) -> String {
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

#[tokio::test]
async fn a_preview_counts_and_records_nothing_and_booking_counts_the_same() {
    let office = Office::open().await;
    let path = office.file(&statement(ACCOUNT, 2_500));
    let shown = office.import(&path, Mode::Preview).await.unwrap();
    assert_eq!(
        (shown.read, shown.new, shown.became.len()),
        (2_500, 2_500, 0)
    );
    assert_eq!(shown.came, Money::from_kopecks(2_500_000));
    assert_eq!(office.payments().await, 0);
    assert!(
        office
            .desk
            .store
            .money_covered(&portal())
            .await
            .unwrap()
            .is_empty()
    );
    let heard = Mutex::new(Vec::new());
    let known = know(&path).unwrap();
    let told = |summary: &Summary| heard.lock().unwrap().push(summary.read);
    let booked = office
        .desk
        .import(&office.policy, &path, &known, Mode::Book, &told);
    let booked = booked.await.unwrap();
    assert_eq!((booked.read, booked.new), (2_500, 2_500));
    assert_eq!(
        booked.became["asked"].payments, 2_500,
        "nobody's INN, no invoice"
    );
    assert_eq!(*heard.lock().unwrap(), [1_000, 2_000, 2_500]);
    assert_eq!(office.payments().await, 2_500);
    assert_eq!(
        office
            .desk
            .store
            .money_covered(&portal())
            .await
            .unwrap()
            .len(),
        1
    );
    let again = office.import(&path, Mode::Book).await.unwrap();
    assert_eq!((again.read, again.new), (2_500, 0));
    assert_eq!(office.payments().await, 2_500);
}

#[tokio::test]
async fn a_file_of_nobodys_account_or_that_changed_meanwhile_is_refused() {
    let office = Office::open().await;
    let path = office.file(&statement("40702810900000099999", 1));
    let refused = office.import(&path, Mode::Book).await;
    assert!(
        matches!(&refused, Err(StatementError::Nobodys { accounts, .. }) if accounts == &["40702810900000099999"]),
        "{refused:?}"
    );
    let path = office.file(&statement(ACCOUNT, 1));
    let known = know(&path).unwrap();
    office.file(&statement(ACCOUNT, 2));
    let changed = office
        .desk
        .import(&office.policy, &path, &known, Mode::Book, &|_| {});
    assert!(matches!(changed.await, Err(StatementError::Changed { .. })));
    assert!(
        office
            .desk
            .store
            .money_covered(&portal())
            .await
            .unwrap()
            .is_empty(),
        "its days are not known"
    );
    let gone = know(&office.folder.path().join("no-such.txt"));
    assert!(matches!(gone, Err(StatementError::Open { .. })));
    let none = know(&office.file("no statement"));
    assert!(
        matches!(none, Err(StatementError::Unreadable { .. })),
        "{none:?}"
    );
}

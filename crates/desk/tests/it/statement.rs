//! A statement at the desk: shown without a trace, booked once, and refused where it is nobody's or not what it was.

use std::sync::Mutex;

use desk::statement::{Mode, StatementError, Summary, know};
use domain::Money;
use testkit::builders::portal;

use crate::office::{ACCOUNT, Office, statement};

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
async fn a_credit_that_is_asked_about_is_told_so() {
    let office = Office::open().await;
    let purpose = "НазначениеПлатежа=Зачисление средств по эквайрингу, реестр № 4. Комиссия 0.30";
    let text = statement(ACCOUNT, 1).replace("НазначениеПлатежа=Оплата", purpose);
    let path = office.file(&text);
    let booked = office.import(&path, Mode::Book).await.unwrap();
    assert_eq!(booked.became["asked"].payments, 1, "{booked:?}");
    assert_eq!(booked.became.len(), 1, "{booked:?}");
}

#[tokio::test]
async fn what_a_file_of_days_that_are_over_shows_no_more_is_told() {
    let office = Office::open().await;
    let made = |orders: usize, day: u32| {
        let created = format!("ДатаСоздания={day}.03.2026\r\nДатаНачала=");
        statement(ACCOUNT, orders).replacen("ДатаНачала=", &created, 1)
    };
    let import = async |text: String| {
        let path = office.file(&text);
        office.import(&path, Mode::Book).await.unwrap()
    };
    // Made on its day, it shows what the bank may not book, or not all of what it will.
    for orders in [3, 1] {
        let early = import(made(orders, 12)).await;
        assert_eq!(early.not_shown, [0_i64; 0]);
        assert_eq!(early.not_shown_in_words(), None);
    }
    let last = import(made(2, 13)).await;
    assert_eq!((last.new, last.not_shown.as_slice()), (0, &[3_i64][..]));
    let told = last.not_shown_in_words().unwrap();
    assert!(told.contains("в этом файле их нет: № 3."), "{told}");
    let whole = import(made(3, 14)).await;
    assert_eq!(whole.not_shown, [0_i64; 0]);
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
    let lost = know(&office.file("1CClientBankExchange\r\n\u{fffd}\u{fffd}=1.03\r\n"));
    let told = lost.unwrap_err().in_words();
    assert!(told.contains("заново"), "{told}");
}

#[tokio::test]
async fn statements_behind_one_another_in_one_file_are_sources_of_their_own() {
    let office = Office::open().await;
    let path = office.file(&[statement(ACCOUNT, 2), statement(ACCOUNT, 3)].concat());
    let shown = office.import(&path, Mode::Preview).await.unwrap();
    assert_eq!((shown.read, shown.new), (5, 3));
    let booked = office.import(&path, Mode::Book).await.unwrap();
    assert_eq!((booked.read, booked.new), (5, 3));
    assert_eq!(office.payments().await, 3);
    let again = office.import(&path, Mode::Book).await.unwrap();
    assert_eq!((again.read, again.new), (5, 0));
    // Two equal orders within one of them are two.
    let order = statement(ACCOUNT, 1);
    let section = order.split("СекцияДокумент").nth(1).unwrap();
    let section = section.strip_suffix("КонецФайла\r\n").unwrap();
    let twice = order.replacen(
        "КонецФайла",
        &format!("СекцияДокумент{section}КонецФайла"),
        1,
    );
    let path = office.file(&[statement(ACCOUNT, 3), twice].concat());
    assert_eq!(office.import(&path, Mode::Book).await.unwrap().new, 1);
}

#[tokio::test]
async fn a_day_counts_as_over_by_when_the_bank_made_its_own_part_of_a_file() {
    let office = Office::open().await;
    let part = |day: u32, created: u32| {
        format!(
            "1CClientBankExchange\r\nВерсияФормата=1.03\r\nДатаСоздания={created}.03.2026\r\n\
             СекцияРасчСчет\r\nДатаНачала={day}.03.2026\r\nДатаКонца={day}.03.2026\r\nРасчСчет={ACCOUNT}\r\n\
             КонецРасчСчет\r\nКонецФайла\r\n"
        )
    };
    let path = office.file(&[part(12, 12), part(14, 20)].concat());
    office.import(&path, Mode::Book).await.unwrap();
    let days = office.desk.store.money_covered(&portal()).await.unwrap();
    let days: Vec<_> = days.iter().map(|span| (span.from, span.to)).collect();
    let over = jiff::civil::date(2026, 3, 14);
    assert_eq!(days, [(over, over)], "the 12th was not over");
}

#[tokio::test]
async fn a_day_that_was_not_over_is_not_known() {
    let office = Office::open().await;
    let today = office.desk.clock.now().to_zoned(jiff::tz::TimeZone::UTC);
    let later = today.date().checked_add(jiff::Span::new().days(9)).unwrap();
    let earlier = today.date().checked_sub(jiff::Span::new().days(9));
    let text = |created: &str, to: jiff::civil::Date| {
        let to = to.strftime("ДатаКонца=%d.%m.%Y").to_string();
        let made = format!("{created}ДатаНачала=");
        let one = statement(ACCOUNT, 1).replacen("ДатаНачала=", &made, 1);
        one.replacen("ДатаКонца=12.03.2026", &to, 1)
    };
    let covered = async || {
        let days = office.desk.store.money_covered(&portal()).await.unwrap();
        days.iter().map(|span| span.to).collect::<Vec<_>>()
    };
    // Made on its only day, however late it is brought.
    let same = text(
        "ДатаСоздания=12.03.2026\r\n",
        jiff::civil::date(2026, 3, 12),
    );
    office
        .import(&office.file(&same), Mode::Book)
        .await
        .unwrap();
    assert!(covered().await.is_empty());
    let next = text(
        "ДатаСоздания=13.03.2026\r\n",
        jiff::civil::date(2026, 3, 12),
    );
    office
        .import(&office.file(&next), Mode::Book)
        .await
        .unwrap();
    assert_eq!(covered().await, [jiff::civil::date(2026, 3, 12)]);
    // Brought before its last day is over.
    office
        .import(&office.file(&text("", later)), Mode::Book)
        .await
        .unwrap();
    let through = covered().await[0];
    // In Moscow it may be tomorrow already.
    assert!(
        earlier.unwrap() < through && through <= today.date(),
        "{through}"
    );
}

#[tokio::test]
async fn days_without_a_movement_are_known_where_the_bank_writes_balances_for_the_others_alone() {
    let office = Office::open().await;
    let section = |day: u32| {
        format!(
            "СекцияРасчСчет\r\nДатаНачала={day}.03.2026\r\nДатаКонца={day}.03.2026\r\n\
             РасчСчет={ACCOUNT}\r\nКонецРасчСчет\r\n"
        )
    };
    let part = |days: (u32, u32), accounts: &str, sections: &str| {
        let (from, to) = days;
        format!(
            "1CClientBankExchange\r\nВерсияФормата=1.03\r\nДатаСоздания=28.03.2026\r\n\
             ДатаНачала={from}.03.2026\r\nДатаКонца={to}.03.2026\r\n{accounts}{sections}КонецФайла\r\n"
        )
    };
    let named = format!("РасчСчет={ACCOUNT}\r\n");
    // Nothing moved before the 4th, on the 5th and 6th, and after the 7th.
    let quiet = part((2, 13), &named, &format!("{}{}", section(4), section(7)));
    // The second names its account in a section alone, and its days in the header alone; the third has nothing at all.
    let bare = format!("СекцияРасчСчет\r\nРасчСчет={ACCOUNT}\r\nКонецРасчСчет\r\n");
    let file = [quiet, part((16, 17), "", &bare), part((20, 20), &named, "")].concat();
    let path = office.file(&file);
    assert_eq!(know(&path).unwrap().spans.len(), 3);
    office.import(&path, Mode::Book).await.unwrap();
    let days = office.desk.store.money_covered(&portal()).await.unwrap();
    let days: Vec<_> = days.iter().map(|span| (span.from, span.to)).collect();
    let day = |day| jiff::civil::date(2026, 3, day);
    assert_eq!(
        days,
        [(day(2), day(13)), (day(16), day(17)), (day(20), day(20))]
    );
}

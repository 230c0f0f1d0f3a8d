//! `provodka journal`: the story of a deal, told from the journal's lines in plain words.

use std::io::Write;

use domain::{DealId, Money, Order, SlotKind};
use jiff::tz::TimeZone;
use serde_json::Value;
use store::{JournalFilter, JournalLine, JournalProof, Subject};

use crate::args::JournalArgs;
use crate::fault::{Told, Unwell};
use crate::product::Product;
use crate::words::indented;
use crate::zone;

/// Lines read at a time.
const PAGE: usize = 1000;

/// What was read.
#[derive(Clone, Debug)]
pub struct Story {
    /// About the deal, oldest first.
    pub lines: Vec<JournalLine>,
    /// Lines of the portal that are noted and not yet in the chain.
    pub parked: u64,
    /// Whether every line stands as it was written, where that was asked.
    pub proof: Option<JournalProof>,
    /// Moments are told in it.
    pub zone: TimeZone,
}

/// Reads the story of a deal, and proves the chain where asked.
///
/// # Errors
/// The store's.
pub async fn run(product: &Product, args: &JournalArgs) -> anyhow::Result<Story> {
    let portal = product.portal();
    let mut story = Story {
        lines: Vec::new(),
        parked: product.store.journal_parked(portal).await?,
        proof: None,
        zone: zone::in_force(product).await,
    };
    if args.verify {
        story.proof = Some(product.store.journal_verify(portal).await?);
    }
    let Some(deal) = args.deal else {
        return Ok(story);
    };
    let subject = Subject::deal(DealId(deal));
    let mut after_seq = 0;
    loop {
        // Exchanges of several deals bear their subjects in the body, so all lines are read.
        let filter = JournalFilter {
            after_seq,
            limit: PAGE,
            ..JournalFilter::default()
        };
        let page = product.store.journal_read(portal, &filter).await?;
        let Some(last) = page.last() else { break };
        after_seq = last.seq;
        story
            .lines
            .extend(page.into_iter().filter(|line| is_about(line, &subject)));
    }
    if story.lines.is_empty() {
        return Err(
            Told::mistake(format!("the journal has no line about deal {deal}"))
                .hint("it keeps 90 days; `provodka plan --deal N` says what would be done now")
                .into(),
        );
    }
    Ok(story)
}

fn is_about(line: &JournalLine, subject: &Subject) -> bool {
    if line.entry.subject.as_ref() == Some(subject) {
        return true;
    }
    let subjects = line.entry.body.get("subjects").and_then(Value::as_array);
    let name = subject.to_string();
    subjects.is_some_and(|subjects| subjects.iter().any(|one| one.as_str() == Some(&name)))
}

/// Prints the story in words, or one JSON object a line.
///
/// # Errors
/// [`Unwell`] when the chain is broken; otherwise when the output is closed.
pub fn print(story: &Story, as_json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let mut day = None;
    if !story.lines.is_empty() && !as_json {
        writeln!(out, "{}", zone::named(&story.zone))?;
    }
    for line in &story.lines {
        if as_json {
            writeln!(out, "{}", serde_json::to_string(line)?)?;
            continue;
        }
        let at = line.entry.at.to_zoned(story.zone.clone());
        if day != Some(at.date()) {
            day = Some(at.date());
            writeln!(out, "{}", at.strftime("%d.%m.%Y"))?;
        }
        let told = indented(&in_words(line), 12);
        writeln!(out, "  {}  {told}", at.strftime("%H:%M:%S"))?;
    }
    match &story.proof {
        None => {}
        Some(JournalProof::Whole { anchor_seq, seq }) => {
            writeln!(
                out,
                "✓ Журнал цел: строки с {} по {seq} стоят, как были записаны.",
                anchor_seq.saturating_add(1)
            )?;
            if story.parked > 0 {
                writeln!(out, "  Ждут места в цепочке: {}.", story.parked)?;
            }
        }
        Some(JournalProof::Broken { seq }) => {
            writeln!(
                out,
                "✗ Журнал нарушен: строка {seq} изменена, убрана или добавлена позже."
            )?;
            return Err(Unwell.into());
        }
    }
    Ok(())
}

/// One line as a sentence.
fn in_words(line: &JournalLine) -> String {
    let body = &line.entry.body;
    match line.entry.kind.as_str() {
        "exchange" => exchange(body),
        "decision" => decision(body),
        "effect" => effect(body),
        "case" => case(body),
        "link" => "связь сделки и счёта записана".to_owned(),
        "person" => person(body),
        "upkeep" => upkeep(body),
        other => format!("{other}: {body}"),
    }
}

fn person(body: &Value) -> String {
    if let Some(order) = body.get("order").and_then(Value::as_str) {
        let word = Order::named(order).map(Order::in_russian);
        return format!("команда по адресу для роботов: {}", word.unwrap_or(order));
    }
    if let Some(number) = body.get("called") {
        return match body.get("not_carried_out") {
            None => format!("команда по адресу № {number} исполнена или отвечена"),
            Some(_) => {
                format!(
                    "команда по адресу № {number} не исполняется: воронка не подключена или под наблюдением"
                )
            }
        };
    }
    if let Some(number) = body.get("adopted").and_then(Value::as_str) {
        return adoption(body, number);
    }
    match body.get("retry") {
        Some(retried) => format!(
            "распоряжение повторить: вопрос № {} ({}), {}; кто: {}",
            body.get("case").unwrap_or(&Value::Null),
            text(body, "code"),
            retried.as_str().unwrap_or("чтение"),
            text(body, "by")
        ),
        None => format!("человек распорядился: {body}"),
    }
}

fn adoption(body: &Value, number: &str) -> String {
    let total = body.get("total").and_then(Value::as_i64);
    let mut told = format!(
        "{} № {number} на {} привязан к сделке; кто: {}",
        invoice_of(text(body, "slot")),
        domain::display::money(Money::from_kopecks(total.unwrap_or_default())),
        text(body, "by")
    );
    let replaced = list(body, "replaced");
    if !replaced.is_empty() {
        told.push_str(&format!("; вместо № {}", replaced.join(", № ")));
    }
    if let Some(order) = body.get("carried_out").and_then(Value::as_i64) {
        told.push_str(&format!("; этим исполнена команда по адресу № {order}"));
    }
    told
}

/// Which of a deal's invoices it is, by its slot `advance/1`.
fn invoice_of(slot: &str) -> String {
    let (kind, generation) = slot.split_once('/').unwrap_or((slot, "1"));
    let invoice = match kind.parse::<SlotKind>() {
        Ok(SlotKind::Whole) | Err(_) => "счёт",
        Ok(SlotKind::Advance) => "счёт на аванс",
        Ok(SlotKind::Rest) => "счёт на остаток",
        Ok(SlotKind::Additional) => "дополнительный счёт",
    };
    match generation {
        "1" => invoice.to_owned(),
        later => format!("{invoice} ({later}-й)"),
    }
}

fn exchange(body: &Value) -> String {
    let remote = match text(body, "remote") {
        "bitrix24" => "Битрикс24",
        "bitrix24-oauth" => "сервер авторизации Битрикс24",
        "kontur-accounting" => "бухгалтерия",
        other => other,
    };
    let duration = body.get("duration_ms").and_then(Value::as_u64).unwrap_or(0);
    let result = match text(body, "result") {
        "ok" => "успешно".to_owned(),
        "timed-out" => "ответа не дождались".to_owned(),
        "cut-off" => "связь оборвалась до конца ответа".to_owned(),
        "not-sent" => "не отправлено".to_owned(),
        code => format!("ответ `{code}`"),
    };
    let with_others = match body.get("subjects").and_then(Value::as_array) {
        Some(subjects) if subjects.len() > 1 => {
            format!(" (вместе ещё сделок: {})", subjects.len().saturating_sub(1))
        }
        Some(_) | None => String::new(),
    };
    format!(
        "обмен: {remote}, {}: {result}, {duration} мс{with_others}",
        text(body, "method")
    )
}

fn decision(body: &Value) -> String {
    if let Some(why) = body.get("halted").and_then(Value::as_str) {
        return format!("остановлено: {why}");
    }
    if body.get("payment").is_some() {
        return of_payment(body);
    }
    let because: Vec<&str> = list(body, "because");
    let actions: Vec<&str> = list(body, "actions").into_iter().map(action).collect();
    let mut sentence = format!("решение: {}", because.join("; "));
    if !actions.is_empty() {
        sentence.push_str(&format!(" → {}", actions.join(", ")));
        if body.get("carried_out").and_then(Value::as_bool) == Some(false) {
            sentence.push_str(" (только наблюдение, не исполняется)");
        }
    }
    sentence
}

/// Money of a payment given to invoices, or taken from them; of a refund taken off what is paid, or given back to it.
fn of_payment(body: &Value) -> String {
    let is = |what| body.get(what).is_some();
    let (whose, what) = match (is("booked"), is("refunded"), is("released")) {
        (true, _, _) => ("платёж", "отнесён к счетам"),
        (_, true, _) => ("возврат", "снят с оплаченного"),
        (_, _, true) => ("возврат", "больше не снят с оплаченного"),
        (false, false, false) => ("платёж", "снят со счетов"),
    };
    let shares = body.get("shares").and_then(Value::as_array);
    let shares = shares.into_iter().flatten().map(|share| {
        let kopecks = share.get("kopecks").and_then(Value::as_i64);
        let amount = Money::from_kopecks(kopecks.unwrap_or_default());
        format!(
            "{}: {}",
            text(share, "invoice"),
            domain::display::money(amount)
        )
    });
    let shares: Vec<String> = shares.collect();
    let separator = if shares.is_empty() { "" } else { " " };
    format!(
        "{whose} {} {what}{separator}{}; кто: {}; почему: {}",
        body.get("payment").unwrap_or(&Value::Null),
        shares.join(", "),
        text(body, "by"),
        text(body, "because")
    )
}

fn effect(body: &Value) -> String {
    let key = text(body, "effect");
    // The key of an invoice alone ends in its slot.
    let slot = key.rsplit_once("/invoice/").map(|(_, slot)| slot);
    let what = match (body.get("action").and_then(Value::as_str), slot) {
        (Some("issue_invoice") | None, Some(slot)) => format!("выставить {}", invoice_of(slot)),
        (Some(name), _) => action(name).to_owned(),
        (None, None) => format!("действие `{key}`"),
    };
    if let Some(held) = body.get("held").and_then(Value::as_str) {
        return format!("{what}: пока не отправлено ({held})");
    }
    if let Some(seen) = body.get("looked_up").and_then(Value::as_str) {
        return match seen {
            "found" => format!("{what}: исход был неизвестен; найдено, второй раз не делаем"),
            _ => format!("{what}: исход неизвестен; пока не найдено"),
        };
    }
    let attempt = body.get("attempt").and_then(Value::as_u64).unwrap_or(1);
    let tries = if attempt > 1 {
        format!(" (попытка {attempt})")
    } else {
        String::new()
    };
    match body.get("result") {
        Some(Value::String(done)) if done == "done" => format!("{what}: сделано{tries}"),
        Some(Value::Object(failure)) => {
            let error = failure
                .get("error")
                .map(|error| {
                    error
                        .as_str()
                        .map_or_else(|| error.to_string(), str::to_owned)
                })
                .unwrap_or_default();
            let verdict = failure.get("verdict").map(verdict).unwrap_or_default();
            format!("{what}: не удалось{tries}: {error}{verdict}")
        }
        Some(_) | None => what,
    }
}

fn verdict(verdict: &Value) -> &'static str {
    let word = verdict.as_str().map(str::to_owned).or_else(|| {
        let fields = verdict.as_object()?;
        fields.keys().next().cloned()
    });
    match word.unwrap_or_default().to_lowercase().as_str() {
        "retry" => "; повторим",
        "verify" | "defect" => "; исход неизвестен, сначала проверим",
        "reauthorize" => "; ждём доступа",
        "reject" => "; нужен человек",
        _ => "",
    }
}

fn case(body: &Value) -> String {
    let code = text(body, "code");
    match text(body, "text") {
        "" => format!("вопрос человеку: {body}"),
        question => format!("вопрос человеку [{code}]: {question}"),
    }
}

fn upkeep(body: &Value) -> String {
    match body.get("set_aside") {
        Some(_) => format!(
            "обработка несколько раз прервалась: отложено, открыт вопрос [{}]",
            engine::set_aside::SUBJECT_SET_ASIDE
        ),
        None => format!("обслуживание: {body}"),
    }
}

fn action(name: &str) -> &str {
    match name {
        "create_counterparty" => "создать контрагента",
        "issue_invoice" => "выставить счёт",
        "write_fields" => "записать поля сделки",
        "add_timeline_entry" => "добавить запись в ленту",
        "attach_pdf" => "приложить файл счёта",
        "move_stage" => "перевести сделку в стадию оплаты",
        "notify" => "написать человеку",
        other => other,
    }
}

fn text<'a>(body: &'a Value, key: &str) -> &'a str {
    body.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(body: &'a Value, key: &str) -> Vec<&'a str> {
    let items = body.get(key).and_then(Value::as_array);
    items
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Story, in_words, is_about, print};
    use domain::DealId;
    use jiff::tz::TimeZone;
    use serde_json::json;
    use store::{JournalEntry, JournalLine, JournalProof, Subject};

    fn line(seq: i64, kind: &str, body: serde_json::Value) -> JournalLine {
        JournalLine {
            seq,
            entry: JournalEntry {
                at: "2026-03-12T09:00:00Z".parse().unwrap(),
                subject: Some(Subject::deal(DealId(4711))),
                kind: kind.to_owned(),
                body,
            },
        }
    }

    #[test]
    fn a_story_is_told_in_words() {
        let story = Story {
            lines: vec![
                line(
                    1,
                    "exchange",
                    json!({"remote": "bitrix24", "method": "batch", "duration_ms": 120, "result": "ok",
                           "subjects": ["deal/4711", "deal/4712"]}),
                ),
                line(
                    2,
                    "decision",
                    json!({"because": ["сделка вошла в стадию счёта"], "actions": ["issue_invoice"], "carried_out": true}),
                ),
                line(
                    3,
                    "effect",
                    json!({"effect": "k", "action": "issue_invoice", "attempt": 1,
                           "result": {"verdict": "verify", "error": "no answer within 75s"}}),
                ),
                line(
                    4,
                    "effect",
                    json!({"effect": "k", "action": "issue_invoice", "looked_up": "found"}),
                ),
                line(
                    5,
                    "effect",
                    json!({"effect": "k", "action": "write_fields", "attempt": 2, "result": "done"}),
                ),
                line(
                    6,
                    "effect",
                    json!({"effect": "k", "action": "move_stage", "attempt": 1, "result": "done"}),
                ),
                line(
                    7,
                    "upkeep",
                    json!({"set_aside": {"deaths": 3, "reasons": ["sweep"]}}),
                ),
            ],
            parked: 2,
            proof: Some(JournalProof::Whole {
                anchor_seq: 0,
                seq: 7,
            }),
            zone: TimeZone::get("Asia/Yekaterinburg").unwrap(),
        };
        let mut out = Vec::new();
        print(&story, false, &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        время Asia/Yekaterinburg
        12.03.2026
          14:00:00  обмен: Битрикс24, batch: успешно, 120 мс (вместе ещё сделок: 1)
          14:00:00  решение: сделка вошла в стадию счёта → выставить счёт
          14:00:00  выставить счёт: не удалось: no answer within 75s; исход неизвестен, сначала проверим
          14:00:00  выставить счёт: исход был неизвестен; найдено, второй раз не делаем
          14:00:00  записать поля сделки: сделано (попытка 2)
          14:00:00  перевести сделку в стадию оплаты: сделано
          14:00:00  обработка несколько раз прервалась: отложено, открыт вопрос [SUBJECT-SET-ASIDE]
        ✓ Журнал цел: строки с 1 по 7 стоят, как были записаны.
          Ждут места в цепочке: 2.
        ");
    }

    #[test]
    fn what_became_of_money_is_told_of_payments_and_refunds() {
        let told = |what: &str| {
            let body =
                json!({what: [3], "payment": 9, "by": "accounting", "because": "платёж отменён"});
            in_words(&line(1, "decision", body))
        };
        for (what, expected) in [
            ("booked", "платёж 9 отнесён к счетам"),
            ("undone", "платёж 9 снят со счетов"),
            ("refunded", "возврат 9 снят с оплаченного"),
            ("released", "возврат 9 больше не снят с оплаченного"),
        ] {
            let expected = format!("{expected}; кто: accounting; почему: платёж отменён");
            assert_eq!(told(what), expected);
        }
    }

    #[test]
    fn an_effect_says_which_invoice_it_is() {
        for (slot, expected) in [
            ("whole/1", "выставить счёт: сделано"),
            ("whole/2", "выставить счёт (2-й): сделано"),
            ("advance/1", "выставить счёт на аванс: сделано"),
            ("rest/1", "выставить счёт на остаток: сделано"),
            (
                "additional/3",
                "выставить дополнительный счёт (3-й): сделано",
            ),
        ] {
            let key = format!("portal/deal/4711/invoice/{slot}");
            let body =
                json!({"effect": key, "action": "issue_invoice", "attempt": 1, "result": "done"});
            assert_eq!(in_words(&line(1, "effect", body)), expected);
        }
        let held = json!({"effect": "portal/deal/4711/invoice/rest/1", "held": "Paused"});
        let expected = "выставить счёт на остаток: пока не отправлено (Paused)";
        assert_eq!(in_words(&line(1, "effect", held)), expected);
    }

    #[test]
    fn an_adoption_is_told_in_words() {
        let mut body = json!({
            "adopted": "17", "invoice": "id-17", "organisation": "org", "slot": "advance/1", "total": 500_000,
            "by": "Мария", "carried_out": null, "replaced": [],
        });
        let total = domain::display::money(domain::Money::from_kopecks(500_000));
        let expected = format!("счёт на аванс № 17 на {total} привязан к сделке; кто: Мария");
        assert_eq!(in_words(&line(1, "person", body.clone())), expected);
        body["replaced"] = json!(["15", "16"]);
        body["carried_out"] = json!(3);
        let more = "; вместо № 15, № 16; этим исполнена команда по адресу № 3";
        assert_eq!(
            in_words(&line(1, "person", body)),
            format!("{expected}{more}")
        );
    }

    #[test]
    fn a_broken_chain_is_found_wrong() {
        let story = Story {
            lines: Vec::new(),
            parked: 0,
            proof: Some(JournalProof::Broken { seq: 17 }),
            zone: TimeZone::UTC,
        };
        let error = print(&story, false, &mut Vec::new()).unwrap_err();
        assert!(error.is::<crate::fault::Unwell>());
    }

    #[test]
    fn a_shared_exchange_is_about_each_of_its_deals() {
        let mut shared = line(1, "exchange", json!({"subjects": ["deal/1", "deal/2"]}));
        shared.entry.subject = None;
        assert!(is_about(&shared, &Subject::deal(DealId(2))));
        assert!(!is_about(&shared, &Subject::deal(DealId(3))));
    }
}
